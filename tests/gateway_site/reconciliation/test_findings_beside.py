"""Pages that speak of a leg, or of an extension's time, show what the comparison with QMS found of it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from calls.models import Leg
from gateway_site.reconciliation.compare import FindingKind
from qms.models import RecordingService
from tests.gateway_site.reconciliation.kept_findings import NOON, PAGE, found, leg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
GUID = "0a1b2c3d-0000-4000-8000-00000000abcd"
SAID = "The comparison with QMS found"


def leg_page(client: Client, one: Leg) -> str:
    return client.get(reverse("admin:calls_leg_change", args=[one.pk])).content.decode()


def why(client: Client, text: str, seconds: float | None = None) -> str:
    at = "" if seconds is None else f"{NOON + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"
    return client.get(reverse("why"), {"text": text, "at": at}).content.decode()


def flagged() -> Leg:
    one = leg(1, 0, 20, GUID)
    Leg.objects.filter(pk=one.pk).update(outcome="flagged")
    return one


def test_of_a_leg_whose_flags_are_gone_in_qms_page_and_answer_say_so(
    service: RecordingService, admin_client: Client
) -> None:
    """Before: "QMS holds every flag of this leg", and "carries the flags. What to do: Nothing."."""
    one = flagged()
    finding = found(service, GUID, cause="lost_in_qms", grade="critical", names=["AgentId"])

    for page in (leg_page(admin_client, one), why(admin_client, GUID)):
        assert SAID in page
        assert "they are gone: QMS was restored" in page
        assert reverse(PAGE, args=[finding.pk]) in page
        assert "holds every flag" not in page


@pytest.mark.parametrize("is_over", ["withdrawn_at", "repaired_at"])
def test_what_no_longer_holds_is_not_shown(service: RecordingService, admin_client: Client, is_over: str) -> None:
    one = flagged()
    found(service, GUID, cause="lost_in_qms", grade="critical", **{is_over: NOON})

    assert SAID not in leg_page(admin_client, one)


def test_a_recording_that_may_be_the_legs_is_shown_with_it(service: RecordingService, admin_client: Client) -> None:
    one, other = leg(1, 0, 20), leg(2, 0, 20)
    Leg.objects.update(outcome="window_missed")
    found(service, GUID, cause="unreachable", candidates=[one.pk])

    assert SAID in leg_page(admin_client, one)
    assert SAID not in leg_page(admin_client, other)


def test_of_a_recording_without_leg_the_finding_is_the_answer_and_no_other_call(
    service: RecordingService, admin_client: Client
) -> None:
    """Before: "Flagged. What to do: Nothing" of the extension's call a quarter of a minute before."""
    one = leg(1, -21, -16, GUID)
    Leg.objects.filter(pk=one.pk).update(outcome="flagged")
    found(service, "other", kind=FindingKind.UNFLAGGED, cause="source_off")
    page = why(admin_client, "2001", 1)

    assert "was switched off at that time" in page
    assert "No leg of extension 2001 is known" in page
    assert f"/admin/calls/leg/{one.pk}/change/" in page
    assert "QMS took the flags" not in page


@pytest.mark.parametrize("seconds", [0, -60, 1])
def test_a_recording_without_leg_is_shown_also_where_a_call_was_there_in_that_minute(
    service: RecordingService, admin_client: Client, seconds: float
) -> None:
    """Before: "Flagged. What to do: Nothing" alone, of the call that ended a few seconds earlier."""
    one = leg(1, -21, -4, GUID)
    Leg.objects.filter(pk=one.pk).update(outcome="flagged")
    finding = found(service, "other", cause="source_off")
    page = why(admin_client, "2001", seconds)

    assert "QMS took the flags" in page
    assert "was switched off at that time" in page
    assert reverse(PAGE, args=[finding.pk]) in page


def test_a_finding_of_a_leg_that_is_answered_is_shown_once(service: RecordingService, admin_client: Client) -> None:
    one = flagged()
    found(service, GUID, cause="lost_in_qms", grade="critical", leg_id=one.pk)

    assert why(admin_client, "2001", 1).count(SAID) == 1


@pytest.mark.parametrize("seconds", [None, 1])
def test_a_recording_without_leg_is_found_by_its_guid(
    service: RecordingService, admin_client: Client, seconds: float | None
) -> None:
    """Before: "No leg has this GUID. It may be too old", though the comparison names its extension and cause."""
    found(service, GUID, cause="source_off")

    assert "was switched off at that time" in why(admin_client, f"{{{GUID.upper()}}}", seconds)


def test_who_may_not_see_findings_sees_none(service: RecordingService, client: Client) -> None:
    one = flagged()
    found(service, GUID, cause="lost_in_qms", grade="critical")
    person = User.objects.create_user("vera", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_leg"))
    client.force_login(person)

    assert SAID not in leg_page(client, one)
