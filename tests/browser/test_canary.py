"""The pages of canary calls in a browser: a call is asked for by keyboard, followed and read."""

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from gateway_site.canary.models import CanaryCall
from tests.browser.axe import violations
from tests.journeys.browser import lend_session, open_browser
from tests.journeys.canaries import TEST_PHONE, CanaryStack

pytestmark = [pytest.mark.browser, pytest.mark.nightly, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_canary_call_is_asked_for_by_keyboard_followed_and_read(
    live_server: str, width: int, scheme: str, redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway, client = CanaryStack(), Client()
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    client.force_login(User.objects.create_superuser("ada", password="x"))
    with open_browser(width, scheme) as page:
        lend_session(page, client, str(live_server))
        page.goto(f"{live_server}{reverse('admin:canary_canarycall_changelist')}")
        expect(page.locator("#main")).to_contain_text("no call has ended yet")
        _press(page, "link", "Make a canary call now")
        expect(page.locator("#main")).to_contain_text("By events alone: no phone rings.")
        assert _faults(page) == []
        _press(page, "button", f"Call at {TEST_PHONE} of pbx")
        expect(page.get_by_text("The canary call begins within seconds")).to_be_visible()
        _follow(page, gateway, monkeypatch)


def _follow(page: Page, gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the call under way, and again when it has failed."""
    call, address = CanaryCall.objects.get(), page.url
    page.locator("#result_list th a").first.press("Enter")
    expect(page.locator("#main")).to_contain_text("The call is under way; it waits for: QMS user.")
    assert _faults(page) == []
    with monkeypatch.context() as broken:
        broken.setattr(gateway, "fold", lambda: 0)
        gateway.follow(call)
    page.reload()
    expect(page.locator("#main")).to_contain_text("Leg seen: It did not come in time.")
    expect(page.locator("#main")).to_contain_text("What to do next:")
    assert _faults(page) == []
    page.goto(address)
    expect(page.locator("#main")).to_contain_text("red. Leg seen: It did not come in time.")
    expect(page.locator("#main")).to_contain_text("The next one begins at")
    assert _faults(page) == []


def _press(page: Page, role: str, name: str) -> None:
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    wanted.focus()
    page.keyboard.press("Enter")


def _faults(page: Page) -> list[str]:
    """Return what axe finds, and whether the page is wider than its window."""
    is_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*map(str, violations(page)), *(["wider than the window"] if is_wide else [])]
