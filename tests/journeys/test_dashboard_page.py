"""The dashboard in a real browser: it keeps itself true, leaves the keyboard where it is, and says when it cannot."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from calls.models import HourlyCount
from tests.calls.test_live import leg
from tests.journeys.browser import PATIENCE_MS, lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, live_server: str, client: Client) -> Iterator[Page]:
    """Give the dashboard as an administrator has it before them, one of whose calls was not recorded today."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    one = leg(1, connected_at=timezone.now() - timedelta(seconds=1), outcome="not_recorded", phase="settled")
    count(one.source_id, "not_recorded", 1)
    with open_browser(width=390 if request.param == "dark" else 1440, scheme=request.param) as shown:
        lend_session(shown, client, str(live_server))
        shown.goto(f"{live_server}/admin/")
        yield shown


def count(source_id: int, outcome: str, legs: int) -> None:
    """Let this many legs of this hour have ended so."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    code = "none" if outcome == "not_recorded" else ""
    HourlyCount.objects.create(source_id=source_id, hour=hour, outcome=outcome, reason_code=code, legs=legs)


def test_figures_follow_by_themselves_and_the_keyboards_place_stays(page: Page) -> None:
    page.locator("#qd-day summary").press("Enter")
    page.evaluate("window.isSamePage = true")
    expect(page.locator("#qd-flagged")).to_contain_text("0 of 1 settled leg;")

    count(HourlyCount.objects.get().source_id, "flagged", 1999)

    expect(page.locator("#qd-flagged")).to_contain_text("1,999 of 2,000 settled legs")
    expect(page.locator("#qd-flagged")).to_contain_text("99.9 %")
    expect(page.locator("#qd-day summary")).to_be_focused()
    expect(page.get_by_role("rowheader").first).to_be_visible()
    assert page.evaluate("window.isSamePage")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heads = page.evaluate("[...document.querySelectorAll('#main h1, #main h2, #main h3')].map(one => one.tagName)")
    assert heads == ["H1"] + ["H2"] * (len(heads) - 1)


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_a_gateway_that_does_not_answer_and_a_session_that_ended_are_said(page: Page) -> None:
    news = page.locator("#qd-news")
    page.route("**/admin/dashboard/fragment/", lambda route: route.abort())
    expect(news).to_contain_text("The gateway does not answer since")
    page.unroute("**/admin/dashboard/fragment/")
    expect(news).to_have_text("Updated every 5 seconds.")

    def fail(route: Route) -> None:
        route.fulfill(status=500)

    page.route("**/admin/dashboard/fragment/", fail)
    expect(news).to_contain_text("The gateway does not answer since")
    page.unroute("**/admin/dashboard/fragment/")

    Session.objects.all().delete()
    expect(news).to_contain_text("Your session has ended")
    expect(news.get_by_role("link", name="Log in again")).to_have_attribute("href", "/admin/login/?next=%2Fadmin%2F")
