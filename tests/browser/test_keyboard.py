"""The admin without a mouse: what one needs is reached by Tab, and one sees where one is."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from qms.models import DataServer, RecordingService
from tests.browser.furnished import seal_a_day
from tests.calls.test_live import leg
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
IS_AMONG_FILTERS = "document.getElementById('changelist-filter').contains(document.activeElement)"
#: More than the menu, the search and a page's filters together.
MAXIMUM_STEPS = 150
SHOWS_FOCUS = """() => {
  const at = document.activeElement, look = getComputedStyle(at);
  const before = [look.outlineStyle, look.outlineWidth, look.boxShadow, look.borderColor, look.backgroundColor];
  at.blur();
  const now = getComputedStyle(at);
  const after = [now.outlineStyle, now.outlineWidth, now.boxShadow, now.borderColor, now.backgroundColor];
  return before.some((value, which) => value !== after[which]);
}"""


#: What must show that it has the focus, and where it stands.
FOCUSED = [
    ("/admin/", "a[href='/admin/live/']"),
    ("/admin/calls/leg/", "#searchbar"),
    ("/admin/calls/leg/", "#result_list a[href*='/change/']"),
    ("/admin/qms/dataserver/add/", "#id_slug"),
    ("/admin/qms/dataserver/add/", "[name='_save']"),
    ("/admin/installation/", "#content form button"),
    ("/admin/why/", "#content input"),
    ("/admin/objectives/", "#content select"),
    ("/admin/shadow/", "#content select"),
    ("/admin/reconciliation/reconciliationfinding/", "#searchbar"),
    ("/admin/evidence/evidenceseal/", "#result_list a[href*='/change/']"),
]


@pytest.fixture
def administrator(client: Client) -> Client:
    """Give a client with a session, on a site with one leg."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    leg(1, device_id="2001", call_id="C1", phase="settled", outcome="flagged")
    seal_a_day()
    RecordingService.objects.create(slug="rs1", data_server=DataServer.objects.create(slug="ds1"), url="http://qms")
    return client


@pytest.fixture
def page(live_server: str, administrator: Client) -> Iterator[Page]:
    """Give a browser that is logged in as an administrator."""
    with open_browser() as one:
        lend_session(one, administrator, str(live_server))
        yield one


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus; fails where that never comes."""
    for _ in range(MAXIMUM_STEPS):
        page.keyboard.press("Tab")
        # While a page comes, nothing has the focus.
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    pytest.fail(f"Tab never reached {selector}")


def test_the_menu_is_reached_and_leads_on(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/admin/")
    tab_to(page, "a[href='/admin/live/']")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{live_server}/admin/live/")


def test_the_search_of_legs_is_reached_and_a_row_opens_its_leg(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/admin/calls/leg/")
    tab_to(page, "#searchbar")
    page.keyboard.type("C1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/admin/calls/leg/\?search=\w+"))
    page.wait_for_load_state()
    tab_to(page, "#result_list a[href*='/change/']")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Decision log")).to_be_visible()


def test_a_form_is_filled_in_and_saved(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/admin/qms/dataserver/add/")
    tab_to(page, "#id_slug")
    page.keyboard.type("north")
    tab_to(page, "[name='_save']")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{live_server}/admin/qms/dataserver/")
    expect(page.locator("#result_list").get_by_role("link", name="north")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_sees_where_the_keyboard_is(live_server: str, administrator: Client, scheme: str) -> None:
    unseen = []
    with open_browser(scheme=scheme) as page:
        lend_session(page, administrator, str(live_server))
        for address, target in FOCUSED:
            page.goto(f"{live_server}{address}")
            tab_to(page, target)
            if not page.evaluate(SHOWS_FOCUS):
                unseen.append((address, target))

    assert unseen == []


def test_filters_and_the_account_menu_open_by_keyboard(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/admin/calls/leg/")
    tab_to(page, "[aria-label='Filters']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Filters").or_(page.get_by_text("Apply Filters")).first).to_be_visible()
    page.wait_for_function(IS_AMONG_FILTERS)  # Before: behind the blurred page, 53 Tabs away.
    for key in ("Shift+Tab", "Tab", "Tab"):
        page.keyboard.press(key)
        assert page.evaluate(IS_AMONG_FILTERS), key
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.matches('[aria-label=Filters]')")

    page.goto(f"{live_server}/admin/")
    tab_to(page, "[aria-label='Menu of your account']")
    page.keyboard.press(" ")
    expect(page.get_by_role("link", name="Time zone")).to_be_visible()


@pytest.mark.parametrize("address", ["/admin/calls/leg/", "/admin/admin/logentry/"])
def test_a_calendar_or_clock_of_a_filter_is_reached_and_left_by_keyboard(
    administrator: Client, live_server: str, address: str
) -> None:
    """Django puts it at the end of the page: before, the focus stayed among the filters that opened it."""
    with open_browser(width=1280) as page:
        lend_session(page, administrator, str(live_server))
        page.goto(f"{live_server}{address}")
        tab_to(page, "[aria-label='Filters']")
        page.keyboard.press("Enter")
        page.wait_for_function(IS_AMONG_FILTERS)
        openers = page.locator("#changelist-filter [id^=calendarlink], #changelist-filter [id^=clocklink]")
        names = [one.get_attribute("id") or "" for one in openers.all()]
        assert "calendarlink0" in names
        for name in names:
            _goes_through(page, name)


def _goes_through(page: Page, opener: str) -> None:
    """Open it by its link, go in by Tab, back, through it to the filters again, and close it by its "Cancel"."""
    is_opener, box = f"document.activeElement.id === '{opener}'", opener.replace("link", "box")
    is_in_it = f"document.getElementById('{box}').contains(document.activeElement)"
    page.evaluate(f"document.getElementById('{opener}').focus()")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#{box}", state="visible")
    page.keyboard.press("Tab")
    assert page.evaluate(is_in_it), opener
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(is_opener), opener
    for _ in range(MAXIMUM_STEPS):
        page.keyboard.press("Tab")
        if not page.evaluate(is_in_it):
            break
    assert page.evaluate(IS_AMONG_FILTERS), opener
    assert not page.evaluate(is_opener), opener
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(f"document.activeElement.matches('#{box} .calendar-cancel a')"), opener
    page.keyboard.press("Enter")
    page.wait_for_function(f"{is_opener} && getComputedStyle(document.getElementById('{box}')).display === 'none'")
