"""An export in a real browser: asked for above the list, followed, left, downloaded."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from calls.export import jobs
from calls.models import ExportJob
from tests.calls.test_live import leg
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture(params=[(1440, "light"), (390, "dark")])
def page(request: pytest.FixtureRequest, live_server: str, client: Client) -> Iterator[Page]:
    """Give a browser that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    with open_browser(*request.param) as one:
        lend_session(one, client, str(live_server))
        yield one


def test_the_filtered_legs_are_exported_and_the_page_says_when_the_file_is_there(
    page: Page, live_server: str, tmp_path: Path, settings: Any, redis: Any
) -> None:
    settings.VAR_DIR = tmp_path
    leg(1, device_id="2001", phase="settled", outcome="flagged")
    leg(2, device_id="2002", phase="settled", outcome="refused")
    page.goto(f"{live_server}/admin/calls/leg/?outcome__exact=refused")
    page.get_by_role("button", name="Export as CSV").click()

    expect(page.get_by_text("waiting for a worker")).to_be_visible()
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) <= 0
    page.goto(f"{live_server}/admin/live/")
    jobs.run_export(ExportJob.objects.get().pk, timezone.now)
    page.goto(f"{live_server}/admin/exports/")
    with page.expect_download() as loading:
        page.get_by_role("link", name="Download", exact=True).click()

    text = Path(loading.value.path()).read_text(encoding="utf-8-sig")
    assert [row["Extension"] for row in csv.DictReader(text.splitlines())] == ["2002"]
    assert loading.value.suggested_filename.endswith(".csv")


def test_the_page_follows_the_export_without_a_reload(
    page: Page, live_server: str, tmp_path: Path, settings: Any, redis: Any
) -> None:
    settings.VAR_DIR = tmp_path
    leg(1, phase="settled", outcome="flagged")
    page.goto(f"{live_server}/admin/calls/leg/")
    page.get_by_role("button", name="Export as XLSX").click()
    expect(page.get_by_text("waiting for a worker")).to_be_visible()

    jobs.run_export(ExportJob.objects.get().pk, timezone.now)

    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible(timeout=15_000)
