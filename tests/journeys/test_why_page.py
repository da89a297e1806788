"""From a recording that carries no flags to the reason, in a real browser, by keyboard."""

from collections.abc import Iterator

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from calls.models import Leg
from tests.journeys.browser import lend_session, open_browser
from tests.journeys.stack import GatewayStack

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with one flagged leg, one that QMS did not record, and one at an unknown extension."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    one.log_on("9101", "2001", "Alice Archer")
    one.connects("C1", "2001")
    one.call("Established", "C2", "2900")
    one.call("Established", "C3", "2002")
    for _ in range(30):
        one.passes(0.5)
    one.clears("C1", "2001")
    one.clears("C3", "2002")
    one.passes(1.2)
    return one


@pytest.fixture(params=[1440, 390])
def page(request: pytest.FixtureRequest, live_server: str, client: Client) -> Iterator[Page]:
    """Give a browser that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    with open_browser(request.param) as one:
        lend_session(one, client, str(live_server))
        yield one


def test_a_recording_without_flags_is_explained_and_its_leg_opened(
    gateway: GatewayStack, page: Page, live_server: str
) -> None:
    page.goto(f"{live_server}/admin/why/")
    page.get_by_label("GUID, call reference").focus()
    page.keyboard.type("C3")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Not flagged: QMS had no recording")).to_be_visible()
    expect(page.get_by_text("rs1 answered, but named no recording")).to_be_visible()
    expect(page.get_by_text("QMS is asked for the recording.")).to_be_visible()
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) <= 0
    page.get_by_role("link", name="The leg of extension 2002 in call C3").click()
    expect(page).to_have_url(f"{live_server}/admin/calls/leg/{Leg.objects.get(call_id='C3').pk}/change/")


def test_an_extension_and_a_time_are_enough(gateway: GatewayStack, page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/admin/why/")
    page.get_by_label("GUID, call reference").fill("2900")
    page.get_by_label("Time").fill("2026-03-02T09:00:30")
    page.get_by_role("button", name="Why?").click()

    expect(page.get_by_role("heading", name="Not flagged: no QMS user has this extension")).to_be_visible()
    expect(page.get_by_text("press Refresh QMS users")).to_be_visible()


def test_a_flagged_recording_is_reported_to_be_flagged(gateway: GatewayStack, page: Page, live_server: str) -> None:
    guid = Leg.objects.get(call_id="C1").recording_guid
    page.goto(f"{live_server}/admin/why/?text={guid}")

    expect(page.get_by_text("QMS took the flags of its recording")).to_be_visible()
