"""From an empty gateway to its first flagged call, and its installation tested: the programs as a site runs them."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.running import AGENTS, PASSWORD, Running, log_in
from tests.journeys.browser import open_browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]
#: Longer than a call with its wrap-up, a listener's start and beat's round.
PATIENCE_SECONDS = 90.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Give an empty gateway, its administrator, and a QMS that knows a few users."""
    one = Running(tmp_path)
    try:
        one.start()
        yield one
    finally:
        one.stop_all()


def test_an_empty_gateway_is_led_to_its_first_flagged_call_and_its_test_says_what_is_broken(running: Running) -> None:
    with open_browser() as page:
        log_in(page, running.address, PASSWORD)
        expect(page.get_by_role("heading", name="First steps")).to_be_visible()
        declare(page, running)
        running.start_pbx()
        create_flags_and_load_users(page, running)
        wait_for(page, f"{running.address}/admin/calls/leg/?outcome__exact=flagged", "#result_list tbody tr")
        page.goto(f"{running.address}/admin/")
        expect(page.get_by_role("heading", name="First steps")).to_have_count(0)

        a_test_call_is_followed(page, running)
        is_all_well(page, running)
        names_what_is_broken(page, running)


def declare(page: Page, running: Running) -> None:
    """Make a Data Server, a Recording Service, a CTI source, and say which records which."""
    save(page, running, "qms/dataserver", {"slug": "north"})
    choose = {"data_server": "north"}
    address = f"{running.qms_address}/recording-service"
    fields = {"slug": "north", "url": address, "username": "gateway", "new_password": PASSWORD}
    save(page, running, "qms/recordingservice", {**fields, "identifier_lines": "127.0.0.1"}, choose)
    devices = "\n".join(str(2001 + number) for number in range(AGENTS))
    fields = {"slug": "pbx", "host": "127.0.0.1", "port": str(running.pbx_port), "device_lines": devices}
    save(page, running, "cti/ctisource", fields, {"kind": "csta_xml"})
    save(page, running, "agents/allocation", {}, {"source": "pbx", "service": "north"})


def save(
    page: Page, running: Running, model: str, fields: dict[str, str], choices: dict[str, str] | None = None
) -> None:
    """Fill in a form of the admin and save it."""
    page.goto(f"{running.address}/admin/{model}/add/")
    for name, value in fields.items():
        page.locator(f"#id_{name}").fill(value)
    for name, value in (choices or {}).items():
        field = page.locator(f"select#id_{name}")
        labels = field.locator("option").all_inner_texts()
        field.select_option(label=value) if value in labels else field.select_option(value)
    page.locator("[name='_save']").click()
    page.wait_for_url(f"{running.address}/admin/{model}/")


def create_flags_and_load_users(page: Page, running: Running) -> None:
    """Press the two buttons that bring the Flags to QMS, and QMS's users here."""
    page.goto(f"{running.address}/admin/flags/flagsetting/")
    page.get_by_role("button", name="Create in QMS").click()
    page.goto(f"{running.address}/admin/")  # A worker does it, also when nobody looks.
    page.goto(f"{running.address}/admin/flags/flagsetting/")
    expect(page.locator("#creation-panel")).to_contain_text("6 created", timeout=PATIENCE_SECONDS * 1000)
    expect(page.locator("#new-flags")).to_contain_text("do new Flags work?")
    page.goto(f"{running.address}/admin/agents/qmsuser/")
    page.get_by_role("button", name="Refresh QMS users").click()
    expect(page.locator("#refresh-panel")).to_contain_text("done", timeout=PATIENCE_SECONDS * 1000)


def wait_for(page: Page, url: str, selector: str) -> None:
    """Load a page again and again until it shows something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while page.goto(url) and not page.locator(selector).count():
        assert time.monotonic() < deadline, f"{selector} never came on {url}"
        page.wait_for_timeout(500)


def take_the_test(page: Page, running: Running) -> dict[str, str]:
    """Press the button, and return what each step said."""
    page.goto(f"{running.address}/admin/installation/")
    page.get_by_role("button", name=re.compile("Test (the installation|again)")).click()
    expect(page.locator("table.qg-facts[data-done]").first).to_be_visible(timeout=PATIENCE_SECONDS * 1000)
    rows = page.locator("table.qg-facts tr").all()
    return {row.locator("th").inner_text(): row.locator("td").inner_text() for row in rows}


def a_test_call_is_followed(page: Page, running: Running) -> None:
    """Ask for the next call at an extension, and read without a reload how it ends."""
    page.goto(f"{running.address}/admin/installation/call/")
    page.get_by_label("Extension").fill("2001")
    page.get_by_role("button", name="Follow its next call").click()
    row = page.locator("#trial tr").filter(has_text="flags read back")
    expect(row).to_contain_text("each as it was written", timeout=PATIENCE_SECONDS * 1000)


def is_all_well(page: Page, running: Running) -> None:
    """Wait until beat has shown itself, and every step passes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while troubled := {
        name: said for name, said in take_the_test(page, running).items() if not said.startswith("pass")
    }:
        assert time.monotonic() < deadline, troubled
        page.wait_for_timeout(1000)


def names_what_is_broken(page: Page, running: Running) -> None:
    """Break the link to the PBX, the login at QMS, and switch on a Flag that QMS lacks: each is reported."""
    running.stop("pbx")
    page.goto(f"{running.address}/admin/qms/recordingservice/")
    page.locator("#result_list a[href*='/change/']").first.click()
    page.locator("#id_new_password").fill("wrong")
    page.locator("[name='_save']").click()
    page.goto(f"{running.address}/admin/flags/flagsetting/")
    page.locator("input[name$='-enabled']:not(:checked)").first.check()
    page.locator("[name='_save']").click()
    said = take_the_test(page, running)
    broken = {name for name, words in said.items() if not words.startswith("pass")}

    assert {"CTI source pbx", "Recording Service north: Login", "Recording Service north: flags exist"} <= broken
    assert "What to do:" in said["CTI source pbx"]
    assert "create_flags" in said["Recording Service north: flags exist"]
