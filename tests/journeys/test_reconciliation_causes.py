"""A bad hour: each kind of gap between QMS and the gateway stands in one comparison under its own cause."""

from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.admin.models import LogEntry
from django.test import Client

from agents.models import Allocation
from calls.api import NotAssignable
from calls.models import Checkpoint, Leg
from calls.objectives.comparison_text import comparison_lines
from calls.pipeline.switched_off import note_switched
from cti.models import CtiSource
from flags.api import erase_values
from flags.models import FlagSetting, FlagWrite
from gateway_site.alarms.conditions import find
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.repair import repair
from gateway_site.reconciliation.span import unlabelled_recordings
from history.commands import record_command, stored_state
from qms.models import RecordingService
from qms.port import FlagDefinition
from simulators.qms.records import SimulatedUser
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an agent at 2001 to 2004, and a QMS with two users more."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    for extension in ("2001", "2002", "2003", "2004"):
        stack.log_on(f"A{extension}", extension, "Ada")
    strangers = [SimulatedUser(extension=one) for one in ("2009", "2777")]
    stack.qms.set_users(strangers, replace=False)
    return stack


def flagged_call(gateway: GatewayStack, call_id: str, extension: str) -> str:
    """Let a call be flagged. Returns its recording."""
    gateway.connects(call_id, extension)
    gateway.passes(4)
    gateway.qms.disconnected(extension, gateway.time)
    gateway.call("ConnectionCleared", call_id, extension)
    gateway.passes(20)
    return str(Leg.objects.get(call_id=call_id).recording_guid)


def record_only(gateway: GatewayStack, extension: str) -> None:
    """Let QMS record a call of which no source reports."""
    gateway.qms.connected(extension, gateway.time)
    gateway.passes(10)
    gateway.qms.disconnected(extension, gateway.time)
    gateway.passes(20)


def link(gateway: GatewayStack, what: str) -> None:
    """Let the link to the source be lost or restored."""
    gateway.hears(gateway.event("call.Established") | {"type": f"gateway.link.{what}", "data": {"reason": "a restart"}})


def bad_hour(gateway: GatewayStack) -> None:
    """Let one thing of each kind go wrong."""
    gateway.passes(5)
    changed, lost = (flagged_call(gateway, f"C{at}", "2001") for at in (1, 2))
    deleted = flagged_call(gateway, "C3", "2002")
    gateway.qms.recordings[changed].flags["AgentId"] = "somebody"
    gateway.qms.recordings[lost].flags.clear()
    # QMS did not answer while it recorded.
    recorded_unanswered(gateway, "C4", "2003")
    # Recorded where no QMS user is known, and where no source reports anything.
    gateway.connects("C5", "2009")
    gateway.passes(10)
    gateway.qms.disconnected("2009", gateway.time)
    gateway.call("ConnectionCleared", "C5", "2009")
    gateway.passes(20)
    record_only(gateway, "2004")
    record_only(gateway, "2777")
    # A link that was away, while QMS recorded.
    link(gateway, "Lost")
    gateway.passes(10)
    record_only(gateway, "2002")
    link(gateway, "Restored")
    gateway.passes(20)
    del gateway.qms.recordings[deleted]


def test_each_kind_of_gap_of_a_bad_hour_stands_under_its_cause(gateway: GatewayStack) -> None:
    bad_hour(gateway)

    assert [(one.extension, one.grade, one.kind, one.cause) for one in compare(gateway)] == [
        ("2001", "critical", "different_values", "written_by_another"),
        ("2001", "critical", "recorded_without_flags", "lost_in_qms"),
        ("2002", "major", "recording_not_in_qms", "not_in_qms"),
        ("2003", "major", "recorded_without_flags", "unreachable"),
        ("2009", "major", "recorded_without_flags", "user_unmatched"),
        ("2004", "major", "recorded_without_flags", "no_event"),
        ("2777", "minor", "recorded_without_flags", "extension_not_followed"),
        ("2002", "major", "recorded_without_flags", "gap"),
    ]


def test_a_switched_off_source_has_a_cause_of_its_own_and_a_retired_one_none(gateway: GatewayStack) -> None:
    """Before: each that had ever had events was the cause of all, in the words of an interrupted link."""
    retired = CtiSource.objects.create(slug="retired", kind="http", enabled=False, devices=["2001"])
    Allocation.objects.create(source=retired, service=gateway.service)
    Checkpoint.objects.create(source=retired, events=1, last_id="1000000000000-0")
    note_switched(gateway.time)
    gateway.passes(5)
    record_only(gateway, "2001")
    off = CtiSource.objects.create(slug="bank", kind="http", enabled=False, devices=["2002"])
    Allocation.objects.create(source=off, service=gateway.service)
    Checkpoint.objects.create(source=off, events=1, last_id=f"{gateway.time.timestamp() * 1000:.0f}-0")
    CtiSource.objects.filter(pk=gateway.source.pk).update(devices=["2001"])
    note_switched(gateway.time)
    record_only(gateway, "2001")
    record_only(gateway, "2002")

    assert [(one.extension, one.cause) for one in compare(gateway)] == [
        ("2001", "no_event"),
        ("2001", "no_event"),
        ("2002", "source_off"),
    ]
    until = gateway.time + timedelta(hours=4)
    [line] = comparison_lines(unlabelled_recordings(gateway.begin - timedelta(hours=1), until, until))
    assert "of which 1 because the CTI source was switched off." in line.text


def test_a_recording_of_the_seconds_in_which_its_source_was_off_has_that_cause(gateway: GatewayStack) -> None:
    """Before: none of the seconds was in the ledger, and another source's list was to lack the extension."""
    bank = CtiSource.objects.create(slug="bank", kind="http", devices=["2002"])
    Allocation.objects.create(source=bank, service=gateway.service)
    CtiSource.objects.filter(pk=gateway.source.pk).update(devices=["2001"])
    Checkpoint.objects.create(source=bank, events=1, last_id=f"{gateway.time.timestamp() * 1000:.0f}-0")
    gateway.passes(5)
    for on, at in ((False, gateway.time - timedelta(seconds=1)), (True, gateway.time + timedelta(seconds=3))):
        before = stored_state(bank)
        bank.enabled = on
        bank.save()
        record_command(bank, before)
        LogEntry.objects.filter(pk=LogEntry.objects.latest("id").pk).update(action_time=at)
    record_only(gateway, "2002")
    note_switched(gateway.time)

    [finding] = compare(gateway)
    assert (finding.extension, finding.cause, finding.source) == ("2002", "source_off", bank)


def test_a_call_at_an_ignored_extension_has_the_setting_as_its_cause(gateway: GatewayStack) -> None:
    """Before: no CTI source reported a call, though one had."""
    gateway.source.options = {"ignored_devices": ["2004"]}
    gateway.source.save()
    gateway.passes(5)
    gateway.connects("C1", "2004")
    gateway.passes(10)
    gateway.qms.disconnected("2004", gateway.time)
    gateway.call("ConnectionCleared", "C1", "2004")
    gateway.passes(20)

    [finding] = compare(gateway)
    assert (finding.extension, finding.cause, finding.source) == ("2004", "extension_ignored", gateway.source)


def test_a_source_that_is_switched_off_was_not_to_hear_an_extension_that_the_other_ignores(
    gateway: GatewayStack,
) -> None:
    """Before: a retired source without a list of extensions was to hear each of them, so that no source reported."""
    retired = CtiSource.objects.create(slug="retired", kind="http", enabled=False)
    Allocation.objects.create(source=retired, service=gateway.service)
    gateway.source.options = {"ignored_devices": ["2004"]}
    gateway.source.save()
    gateway.passes(5)
    record_only(gateway, "2004")
    [finding] = compare(gateway)
    assert (finding.cause, finding.source) == ("extension_ignored", gateway.source)

    before = stored_state(retired)
    retired.enabled = True
    retired.save()
    record_command(retired, before)
    LogEntry.objects.update(action_time=gateway.time)
    record_only(gateway, "2004")
    assert [one.cause for one in compare(gateway)] == ["extension_ignored", "no_event"]


def test_a_flag_that_was_switched_off_since_is_no_difference(gateway: GatewayStack) -> None:
    gateway.passes(5)
    flagged_call(gateway, "C1", "2001")
    FlagSetting.objects.update(enabled=False)
    FlagSetting.objects.filter(name="QueueName").update(enabled=True)
    assert compare(gateway) == []


def test_flags_that_qms_refused_are_sent_again_once_it_takes_them(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(name="Agent Number")
    gateway.passes(5)
    flagged_call(gateway, "C1", "2001")
    [finding] = compare(gateway)
    assert (finding.cause, finding.is_repairable) == ("UnknownFlag", True)

    gateway.qms.create_flag_definition("rs1", FlagDefinition("Agent Number"))
    repair(finding, "ada", gateway.connect, gateway.time)
    gateway.works()
    with pytest.raises(NotAssignable):
        repair(finding, "ada", gateway.connect, gateway.time)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert compare(gateway) == []


def test_flags_that_qms_would_refuse_again_are_not_sent_and_it_says_what_to_do_first(
    gateway: GatewayStack, admin_client: Client
) -> None:
    """Before: "repaired; flags follow", and QMS refused the same name again."""
    FlagSetting.objects.filter(name="AgentId").update(name="Agent Number")
    gateway.passes(5)
    flagged_call(gateway, "C1", "2001")
    [finding] = compare(gateway)
    page = admin_client.get(f"/admin/reconciliation/reconciliationfinding/{finding.pk}/change/").content.decode()
    assert "QMS lacks at least one of the Flags “Agent Number”, “AgentName”" in page

    with pytest.raises(NotAssignable, match="QMS has no Flag “Agent Number” and would refuse"):
        repair(finding, "ada", gateway.connect, gateway.time)
    assert FlagWrite.objects.get().state == "refused"
    finding.refresh_from_db()
    assert finding.repaired_at is None


def test_flags_that_are_missing_beside_a_wrap_up_are_found_and_sent_again(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(name="Agent Number")
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    gateway.passes(5)
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    gateway.call("CallInformation", "C1", "2001", wrapup={"result": "Sold"})
    gateway.passes(20)
    [finding] = compare(gateway)
    assert (finding.kind, finding.cause, finding.is_repairable) == ("some_flags_missing", "UnknownFlag", True)
    assert "Agent Number" in finding.names
    assert list(gateway.flags("2001")[0]) == ["CTIWrapup"]

    gateway.qms.create_flag_definition("rs1", FlagDefinition("Agent Number"))
    repair(finding, "ada", gateway.connect, gateway.time)
    gateway.works()

    assert gateway.outcomes() == [("2001", "flagged")]
    assert gateway.flags("2001")[0]["CTIWrapup"] == "Sold"
    assert compare(gateway) == []


def test_another_wrong_value_of_a_noted_flag_raises_the_alarm_again(gateway: GatewayStack) -> None:
    """Before: who took note of one wrong value heard of no other of the same flag."""
    gateway.passes(5)
    guid = flagged_call(gateway, "C1", "2001")
    said = []
    for value in ("Mallory", "Mallory", "Trudy"):
        gateway.qms.recordings[guid].flags["AgentId"] = value
        [finding] = compare(gateway)
        said.append(finding.acknowledged_by)
        ReconciliationFinding.objects.update(acknowledged_at=gateway.time, acknowledged_by="ada")
        gateway.time += timedelta(hours=1)
    assert said == ["", "ada", ""]
    assert not any(value in str(finding.__dict__) for value in ("Mallory", "Trudy"))


def test_a_critical_finding_stands_after_its_caller_was_erased_while_qms_holds_the_same(
    gateway: GatewayStack, admin_client: Client
) -> None:
    """Before: the next comparison no longer found it, the alarm went, and the recording counted as labelled right."""
    gateway.passes(5)
    guid = flagged_call(gateway, "C1", "2001")
    flags = gateway.qms.recordings[guid].flags
    flags["AgentId"] = "somebody"
    assert [one.cause for one in compare(gateway)] == ["written_by_another"]
    ReconciliationFinding.objects.update(acknowledged_at=gateway.time, acknowledged_by="ada")

    erase_values(list(Leg.objects.values_list("pk", flat=True)))
    for _ in range(2):
        gateway.time += timedelta(minutes=1)
        [finding] = compare(gateway)
        assert (finding.grade, finding.names, finding.acknowledged_by) == ("critical", ["AgentId"], "ada")
    page = admin_client.get(f"/admin/reconciliation/reconciliationfinding/{finding.pk}/change/").content.decode()
    assert "The caller was erased: the gateway no longer knows which values it wrote" in page
    assert "The finding stands as it was found" in page
    flags["Wrapup"] = "of no gateway"
    assert len(compare(gateway)) == 1

    flags["AgentId"] = "somebody else"
    gateway.time += timedelta(minutes=1)
    assert compare(gateway) == []


def test_critical_findings_are_an_alarm_until_somebody_takes_note(gateway: GatewayStack, admin_client: Client) -> None:
    bad_hour(gateway)
    compare(gateway)
    [alarm] = find(gateway.time, {"findings": 0})
    assert (alarm.subject, alarm.text.split(" critical")[0]) == (str(gateway.service), "2 findings are")
    assert find(gateway.time, {"findings": 2}) == []

    critical = ReconciliationFinding.objects.filter(grade="critical")
    chosen = {"action": "acknowledge_selected", "_selected_action": list(critical.values_list("pk", flat=True))}
    page = admin_client.post("/admin/reconciliation/reconciliationfinding/", chosen, follow=True)

    assert "2 acknowledged" in page.content.decode()
    assert find(gateway.time, {"findings": 0}) == []
    assert len(compare(gateway)) == 8


def test_a_comparison_that_stopped_is_an_alarm(gateway: GatewayStack) -> None:
    ReconciliationRun.objects.create(
        service=gateway.service,
        begin=gateway.begin,
        end=gateway.time,
        compared_until=gateway.begin,
        asked_at=gateway.time,
        done_at=gateway.time,
        error="TooManyRecordings: …",
    )
    RecordingService.objects.exclude(pk=gateway.service.pk).update(enabled=False)
    [alarm] = find(gateway.time, {"findings": 0})
    assert alarm.text.startswith("The last comparison stopped: TooManyRecordings")


def test_the_metrics_count_open_findings(gateway: GatewayStack, client: Client) -> None:
    bad_hour(gateway)
    compare(gateway)
    text = client.get("/metrics").content.decode()

    assert 'gateway_reconciliation_findings_open{grade="critical",service="rs1"} 2.0' in text
    assert 'gateway_reconciliation_findings_open{grade="major",service="rs1"} 5.0' in text
    assert 'gateway_reconciliation_compared_until_timestamp_seconds{service="rs1"}' in text
