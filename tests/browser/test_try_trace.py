"""Try a trace in a browser, on a screen and on a phone: a file is chosen, and its legs fit the page."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from tests.browser.test_seen_devices import CASE
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_legs_of_an_uploaded_trace_are_shown_with_flags_and_devices(
    live_server: str, client: Client, width: int, scheme: str
) -> None:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    with open_browser(width, scheme) as page:
        lend_session(page, client, str(live_server))
        page.goto(f"{live_server}/admin/try-trace/")
        page.get_by_label("Trace").set_input_files(CASE)
        page.get_by_label("Kind of source").select_option("asterisk_ami")
        page.get_by_role("button", name="Try it").click()

        expect(page.get_by_role("heading", name="2 legs, 2 flagged.")).to_be_visible()
        expect(page.get_by_text("CallerName = Carla Customer")).to_be_visible()
        expect(
            page.get_by_role("cell", name="its channels begin in the context from-trunk-sip-nordtel")
        ).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
