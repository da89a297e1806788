"""The devices that a source has seen: kept within bounds, shown with their reason, corrected with one click."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

import clock
from cti import device_classes
from cti.device_classes import corrected, save_devices
from cti.models import CtiSource, SeenDevice
from cti.sources.port import DeviceClass

pytestmark = pytest.mark.django_db
TRUNK = DeviceClass("SIP/nordtel", "", False, "its channels begin in the context from-trunk-sip-nordtel")
PHONE = DeviceClass("PJSIP/2001", "2001", True, "its name is a number of 2 to 8 digits")


@pytest.fixture
def pbx() -> CtiSource:
    return CtiSource.objects.create(slug="pbx", kind="asterisk_ami", host="192.0.2.1", options={"preset": "freepbx"})


def seen(pbx: CtiSource, device: str) -> SeenDevice:
    return SeenDevice.objects.get(source=pbx, device=device)


def test_a_device_is_kept_once_with_its_last_class(pbx: CtiSource) -> None:
    save_devices(pbx.pk, [TRUNK, PHONE], clock.now())
    save_devices(pbx.pk, [DeviceClass("PJSIP/2001", "", False, "numbers are dialled through it")], clock.now())

    assert list(SeenDevice.objects.values_list("device", "is_extension")) == [
        ("PJSIP/2001", False),
        ("SIP/nordtel", False),
    ]


def test_what_was_seen_longest_ago_is_forgotten(pbx: CtiSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_classes, "KEPT", 1)
    save_devices(pbx.pk, [TRUNK], clock.now() - timedelta(hours=1))
    save_devices(pbx.pk, [PHONE], clock.now())

    assert [one.device for one in SeenDevice.objects.all()] == ["PJSIP/2001"]


def test_the_page_lists_the_devices_with_their_reasons(admin_client: Client, pbx: CtiSource) -> None:
    save_devices(pbx.pk, [TRUNK, PHONE], clock.now())
    page = admin_client.get(reverse("admin:cti_ctisource_change", args=[pbx.pk])).content.decode()

    assert "2 devices seen: 1 outside (trunks), 1 extension, whose calls are recorded." in page
    assert TRUNK.reason in page
    assert PHONE.reason in page


@pytest.mark.parametrize(
    ("device", "word", "options"),
    [
        ("PJSIP/2001", "trunk", {"preset": "freepbx", "trunks": ["PJSIP/2001"], "extensions": []}),
        ("SIP/nordtel", "extension", {"preset": "freepbx", "trunks": [], "extensions": ["SIP/nordtel"]}),
    ],
)
def test_one_click_corrects_a_device_and_is_recorded(
    admin_client: Client, pbx: CtiSource, device: str, word: str, options: dict[str, Any]
) -> None:
    save_devices(pbx.pk, [TRUNK, PHONE], clock.now())
    address = reverse("admin:cti_classify_device", args=[pbx.pk])
    admin_client.post(address, {"device": seen(pbx, device).pk, "is": word})
    pbx.refresh_from_db()

    assert pbx.options == options
    assert (seen(pbx, device).is_extension, seen(pbx, device).reason) == (word == "extension", "corrected by hand")
    assert device in LogEntry.objects.latest("pk").change_message


def test_a_correction_needs_a_post_and_the_permission(client: Client, admin_client: Client, pbx: CtiSource) -> None:
    save_devices(pbx.pk, [PHONE], clock.now())
    address = reverse("admin:cti_classify_device", args=[pbx.pk])

    assert admin_client.get(address).status_code == 405
    assert client.post(address, {"device": seen(pbx, "PJSIP/2001").pk, "is": "trunk"}).status_code == 302
    pbx.refresh_from_db()
    assert pbx.options == {"preset": "freepbx"}


def test_a_table_of_extensions_stays_a_table() -> None:
    options = {"extensions": {"alice": "2001", "SIP/nordtel": "9"}, "trunks": ["PJSIP/2002"]}
    phone = SeenDevice(device="PJSIP/2002", extension="2002")
    trunk = SeenDevice(device="SIP/nordtel", extension="9")

    assert corrected(options, phone, is_extension=True) == {
        "extensions": {"alice": "2001", "SIP/nordtel": "9", "PJSIP/2002": "2002"},
        "trunks": [],
    }
    assert corrected(options, trunk, is_extension=False)["extensions"] == {"alice": "2001"}
