"""The page of replays in a browser: asked for by keyboard, watched, and read."""

from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django import Settings

import clock
from flags.models import FlagWrite, WriteState
from gateway_site.replays import runs
from gateway_site.replays.models import ReplayRun
from tests.browser.axe import violations
from tests.browser.furnished import furnish
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_replay_is_asked_for_by_keyboard_watched_and_read(
    live_server: str,
    width: int,
    scheme: str,
    redis: redis_client.Redis,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    user = User.objects.create_superuser("ada", password="x")
    gateway = furnish(user)
    ReplayRun.objects.all().delete()
    FlagWrite.objects.update(state=WriteState.WRITTEN, error_code="", error="")
    client = Client()
    client.force_login(user)
    with open_browser(width, scheme) as page:
        lend_session(page, client, str(live_server))
        page.goto(f"{live_server}{reverse('admin:replays_replayrun_add')}")
        _ask(page, gateway.begin.strftime("%Y-%m-%d"), (clock.now() + timedelta(days=1)).strftime("%Y-%m-%d"))
        expect(page.locator("#replay-first-line")).to_have_text("It waits for a worker.")
        assert violations(page) == []
        runs.carry_on(clock.now)
        expect(page.locator("#replay-first-line")).to_contain_text("would be different;")
        assert violations(page) == []
        page.locator("#replay-panel").get_by_role("link").first.press("Enter")
        expect(page).to_have_url(f"{live_server}{reverse('admin:calls_leg_change', args=[gateway.legs()[0].pk])}")
        page.goto(f"{live_server}{reverse('admin:replays_replayrun_changelist')}")
        assert violations(page) == []


def _ask(page: Page, begin: str, end: str) -> None:
    for name, text in (
        ("begin_0", begin),
        ("begin_1", "00:00"),
        ("end_0", end),
        ("end_1", "00:00"),
        ("text", '[[flags]]\nname = "QueueName"\nenabled = false'),
    ):
        page.locator(f"#id_{name}").fill(text)
    page.get_by_role("checkbox", name="pbx").press("Space")
    page.get_by_role("button", name="Begin the replay").press("Enter")
