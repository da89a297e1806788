"""Four people at their work, from log-in on: engineer, administrator, supervisor, operator; the new pages pass axe."""

import time
from itertools import product
from typing import Literal

import pytest
import redis as redis_client
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from agents.models import QmsUser
from calls.models import Leg
from cti.models import CtiSource
from flags.models import FlagWrite
from tests.browser.axe import violations
from tests.browser.furnished import furnish
from tests.journeys.browser import open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
PASSWORD = "quite-a-long-word"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: Within this many seconds the supervisor's question is answered.
PROMISED_SECONDS = 60
#: Colours are compared at once, not in mid-transition.
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"


@pytest.fixture
def address(live_server: str, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the web over a gateway in which something happened, with a person in each role."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    furnish(User.objects.create_superuser("root", password=PASSWORD))
    QmsUser.objects.filter(extension="2001").update(department_name="Sales")
    for role in ("Administrator", "Operator", "Supervisor"):
        user = User.objects.create_user(role.lower(), password=PASSWORD, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
    return str(live_server)


def log_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/admin/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/admin/")


def test_the_supervisor_learns_why_calls_were_not_flagged_within_a_minute(address: str) -> None:
    with open_browser() as page:
        log_in(page, address, "supervisor")
        begun = time.monotonic()
        page.get_by_role("link", name="Reports").click()
        page.locator("#period").select_option("today")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("#report-sentence")).to_contain_text("are flagged")
        cause = page.get_by_role("row", name="user unmatched")
        cause.get_by_role("link", name="1", exact=True).last.click()
        expect(page.locator("#result_list tbody tr.data-row")).to_have_count(1)
        expect(page.locator(".qg-chips")).to_contain_text("user unmatched")
        page.locator("#result_list .field-connected a").click()
        expect(page.get_by_text("Create the user in QMS with exactly this extension").first).to_be_visible()
        assert time.monotonic() - begun < PROMISED_SECONDS


def test_the_operator_goes_from_the_alert_to_the_cause_and_retries(address: str) -> None:
    key = FlagWrite.objects.values_list("pk", flat=True)[0]
    FlagWrite.objects.filter(pk=key).update(
        state="refused", error_code="UnknownFlag", alert_since="2026-03-02T09:00:00Z", settled_at="2026-03-02T09:00:00Z"
    )
    with open_browser() as page:
        log_in(page, address, "operator")
        page.goto(f"{address}/admin/flags/flagwrite/?alert=open")
        panel = page.locator("#alert-panel")
        expect(panel.get_by_role("link", name="Cause: Flags")).to_be_visible()
        panel.get_by_role("button", name="Retry it").click()
        expect(page.get_by_text("ordered at").first).to_be_visible()
        page.goto(f"{address}/admin/flags/flagwrite/{key}/change/")
        page.locator("a[href*='/admin/calls/leg/'][href$='/change/']").first.click()
        expect(page.get_by_role("heading", name="Decision log")).to_be_visible()


def test_the_engineer_finds_a_call_by_keyboard_alone(address: str) -> None:
    leg = Leg.objects.get(call_id="C1")
    with open_browser() as page:
        log_in(page, address, "administrator")
        page.keyboard.press("Control+k")
        page.keyboard.type("c1")
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/admin/calls/leg/{leg.pk}/change/")
        page.goto(f"{address}/admin/")
        page.keyboard.press("/")
        expect(page.locator("#qs-input")).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.press("Shift+Tab")


def test_the_administrator_sets_an_option_of_a_source_and_sees_an_error_at_its_field(address: str) -> None:
    source = CtiSource.objects.create(slug="switch", kind="csta_xml", host="10.0.0.5", port=5555)
    with open_browser() as page:
        log_in(page, address, "administrator")
        page.goto(f"{address}/admin/cti/ctisource/{source.pk}/change/")
        page.get_by_label("Session duration (s)").fill("1")
        page.get_by_role("button", name="Save", exact=True).first.click()
        alert = page.get_by_role("alert").filter(has_text="could not be saved")
        expect(alert.get_by_role("link", name="Session duration (s)")).to_be_visible()
        page.get_by_label("Session duration (s)").fill("90")
        page.get_by_role("button", name="Save", exact=True).first.click()
        page.wait_for_url(f"{address}/admin/cti/ctisource/")
    source.refresh_from_db()
    assert source.options == {"session_seconds": 90}


def test_the_new_pages_can_be_read_by_everybody(address: str) -> None:
    leg = Leg.objects.get(call_id="C1")
    pages = (
        "reports/?period=today&by=agent",
        "causes/",
        "causes/user_unmatched/",
        "find/?q=sales",
        "calls/leg/?flagged=no",
        f"calls/leg/{leg.pk}/change/",
        "no/such/page/",
    )
    faults: list[str] = []
    with open_browser() as page:
        log_in(page, address, "root")
        for name in pages:
            page.goto(f"{address}/admin/{name}")
            page.add_style_tag(
                content="*, ::before, ::after { transition: none !important; animation: none !important; }"
            )
            for scheme, width in product(SCHEMES, (1440, 390)):
                page.emulate_media(color_scheme=scheme)
                page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
                page.set_viewport_size({"width": width, "height": 900})
                faults += [f"{name}, {scheme} at {width}: {one}" for one in violations(page)]
                excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                faults += [f"{name}, {scheme} at {width}: {excess} px too wide"] * (excess > 0)
    assert faults == [], "\n".join(faults)


def test_fifty_legs_on_a_phone_are_cards_and_no_towers(address: str) -> None:
    leg = Leg.objects.get(call_id="C1")
    for number in range(50):
        leg.pk, leg.call_id, leg.recording_guid = leg.pk + 1000, f"X{number}", None
        leg.save(force_insert=True)
    with open_browser(width=390) as page:
        log_in(page, address, "supervisor")
        page.goto(f"{address}/admin/calls/leg/")
        expect(page.locator("#result_list tr.data-row")).to_have_count(50)
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height < 8000
