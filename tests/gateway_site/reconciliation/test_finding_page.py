"""A person decides by the page of a finding: when recording and legs began and ended, and what would be written."""

from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from agents.models import QmsUser
from calls.models import Leg
from cti.models import CtiSource
from flags.models import FlagValue, FlagWrite
from gateway_site.reconciliation.compare import Finding, FindingKind, Grade
from gateway_site.reconciliation.findings import as_first_judged, keep
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.roles import OPERATOR
from qms.models import RecordingService
from qms.port import Flag
from tests.attacks.actors import browser_of
from tests.gateway_site.reconciliation.kept_findings import NOON, PAGE, found, leg

pytestmark = pytest.mark.django_db
LIST = "admin:reconciliation_reconciliationfinding_changelist"


def text_of(client: Client, finding: ReconciliationFinding) -> str:
    return " ".join(client.get(reverse(PAGE, args=[finding.pk])).content.decode().split())


def test_begin_and_end_of_recording_and_legs_are_side_by_side_and_who_has_a_recording(
    service: RecordingService, admin_client: Client
) -> None:
    """Before: of the recording only its begin was shown, by which two legs cannot be judged apart."""
    leg(1, -0.2, 12.0, "another")
    leg(2, 0.3, 29.9)
    finding = found(service, "guid-1", cause="several_candidates", candidates=[1, 2])
    text = text_of(admin_client, finding)

    assert "The recording began 2026-03-02 12:00:00 UTC and ended 2026-03-02 12:00:30 UTC." in text
    assert "0.2 s before it began" in text
    assert "18.0 s before it ended" in text
    assert "0.3 s after it began" in text
    assert "0.1 s before it ended" in text
    assert "has another: another" in text


def test_what_still_holds_comes_first_and_of_that_the_critical(service: RecordingService, admin_client: Client) -> None:
    """Before: by time alone, and the two critical ones were on the third page."""
    later = NOON + timedelta(hours=1)
    for key, grade, at, withdrawn in (
        ("old critical", "critical", NOON, None),
        ("new minor", "minor", later, None),
        ("new major", "major", later, None),
        ("withdrawn", "critical", later, later),
        ("old major", "major", NOON, None),
    ):
        found(service, key, grade=grade, began_at=at, withdrawn_at=withdrawn)
    rows = admin_client.get(reverse(LIST)).context["cl"].result_list

    assert [row.key for row in rows] == ["old critical", "new major", "old major", "new minor", "withdrawn"]


def refused(one: Leg, service: RecordingService, error: str = "") -> FlagWrite:
    """Return a write that QMS refused for want of a Flag."""
    return FlagWrite.objects.create(
        leg_id=one.pk,
        source_id=one.source_id,
        service=service,
        recording_guid="guid-1",
        part="base",
        state="refused",
        error_code="UnknownFlag",
        error=error,
        created_at=NOON,
        not_before=NOON,
    )


def test_of_several_flags_that_were_refused_the_one_is_named_that_qms_named(service: RecordingService) -> None:
    """Before: "at least one of the Flags" with three names, and in the row below the one that was missing."""
    one = leg(1, 0.0, 30.0, "guid-1")
    write = refused(one, service, "The flag was not created on the Data Server. (Queue Neu)")
    for name in ("AgentId", "Queue Neu", "Queue"):
        FlagValue.objects.create(write=write, recording_guid="guid-1", name=name, value="x")
    finding = found(service, "guid-1", cause="UnknownFlag", leg_id=1, is_repairable=True)

    assert "QMS lacks the Flag “Queue Neu”. First create" in text_of(browser_of(OPERATOR), finding)


def test_the_last_question_shows_the_values_that_are_written_and_hides_callers(service: RecordingService) -> None:
    one = leg(1, 0.0, 30.0, "guid-1")
    write = refused(one, service)
    FlagValue.objects.create(write=write, recording_guid="guid-1", name="Agent Number", value="9101")
    finding = found(service, "guid-1", cause="UnknownFlag", leg_id=1, is_repairable=True)
    client = browser_of(OPERATOR)

    page = text_of(client, finding)
    assert "QMS lacks the Flag “Agent Number”. First create in QMS what is missing, under exactly this name" in page
    assert reverse("admin:flags_flagwrite_change", args=[write.pk]) in page
    question = client.post(reverse("admin:reconciliation_repair", args=[finding.pk])).content.decode()
    assert "Agent Number: “9101”" in question
    assert "Sales" in question


def test_a_repair_that_changed_nothing_leaves_the_advice_of_the_cause_and_says_who_did_it(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: "What to do next: Nothing.", of a recording whose flags QMS had refused again."""
    finding = found(service, "guid-1", cause="UnknownFlag", leg_id=1, is_repairable=True)
    monkeypatch.setattr("gateway_site.reconciliation.admin.repair", lambda *_: None)
    client = browser_of(OPERATOR)
    client.post(reverse("admin:reconciliation_repair", args=[finding.pk]), {"confirmed": "yes"})
    ReconciliationFinding.objects.update(repaired_at=NOON, repaired_by="ada", is_repairable=False)
    assert "a later comparison found it again" not in text_of(client, finding)
    one = Finding(
        kind=FindingKind.UNFLAGGED,
        grade=Grade.MAJOR,
        cause="UnknownFlag",
        extension="2001",
        began_at=NOON,
        guid="guid-1",
        leg_id=1,
        is_repairable=True,
    )
    keep(service, [one], NOON, NOON + timedelta(minutes=1), NOON + timedelta(hours=1))
    page = text_of(client, finding)

    assert "What to do next:</strong> QMS lacks" in page
    assert "repaired it (" in page
    assert "), and a later comparison found it again." in page
    assert "Repaired by ada" not in page


def test_a_finding_is_acknowledged_on_its_page(service: RecordingService, admin_client: Client) -> None:
    finding = found(service, "guid-1", cause="lost_in_qms", grade="critical")
    address = reverse("admin:reconciliation_acknowledge", args=[finding.pk])

    assert address in text_of(admin_client, finding)
    assert admin_client.get(address).status_code == 405
    assert admin_client.post(address).status_code == 302
    finding.refresh_from_db()
    assert finding.acknowledged_by == "admin"
    assert address not in text_of(admin_client, finding)


def test_users_that_are_loaded_later_change_neither_cause_nor_grade(
    service: RecordingService, admin_client: Client
) -> None:
    """Before: an extension of no QMS user became "no CTI source reported a call", and minor became major."""

    def compared(cause: str, grade: Grade) -> ReconciliationFinding:
        one = Finding(
            kind=FindingKind.UNFLAGGED, grade=grade, cause=cause, extension="8802", began_at=NOON, guid="guid-1"
        )
        keep(service, as_first_judged(service, [one]), NOON, NOON + timedelta(minutes=1), NOON)
        return ReconciliationFinding.objects.get()

    compared("extension_not_followed", Grade.MINOR)
    QmsUser.objects.create(service=service, user_id="u1", extension="8802", licence="call", loaded_at=NOON)
    later = compared("no_event", Grade.MAJOR)
    assert (later.cause, later.grade) == ("extension_not_followed", "minor")
    assert "A QMS user has this extension by now. What was true" in text_of(admin_client, later)

    ReconciliationFinding.objects.all().delete()
    compared("no_event", Grade.MAJOR)
    assert compared("gap", Grade.MAJOR).cause == "gap", "a gap that is known by now is a better cause than none"
    assert compared("extension_not_followed", Grade.MINOR).cause == "gap"


def test_a_setting_that_the_history_does_not_tell_any_more_stays_the_cause_with_its_source(
    service: RecordingService, admin_client: Client
) -> None:
    """Before: the source was forgotten, and with it the link to its settings."""
    source = CtiSource.objects.create(slug="pbx", kind="http")
    one = Finding(
        kind=FindingKind.UNFLAGGED,
        grade=Grade.MAJOR,
        cause="extension_ignored",
        extension="2001",
        began_at=NOON,
        guid="guid-1",
        source_id=source.pk,
    )
    not_told = msgspec.structs.replace(one, cause="no_event", source_id=None)
    not_followed = msgspec.structs.replace(not_told, cause="extension_not_followed", grade=Grade.MINOR)
    for finding in (one, not_told, not_followed):
        keep(service, as_first_judged(service, [finding]), NOON, NOON + timedelta(minutes=1), NOON)
        kept = ReconciliationFinding.objects.get()
        assert (kept.cause, kept.grade, kept.source) == ("extension_ignored", "major", source)
        assert "See the settings of the CTI source" in text_of(admin_client, kept)


def test_of_an_erased_caller_it_is_said_that_the_written_values_are_not_known(
    service: RecordingService, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: the page did not say it, and the flags that were read were shown as if "(erased)" had been written."""
    one = leg(1, 0, 30, "g1")
    write = refused(one, service)
    FlagWrite.objects.update(state="written", recording_guid="g1")
    FlagValue.objects.create(write=write, name="AgentId", value="(erased)", recording_guid="g1")
    finding = found(service, "g1", cause="lost_in_qms", grade="critical")
    page = text_of(admin_client, finding)
    assert "The caller was erased: the gateway no longer knows which values it wrote to this recording." in page
    assert "stands as it was found" not in page

    in_qms = [Flag("AgentId", "4711")]
    monkeypatch.setattr("gateway_site.reconciliation.admin.connect", lambda _: SimpleNamespace(flags=lambda _: in_qms))
    answer = admin_client.post(reverse("admin:reconciliation_read_flags", args=[finding.pk]), follow=True)
    assert "QMS has “4711”; what the gateway wrote is not known since the caller was erased." in answer.content.decode()
    assert "(erased)" not in answer.content.decode()
