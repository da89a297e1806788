"""The page "Live calls" in a real browser: it follows the calls by itself, and says when it cannot."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from calls.models import Leg
from tests.calls.test_live import leg, search
from tests.journeys.browser import PATIENCE_MS, lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
expect.set_options(timeout=PATIENCE_MS)


def connect(number: int, seconds_ago: float = 0) -> Leg:
    """Save a call in progress at its own extension."""
    at = timezone.now() - timedelta(seconds=seconds_ago)
    return leg(number, device_id=str(2000 + number), connected_at=at)


@pytest.fixture
def page(live_server: str, client: Client) -> Iterator[Page]:
    """Give a browser that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    with open_browser() as one:
        lend_session(one, client, str(live_server))
        yield one


def test_calls_come_and_go_and_the_countdown_runs_without_a_reload(page: Page, live_server: str) -> None:
    one = connect(1)
    search(one, deadline=timezone.now() + timedelta(seconds=60))
    page.goto(f"{live_server}/admin/live/")
    page.evaluate("window.isSamePage = true")
    expect(page.get_by_text("1 call in progress.")).to_be_visible()
    before = int(page.locator("[data-deadline]").inner_text().split()[0])

    connect(2)
    expect(page.get_by_text("2 calls in progress.")).to_be_visible()
    assert 0 < int(page.locator("[data-deadline]").inner_text().split()[0]) < before <= 60
    Leg.objects.filter(pk=one.pk).update(phase="settled")
    expect(page.get_by_role("link", name="2001", exact=True)).to_have_count(0)
    assert page.evaluate("window.isSamePage")


def test_the_keyboards_place_stays_while_rows_come_and_moves_on_when_its_call_ends(
    page: Page, live_server: str
) -> None:
    rows = [connect(number, seconds_ago=60 + number) for number in range(1, 4)]
    page.goto(f"{live_server}/admin/live/")
    page.get_by_role("link", name="2002", exact=True).focus()

    connect(9)
    expect(page.get_by_text("4 calls in progress.")).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "2002"
    Leg.objects.filter(pk=rows[1].pk).update(phase="settled")
    expect(page.get_by_text("3 calls in progress.")).to_be_visible()
    assert page.evaluate("document.activeElement.textContent") == "2003"


def test_what_one_reads_does_not_move_when_calls_come_above(page: Page, live_server: str) -> None:
    for number in range(1, 80):
        connect(number, seconds_ago=60 + number)
    page.goto(f"{live_server}/admin/live/")
    page.get_by_role("link", name="2060", exact=True).scroll_into_view_if_needed()
    before = page.get_by_role("link", name="2060", exact=True).bounding_box()

    for number in range(100, 110):
        connect(number)
    expect(page.get_by_text("89 calls in progress.")).to_be_visible()

    after = page.get_by_role("link", name="2060", exact=True).bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 2


def test_the_page_says_that_the_session_has_ended_and_where_to_log_in(page: Page, live_server: str) -> None:
    connect(1)
    page.goto(f"{live_server}/admin/live/?extension=2001")
    Session.objects.all().delete()

    expect(page.get_by_role("status").get_by_text("Your session has ended")).to_be_visible()
    page.get_by_role("link", name="Log in again").click()
    expect(page).to_have_url(f"{live_server}/admin/login/?next=%2Fadmin%2Flive%2F%3Fextension%3D2001")


def test_the_page_says_that_the_gateway_does_not_answer_and_goes_on_when_it_does(page: Page, live_server: str) -> None:
    connect(1)
    page.goto(f"{live_server}/admin/live/")

    page.route("**/fragment/**", lambda route: route.abort())
    expect(page.get_by_text("The gateway does not answer since")).to_be_visible()
    page.unroute("**/fragment/**")
    connect(2)
    expect(page.get_by_text("2 calls in progress.")).to_be_visible()
    expect(page.get_by_text("The gateway does not answer since")).to_have_count(0)


def test_a_gateway_that_hangs_is_waited_for_five_seconds(page: Page, live_server: str) -> None:
    held: list[Route] = []
    connect(1)
    page.goto(f"{live_server}/admin/live/")
    page.route("**/fragment/**", lambda route: held.append(route))  # noqa: PLW0108  (it takes functions only)

    expect(page.get_by_text("The gateway does not answer since")).to_be_visible()
    assert held


def test_a_hidden_page_asks_nothing(page: Page, live_server: str) -> None:
    connect(1)
    page.goto(f"{live_server}/admin/live/")
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => IS}); "
    tell = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide.replace("IS", "true") + tell)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "fragment" in request.url else None)
    page.wait_for_timeout(3000)  # Longer than the time between two questions.
    assert asked == []

    with page.expect_request("**/fragment/**"):
        page.evaluate(hide.replace("IS", "false") + tell)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_its_screen(live_server: str, client: Client, width: int) -> None:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    leg(1, agent_name="A" * 200, queue_name="Q" * 200, caller_name="C" * 300, reason="W" * 200)
    with open_browser(width) as one:
        lend_session(one, client, str(live_server))
        one.goto(f"{live_server}/admin/live/")
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert one.evaluate(wider) <= 0
