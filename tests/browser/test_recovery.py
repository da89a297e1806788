"""What people do in the admin when calls go without flags, in a real browser, with a whole gateway behind the page."""

import re
from collections.abc import Iterator

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from agents.models import QmsUser, UserRefresh
from agents.users.refresh import load
from calls.models import Leg
from qms.port import FlagDefinition
from simulators.qms.records import SimulatedUser
from tests.journeys import stack as houses
from tests.journeys.browser import PATIENCE_MS, lend_session, open_browser
from tests.journeys.stack import FLAGS, GatewayStack

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def quick(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a gateway begin with an empty journal, and look again at once: its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)


@pytest.fixture
def page(live_server: str, client: Client) -> Iterator[Page]:
    """Give a browser that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("vera", password="x"))
    with open_browser() as one:
        lend_session(one, client, str(live_server))
        yield one


def a_house() -> GatewayStack:
    """Give a gateway whose clock stands at the present: pages tell today's calls."""
    gateway = GatewayStack()
    gateway.time = gateway.begin = timezone.now()
    return gateway


def call(gateway: GatewayStack, call_id: str, device_id: str) -> Leg:
    """Let a call come to an extension and end."""
    gateway.connects(call_id, device_id, queueName="Sales")
    gateway.passes(3)
    gateway.clears(call_id, device_id)
    gateway.passes(1.2)
    return Leg.objects.get(call_id=call_id, device_id=device_id)


def test_refresh_qms_users_brings_a_new_user_whose_next_call_is_flagged(
    quick: None, page: Page, live_server: str
) -> None:
    gateway = a_house()
    assert call(gateway, "C1", "2077").outcome == "user_unmatched"
    gateway.qms.set_users([SimulatedUser(extension=one) for one in ("2001", "2002", "2003", "2004", "2077")])
    page.goto(f"{live_server}/admin/agents/qmsuser/")
    page.get_by_role("button", name="Refresh QMS users").click()
    expect(page.locator("#refresh-panel")).to_contain_text("running")
    load(UserRefresh.objects.latest("pk").pk, gateway.connect(gateway.service))  # What the worker does, in its stead.

    expect(page.locator("#refresh-panel")).to_contain_text("done")
    page.goto(f"{live_server}/admin/agents/qmsuser/?q=2077")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    assert call(gateway, "C2", "2077").outcome == "flagged"


def test_an_agent_without_a_user_is_mapped_by_hand_and_flagged_from_then_on(
    quick: None, page: Page, live_server: str
) -> None:
    gateway = a_house()
    gateway.users("2050")
    QmsUser.objects.filter(user_id="2050").update(extension="", first_name="Alice", last_name="Archer")
    gateway.log_on("9101", "2050", "Alice Archer")
    assert call(gateway, "C1", "2050").outcome == "user_unmatched"
    page.goto(f"{live_server}/admin/agents/agent/")
    expect(page.get_by_text("Alice Archer").first).to_be_visible()

    page.goto(f"{live_server}/admin/agents/mappingact/add/")
    choose(page, "id_agent", "9101")
    choose(page, "id_after", "Archer")
    page.get_by_label("Reason").fill("Has no desk.")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("#result_list")).to_contain_text("Has no desk.")
    assert call(gateway, "C2", "2050").outcome == "flagged"


def choose(page: Page, field: str, words: str) -> None:
    """Choose the one row that a search in a box offers."""
    page.locator(f"#select2-{field}-container").click()
    page.locator(".select2-search__field").fill(words)
    page.locator(".select2-results__option--highlighted").filter(has_text=words).click()


def test_a_write_that_qms_refused_is_retried_when_its_flag_was_created(
    quick: None, page: Page, live_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(houses, "FLAGS", tuple(name for name in FLAGS if name != "QueueName"))
    gateway = a_house()
    leg = call(gateway, "C1", "2001")
    assert leg.outcome == "refused"
    gateway.qms.create_flag_definition("rs1", FlagDefinition("QueueName"))

    page.goto(f"{live_server}/admin/flags/flagwrite/")
    page.locator("#result_list input.action-select").first.check()
    page.locator("select[name=action]").select_option(label="Retry now")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("1 are tried within seconds")).to_be_visible()
    gateway.time = timezone.now()
    gateway.passes(2)

    page.goto(f"{live_server}/admin/calls/leg/{leg.pk}/change/")
    expect(page.get_by_role("heading", name="Flagged", exact=True)).to_be_visible()
    assert gateway.flags("2001")[0]["QueueName"] == "Sales"


def test_a_leg_is_found_by_its_call_reference_its_extension_and_its_recording(
    quick: None, page: Page, live_server: str
) -> None:
    gateway = a_house()
    call(gateway, "C-17", "2001")
    leg = call(gateway, "C-18", "2002")
    for words in ("C-18", "2002", str(leg.recording_guid)):
        page.goto(f"{live_server}/admin/calls/leg/")
        page.locator("#searchbar").fill(words)
        page.locator("#searchbar").press("Enter")
        expect(page.locator("#result_list tbody tr")).to_have_count(1)
        page.locator("#result_list tbody a").first.click()
        expect(page).to_have_url(re.compile(rf"/admin/calls/leg/{leg.pk}/change/\?_changelist_filters=search%3D\w+"))
