"""Somebody who may not see callers looks for them in messages that could not be read."""

import pytest
from django.urls import reverse

import clock
from cti.models import CtiSource, QuarantinedMessage
from cti.quarantine import record_quarantine
from cti.sources.port import Quarantined
from gateway_site.roles import AUDITOR, OPERATOR
from tests.attacks.actors import browser_of

pytestmark = pytest.mark.django_db

RAW = b'{"callerName": "Erika Mustermann", "callingNumber": "+4915112345678"}'
ERROR = "Invalid enum value 'Erika Mustermann' for +4915112345678 - at `$.direction`"


@pytest.fixture
def message() -> QuarantinedMessage:
    """Keep a message with a caller in it."""
    source = CtiSource.objects.create(slug="pbx", kind="http")
    record_quarantine(source.pk, Quarantined(RAW, "event", ERROR, "$.direction"), clock.now())
    return QuarantinedMessage.objects.get()


@pytest.mark.parametrize(("role", "sees"), [(OPERATOR, True), (AUDITOR, False)])
def test_the_raw_message_needs_the_permission_to_see_callers(
    role: str, sees: bool, message: QuarantinedMessage
) -> None:
    """Before: the auditor, who may not see callers, read names and numbers here."""
    client = browser_of(role)
    page = client.get(reverse("admin:cti_quarantinedmessage_change", args=[message.pk])).content.decode()

    assert ("Mustermann" in page) is sees
    assert ("4915112345678" in page) is sees


@pytest.mark.parametrize("guess", ["Erika", "Nobody"])
def test_what_may_not_be_read_cannot_be_guessed_by_a_filter_in_the_address(
    guess: str, message: QuarantinedMessage
) -> None:
    """Before: ``?raw__contains=4915`` listed the message or not, so the auditor could read it letter by letter."""
    address = reverse("admin:cti_quarantinedmessage_changelist")

    for lookup in ("raw__contains", "raw__startswith", "raw__regex"):
        assert browser_of(AUDITOR, f"{guess}{lookup}").get(address, {lookup: guess}).status_code == 400, lookup


def test_an_error_names_the_place_and_quotes_no_value(message: QuarantinedMessage) -> None:
    """Before: the error in the list quoted the caller's name."""
    page = browser_of(AUDITOR).get(reverse("admin:cti_quarantinedmessage_changelist")).content.decode()

    assert "Mustermann" not in page
    assert "4915112345678" not in page
    assert message.error == "Invalid enum value \N{HORIZONTAL ELLIPSIS} for \N{HORIZONTAL ELLIPSIS} - at `$.direction`"
