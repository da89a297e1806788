"""Every page of the admin: axe-core finds nothing grave, no script complains, and a phone shows it whole."""

from typing import Literal

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.axe import violations
from tests.browser.furnished import furnish, pages
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
PHONE = 390
#: Each scheme and each width once, for colours do not depend on the width; one of the two takes half of the time.
LOOKS = [("dark", PHONE), pytest.param("light", 1440, marks=pytest.mark.nightly)]
#: By how much the page is wider than its screen; a table may scroll in its own frame.
EXCESS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

#: The height of the tallest row of a list: on a phone it is a card, not a tower of lines.
TALLEST = """() => Math.max(0, ...[...document.querySelectorAll('#result_list tr.data-row, .qg-cards tbody tr')]
  .map(row => row.offsetHeight))"""
MAXIMUM_CARD = 200
#: The cells that stand in a card and say nothing; those of a closed ``details`` have a height, and no text.
BLANK = """() => [...document.querySelectorAll('#result_list td, .qg-cards td')]
  .filter(cell => cell.checkVisibility() && !cell.querySelector('input, svg, .material-symbols-outlined'))
  .filter(cell => ['', '-'].includes(cell.innerText.trim())).map(cell => cell.dataset.label)"""


@pytest.fixture
def administrator(client: Client, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Give a client with a session, and a gateway in which something happened."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    user = User.objects.create_superuser("admin", password="x")
    furnish(user)
    client.force_login(user)
    return client


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_every_page_can_be_read_by_everybody_in_light_and_dark_at_a_desk_and_on_a_phone(
    live_server: str, administrator: Client, scheme: Literal["light", "dark"], width: int
) -> None:
    faults: list[str] = []
    with open_browser() as page:
        lend_session(page, administrator, str(live_server))
        page.on("console", lambda message: faults.extend(_complaint(page, message)))
        for address in pages(administrator):
            faults += _look(page, f"{live_server}{address}", address, scheme, width)

    assert faults == [], "\n".join(faults)


def _look(page: Page, url: str, address: str, scheme: Literal["light", "dark"], width: int) -> list[str]:
    page.goto(url)
    page.add_style_tag(content="*, ::before, ::after { transition: none !important; animation: none !important; }")
    _turn(page, scheme)
    page.set_viewport_size({"width": width, "height": 900})
    found = [f"{address}, {scheme} at {width}: {one}" for one in violations(page)]
    if (excess := page.evaluate(EXCESS)) > 0:
        found.append(f"{address}, {scheme} at {width}: the page is {excess} px wider than its screen")
    if width == PHONE and (height := page.evaluate(TALLEST)) > MAXIMUM_CARD:
        found.append(f"{address}, {scheme}: a row is {height} px high on a phone")
    if width == PHONE and (blank := page.evaluate(BLANK)):
        found.append(f"{address}: on a phone these cells are empty: {blank}")
    return found


def _turn(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Show the page as unfold does for those whose system is set so (it looks when a page is loaded)."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")


def _complaint(page: Page, message: ConsoleMessage) -> list[str]:
    return [f"{page.url}: {message.type}: {message.text}"] if message.type == "error" else []
