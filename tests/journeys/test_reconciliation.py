"""A recording whose leg missed it is found by the comparison with QMS, given to its leg by a person, and flagged."""

from datetime import timedelta

import msgspec
import pytest
import redis as redis_client
from django.test import Client
from msgspec.structs import replace

from calls.api import Assignment, NotAssignable, assign_recording
from calls.models import HourlyLatency, Leg, Measure, RecordingSearch
from calls.storage.codec import leg_key, read_trace
from cti.models import CtiSource
from evidence.api import export_of
from evidence.models import EvidenceEntry
from evidence.verification import summary
from flags.api import sent_values
from flags.models import FlagWrite
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.repair import repair
from gateway_site.sealing import collect
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with a leg at 2001 that QMS recorded while it did not answer."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    recorded_unanswered(stack, "C1", "2001")
    assert stack.outcomes() == [("2001", "window_missed")]
    return stack


def give(gateway: GatewayStack, finding: ReconciliationFinding) -> None:
    """Repair a finding."""
    repair(finding, "ada", gateway.connect, gateway.time)


def test_a_missed_recording_is_found_given_to_its_leg_and_flagged(gateway: GatewayStack) -> None:
    [finding] = compare(gateway)
    assert (finding.cause, finding.is_repairable) == ("unreachable", True)
    give(gateway, finding)
    gateway.works()

    assert gateway.outcomes() == [("2001", "flagged")]
    [flags] = gateway.flags("2001")
    assert (flags["AgentId"], flags["CTICallRef"]) == ("A1", "C1")
    assert any("ada assigned recording" in step.text for step in read_trace(Leg.objects.get()))
    assert compare(gateway) == []
    finding.refresh_from_db()
    assert finding.repaired_by == "ada"
    # Before: each repair was late flags, and broke the promise of time to flags.
    assert not HourlyLatency.objects.filter(measure=Measure.FLAGS, legs__gt=0).exists()


def test_the_evidence_says_that_a_person_gave_the_recording_and_when(gateway: GatewayStack) -> None:
    """Before: it read as if QMS had named the recording."""
    [finding] = compare(gateway)
    give(gateway, finding)
    given_at = gateway.time
    gateway.works()
    later = gateway.time + timedelta(minutes=5)
    collect.seal(lambda: later, later + timedelta(seconds=20))

    [entry] = EvidenceEntry.objects.filter(recording_guid=finding.recording_guid)
    assert msgspec.json.decode(entry.body)["recording_known"] == {
        "of": "a person",
        "at": given_at.isoformat(),
        "by": "ada",
    }
    verdict = summary(export_of(finding.recording_guid, sent_values))
    assert f"ada gave the recording to its leg, {given_at.isoformat()}." in verdict[2]


def test_a_person_counts_in_the_evidence_where_the_answer_of_qms_had_been_refused(
    redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: the answer was named, by which the leg had got no recording."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    stack.passes(60)
    stack.call("Established", "C1", "2001")
    stack.passes(2)
    stack.qms.connected("2001", stack.time)
    for _ in range(10):
        stack.passes(4)
    stack.qms.disconnected("2001", stack.time)
    stack.call("ConnectionCleared", "C1", "2001")
    stack.passes(40)
    [finding] = compare(stack)
    give(stack, finding)
    stack.works()
    later = stack.time + timedelta(minutes=5)
    collect.seal(lambda: later, later + timedelta(seconds=20))

    answers = RecordingSearch.objects.order_by("ordinal").values_list("state", "recording_guid", "why")
    assert list(answers) == [
        ("found", finding.recording_guid, ""),
        ("found", finding.recording_guid, "assigned"),
    ]
    [entry] = EvidenceEntry.objects.filter(recording_guid=finding.recording_guid)
    assert msgspec.json.decode(entry.body)["recording_known"]["by"] == "ada"


def test_a_recording_that_was_flagged_meanwhile_is_not_given(gateway: GatewayStack) -> None:
    [finding] = compare(gateway)
    gateway.qms.recordings[finding.recording_guid].flags["AgentId"] = "other"

    with pytest.raises(NotAssignable, match=r"^QMS holds flags on it now: AgentId\. Nothing was written\.$"):
        give(gateway, finding)
    gateway.works()
    assert not FlagWrite.objects.exists()
    finding.refresh_from_db()
    assert not finding.is_repairable
    assert finding.withdrawn_at is not None
    assert "flagged_without_leg" in [one.kind for one in compare(gateway)]


def test_a_finding_is_repaired_once(gateway: GatewayStack) -> None:
    [finding] = compare(gateway)
    give(gateway, finding)
    with pytest.raises(NotAssignable):
        give(gateway, finding)
    gateway.works()
    assert FlagWrite.objects.count() == 1


def test_a_comparison_before_the_write_leaves_the_repair_as_it_is(gateway: GatewayStack) -> None:
    """Before: it was open again, its repair was offered once more and refused, and *Objectives* counted it."""
    [finding] = compare(gateway)
    gateway.time += timedelta(hours=4)
    give(gateway, finding)
    gateway.time += timedelta(seconds=1)

    [unfolded] = compare(gateway, timedelta(0))
    assert (unfolded.repaired_by, unfolded.is_repairable) == ("ada", False)
    gateway.fold()
    [queued] = compare(gateway)
    assert (queued.cause, queued.repaired_by, queued.is_repairable) == ("write_queued", "ada", False)
    gateway.works()
    assert compare(gateway) == []


def test_a_decision_that_comes_after_another_leg_took_the_recording_changes_nothing(gateway: GatewayStack) -> None:
    [finding] = compare(gateway)
    give(gateway, finding)
    other = Leg.objects.get()
    Leg.objects.create(
        id=other.pk + 1000,
        source=other.source,
        call_id="C9",
        device_id="2001",
        phase="settled",
        outcome="flagged",
        connected_at=other.connected_at + timedelta(days=1),
        recording_guid=finding.recording_guid,
        folded_at=other.folded_at,
        facts=b"",
    )
    gateway.works()

    assert not FlagWrite.objects.exists()
    other.refresh_from_db()
    assert other.outcome == "window_missed"
    assert any("belongs to another leg by now" in step.text for step in read_trace(other))


def another_leg(gateway: GatewayStack, ahead: timedelta) -> Leg:
    """Let a leg of another source be at the extension at the same time; its source's clock is ahead."""
    first = Leg.objects.get()
    source = CtiSource.objects.create(slug="second", kind="http")
    return Leg.objects.create(
        id=leg_key(source.pk, 1),
        source=source,
        call_id="C9",
        device_id="2001",
        phase="settled",
        outcome="user_unmatched",
        connected_at=first.connected_at + ahead,
        folded_at=first.folded_at,
        facts=first.facts,
        trace=first.trace,
    )


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta()])
def test_another_leg_that_came_after_the_comparison_leaves_a_doubt(gateway: GatewayStack, ahead: timedelta) -> None:
    """The recording may be of a leg that was never searched for, or that stands elsewhere by its source's clock."""
    [finding] = compare(gateway)
    another_leg(gateway, ahead)

    with pytest.raises(NotAssignable, match="Another leg was connected"):
        give(gateway, finding)
    gateway.works()
    assert not FlagWrite.objects.exists()


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta()])
def test_no_repair_is_offered_that_would_be_refused(
    gateway: GatewayStack, admin_client: Client, ahead: timedelta
) -> None:
    """Before: "can be repaired" stood there after each comparison, and each repair was refused."""
    first, other = Leg.objects.get(), another_leg(gateway, ahead)
    [finding] = compare(gateway)

    assert (finding.cause, finding.is_repairable) == ("several_candidates", False)
    assert finding.candidates == [first.pk, other.pk]
    page = admin_client.get(f"/admin/reconciliation/reconciliationfinding/{finding.pk}/change/").content.decode()
    assert "Give the recording to the leg" not in page
    assert "C1" in page
    assert "C9" in page


def test_a_recording_that_began_at_another_time_by_the_gateways_clock_is_not_given(gateway: GatewayStack) -> None:
    [finding] = compare(gateway)
    recording = gateway.qms.recordings[finding.recording_guid].as_recording()
    late = replace(recording, started_at=recording.started_at + timedelta(seconds=6))
    wanted = Assignment(leg_id=Leg.objects.get().pk, service_id=gateway.service.pk, recording=late, by="ada")

    with pytest.raises(NotAssignable, match="did not begin when"):
        assign_recording(wanted, gateway.time)


def test_what_an_operator_cannot_do_is_refused_with_the_reason(
    gateway: GatewayStack, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_site.reconciliation.admin.connect", gateway.connect)
    [finding] = compare(gateway)

    def said(kind: str, guid: str, act: str) -> str:
        ReconciliationFinding.objects.filter(pk=finding.pk).update(kind=kind, recording_guid=guid, is_repairable=False)
        page = f"/admin/reconciliation/reconciliationfinding/{finding.pk}/{act}/"
        return str(admin_client.post(page, follow=True).content.decode())

    assert "there are no flags to read" in said("leg_without_recording", "", "read")
    assert "leg without recording at 2001: It is no longer certain" in said("leg_without_recording", "", "repair")
    assert "QMS does not have this recording." in said("recorded_without_flags", "nope", "read")
    assert not FlagWrite.objects.exists()
