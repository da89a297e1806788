"""A leg's page, and what it shows to which user."""

from datetime import timedelta

import msgspec
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localtime

from calls.core.state import TraceStep
from calls.models import Leg
from flags.models import FlagSetting, FlagValue, FlagWrite
from qms.models import DataServer, RecordingService
from tests.calls.test_live import NOW, leg

pytestmark = [pytest.mark.django_db, pytest.mark.storage]


def flagged() -> Leg:
    """Save a leg whose flags tell the agent and the caller."""
    server = DataServer.objects.create(slug="data")
    service = RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1:1/")
    of = leg(1, caller_name="Jo Fisher", calling_number="+44 7", recording_guid="G1", service=service)
    write = FlagWrite.objects.create(
        leg_id=of.pk,
        source_id=of.source_id,
        service=service,
        recording_guid="G1",
        part="base",
        not_before=NOW,
        created_at=NOW,
    )
    for name, field, value in (("Agent", "agent_name", "Ann"), ("Caller", "caller_name", "Jo Fisher")):
        FlagSetting.objects.update_or_create(name=name, defaults={"field": field})
        FlagValue.objects.create(write=write, recording_guid="G1", name=name, value=value)
    return of


def page(client: Client, of: Leg, *permissions: str) -> str:
    """Look at the leg with these permissions."""
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client.get(reverse("admin:calls_leg_change", args=[of.pk])).content.decode()


def test_who_may_see_callers_sees_the_caller_and_every_value(client: Client) -> None:
    text = page(client, flagged(), "view_leg", "view_caller")

    assert "Jo Fisher +44 7" in text
    assert "<td>Jo Fisher" in text


def test_to_others_the_caller_and_what_says_of_the_caller_are_hidden(client: Client) -> None:
    text = page(client, flagged(), "view_leg")

    assert "Jo Fisher" not in text
    assert "+44 7" not in text
    assert "<td>Ann" in text


def test_the_decision_log_is_dated_by_the_gateways_clock(client: Client) -> None:
    """Before: by the sender's, which may be a day ahead."""
    day = timedelta(days=1)
    trace = msgspec.json.encode([TraceStep(NOW, "connected", "Extension 2001 was connected.")]).decode()

    text = page(client, leg(1, connected_at=NOW + day, trace=trace), "view_leg")

    log = text[text.index("Decision log") :]
    assert f"Times of {localtime(NOW):%Y-%m-%d} and after" in log
