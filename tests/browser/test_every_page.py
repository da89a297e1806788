"""Every page of the admin: axe-core finds nothing grave, no script complains, and a phone shows it whole."""

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.axe import violations
from tests.browser.furnished import furnish, pages
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
WIDTHS = (1440, 390)
#: By how much the page is wider than its screen; a table may scroll in its own frame.
EXCESS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def administrator(client: Client, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Give a client with a session, and a gateway in which something happened."""
    monkeypatch.setattr("calls.searches.LOOK_EVERY_SECONDS", 0.001)
    user = User.objects.create_superuser("admin", password="x")
    furnish(user)
    client.force_login(user)
    return client


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody_at_a_desk_and_on_a_phone(
    scheme: str, live_server: str, administrator: Client
) -> None:
    faults: list[str] = []
    with open_browser(scheme=scheme) as page:
        lend_session(page, administrator, str(live_server))
        page.on("console", lambda message: faults.extend(_complaint(page, message)))
        for address in pages(administrator):
            faults += _look(page, f"{live_server}{address}", address)

    assert faults == [], "\n".join(faults)


def _look(page: Page, url: str, address: str) -> list[str]:
    page.goto(url)
    page.add_style_tag(content="*, ::before, ::after { transition: none !important; animation: none !important; }")
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{address} at {width}: {one}" for one in violations(page)]
        if (excess := page.evaluate(EXCESS)) > 0:
            found.append(f"{address} at {width}: the page is {excess} px wider than its screen")
    return found


def _complaint(page: Page, message: ConsoleMessage) -> list[str]:
    return [f"{page.url}: {message.type}: {message.text}"] if message.type == "error" else []
