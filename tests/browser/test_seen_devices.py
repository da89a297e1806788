"""The page of a FreePBX-like source in a browser: a device that is classified wrongly is corrected with one click."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

import clock
from cti.device_classes import save_devices
from cti.models import CtiSource
from cti.sources.asterisk_ami.messages import AmiMessageError
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.port import SourceConfig, Stamp
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
CASE = Path(__file__).resolve().parents[1] / "cti" / "ami" / "data" / "cases" / "freepbx-chan-sip-trunk.ami"


@pytest.fixture
def source() -> CtiSource:
    """Give a source that has heard two calls of a FreePBX, as its listener would have saved it."""
    options = {"preset": "freepbx"}
    one = CtiSource.objects.create(slug="freepbx", kind="asterisk_ami", host="192.0.2.1", options=options)
    pbx = PbxState(SourceConfig(slug="freepbx", kind="asterisk_ami", options=options), Stamp("freepbx", "1"))
    for heard in Reader(pbx).feed(CASE.read_bytes()):
        if isinstance(heard, Heard):
            try:
                pbx.hear(heard.message, clock.now())
            except AmiMessageError as error:
                pytest.fail(str(error))
    save_devices(one.pk, pbx.classifier.seen(), clock.now())
    return one


@pytest.fixture
def page(live_server: str, client: Client) -> Iterator[Page]:
    """Give a browser that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    with open_browser() as one:
        lend_session(one, client, str(live_server))
        yield one


def test_a_device_is_corrected_with_one_click(page: Page, live_server: str, source: CtiSource) -> None:
    page.goto(f"{live_server}/admin/cti/ctisource/{source.pk}/change/")
    devices = page.locator("#devices")

    expect(devices).to_contain_text("1 outside (trunks), 1 extension, whose calls are recorded")
    expect(devices.get_by_role("row", name="SIP/nordtel")).to_contain_text("the context from-trunk-sip-nordtel")
    expect(devices.get_by_role("row", name="SIP/2001")).to_contain_text("extension 2001")

    devices.get_by_role("button", name="SIP/nordtel is an extension").click()

    expect(page.locator("#devices").get_by_role("row", name="SIP/nordtel")).to_contain_text("corrected by hand")
    source.refresh_from_db()
    assert source.options["extensions"] == ["SIP/nordtel"]
