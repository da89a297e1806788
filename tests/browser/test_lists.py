"""Lists in a real browser: they update themselves, leave alone what is in use, and show the chosen columns."""

from itertools import product

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from calls.models import Leg
from tests.browser.axe import violations
from tests.browser.furnished import furnish
from tests.browser.test_people import SCHEMES, STILL, log_in
from tests.journeys.browser import open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ROWS = "#result_list tr.data-row"


@pytest.fixture
def address(live_server: str, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the web over a gateway in which something happened."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    furnish(User.objects.create_superuser("root", password="quite-a-long-word"))
    return str(live_server)


def add_leg(number: int) -> None:
    leg = Leg.objects.get(call_id="C1")
    leg.pk, leg.call_id, leg.recording_guid = leg.pk + number, f"NEW{number}", None
    leg.save(force_insert=True)


def legs_page(page: Page, address: str) -> int:
    """Open the list of legs with a clock of its own, and return how many rows it has."""
    log_in(page, address, "root")
    page.clock.install()
    page.goto(f"{address}/admin/calls/leg/")
    expect(page.locator("#qg-list-news")).to_have_text("Updated every 5 seconds.")
    return page.locator(ROWS).count()


def test_a_new_leg_appears_by_itself_but_not_under_somebodys_hands(address: str) -> None:
    with open_browser() as page:
        rows = legs_page(page, address)
        add_leg(1000)
        page.clock.run_for(5_500)
        expect(page.locator(ROWS)).to_have_count(rows + 1)

        page.locator("#result_list .field-connected a").first.focus()
        add_leg(2000)
        page.clock.run_for(5_500)
        expect(page.locator("#qg-list-news")).to_have_text("Not updated while a row is in use.")
        expect(page.locator(ROWS)).to_have_count(rows + 1)

        page.locator("#result_list .field-connected a").first.blur()
        page.clock.run_for(5_500)
        expect(page.locator(ROWS)).to_have_count(rows + 2)


def test_a_list_says_when_the_session_has_ended(address: str) -> None:
    with open_browser() as page:
        legs_page(page, address)
        page.context.clear_cookies()
        page.clock.run_for(5_500)
        expect(page.locator("#qg-list-news")).to_contain_text("not updated any more")


def test_columns_and_views_are_chosen_above_the_list(address: str) -> None:
    with open_browser() as page:
        log_in(page, address, "root")
        page.goto(f"{address}/admin/calls/leg/?flagged=no")
        page.get_by_text("Columns", exact=True).click()
        page.get_by_label("Call reference").uncheck()
        page.get_by_role("button", name="Show these").click()
        expect(page.locator("#result_list thead")).not_to_contain_text("Call reference")
        assert "flagged=no" in page.url
        page.get_by_text("Save this view", exact=True).click()
        page.get_by_label("Name", exact=True).fill("Trouble")
        page.get_by_role("button", name="Save", exact=True).click()
        page.goto(f"{address}/admin/calls/leg/")
        page.get_by_role("link", name="Trouble", exact=True).click()
        expect(page.locator(".qg-chips")).to_contain_text("Not flagged")


def test_the_choices_and_the_time_zone_can_be_read_by_everybody(address: str) -> None:
    faults: list[str] = []
    with open_browser() as page:
        log_in(page, address, "root")
        for name in ("calls/leg/?flagged=no", "time-zone/", "agents/agent/", ""):
            page.goto(f"{address}/admin/{name}")
            page.add_style_tag(content=STILL)
            page.evaluate("document.querySelectorAll('.qg-choices details').forEach(one => { one.open = true; })")
            for scheme, width in product(SCHEMES, (1440, 390)):
                page.emulate_media(color_scheme=scheme)
                page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
                page.set_viewport_size({"width": width, "height": 900})
                faults += [f"{name}, {scheme} at {width}: {one}" for one in violations(page)]
                excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                faults += [f"{name}, {scheme} at {width}: {excess} px too wide"] * (excess > 0)
    assert faults == [], "\n".join(faults)
