"""A whole call in shadow mode: found, decided, explained, compared and proved, but never written."""

from datetime import timedelta

import msgspec
import pytest
import redis as redis_client
from django.test import Client

from calls.explain.answers import Question, answers
from calls.objectives.months import month_report
from evidence.models import EvidenceEntry
from flags.models import FlagSetting, FlagWrite, ShadowComparison
from flags.shadow.readings import compare_due
from gateway_site.dashboard.today import today
from gateway_site.reconciliation.compare import compared
from gateway_site.reconciliation.known import known_of
from gateway_site.sealing import collect
from qms.models import RecordingService
from qms.port import Flag, FlaggedRecording
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    RecordingService.objects.filter(slug="rs1").delete()
    stack = GatewayStack()
    RecordingService.objects.update(shadow=True)
    stack.log_on("A1", "2001", "Ada")
    stack.passes(5)
    return stack


def _calls(gateway: GatewayStack, call_id: str) -> None:
    gateway.connects(call_id, "2001", callingNumber="0301234567", queueName="Sales")
    gateway.passes(4)
    gateway.clears(call_id, "2001")
    gateway.passes(3)
    gateway.passes(130)


def test_the_leg_ends_as_shadow_and_everything_says_so_and_nothing_is_written(gateway: GatewayStack) -> None:
    _calls(gateway, "C1")
    [leg] = gateway.legs()
    assert (leg.outcome, leg.reason_code) == ("shadow", "")
    assert "shadow mode" in leg.reason
    assert gateway.flags("2001") == [{}]

    [answer] = answers(Question(leg.recording_guid or "", None), gateway.time)
    assert answer.heading == "Not written: shadow mode"

    figures = today(gateway.time)
    assert (figures.shadow, figures.flagged_percent, figures.misses) == (1, None, [])
    report = month_report(gateway.time.date().replace(day=1), gateway.time)
    assert (report.uncounted, report.standings[0].count.whole) == (1, 0)


def test_what_the_other_gateway_wrote_is_compared_and_left_out_of_reconciliation(gateway: GatewayStack) -> None:
    _calls(gateway, "C1")
    [leg] = gateway.legs()
    gateway.qms.write_flags("rs1", leg.recording_guid or "", [Flag("AgentId", "A2")])
    gateway.time += timedelta(hours=3)
    compare_due(gateway.now, gateway.connect, gateway.time + timedelta(seconds=60))

    assert ShadowComparison.objects.get().result == "different"
    begin, end = leg.connected_at - timedelta(minutes=5), leg.connected_at + timedelta(minutes=5)
    found = gateway.connect(gateway.service).recordings(begin, end)
    listed = [one for one in found if isinstance(one, FlaggedRecording)]
    assert len(listed) == 1
    known = known_of(gateway.service, begin, end, listed, timedelta(seconds=5), gateway.time)
    assert compared(listed, begin, end, known) == []


def test_a_wrap_up_withheld_after_the_flags_were_written_counts_for_neither_side(gateway: GatewayStack) -> None:
    RecordingService.objects.update(shadow=False)
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    gateway.passes(3)
    assert "QueueName" in gateway.flags("2001")[0]
    RecordingService.objects.update(shadow=True)
    gateway.call("CallInformation", "C1", "2001", wrapup={"result": "Sold"})
    gateway.passes(130)

    [leg] = gateway.legs()
    assert (leg.outcome, leg.reason_code) == ("shadow", "")
    assert leg.reason.startswith("All flags but the wrap-up were written before")
    report = month_report(gateway.time.date().replace(day=1), gateway.time)
    assert (report.uncounted, report.standings[0].count.whole, report.losses) == (1, 0, [])
    figures = today(gateway.time)
    assert (figures.shadow, figures.flagged_percent, figures.misses) == (1, None, [])
    [answer] = answers(Question(leg.recording_guid or "", None), gateway.time)
    assert answer.heading == "Flagged before shadow mode, but for the wrap-up"
    assert "never written later" in answer.todo


def test_a_wrap_up_that_was_withheld_after_the_others_were_written_is_no_difference(gateway: GatewayStack) -> None:
    """Before: a critical finding, "written by another", and an alarm."""
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    RecordingService.objects.update(shadow=False)
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    gateway.passes(3)
    RecordingService.objects.update(shadow=True)
    gateway.call("CallInformation", "C1", "2001", wrapup={"result": "Sold"})
    gateway.passes(200)
    [leg] = gateway.legs()
    assert [(one.part, one.state) for one in FlagWrite.objects.order_by("pk")] == [
        ("base", "written"),
        ("wrapup", "shadow"),
    ]
    gateway.qms.write_flags("rs1", leg.recording_guid or "", [Flag("CTIWrapup", "Sold by another")])

    begin, end = leg.connected_at - timedelta(minutes=5), leg.connected_at + timedelta(minutes=5)
    listed = [
        one for one in gateway.connect(gateway.service).recordings(begin, end) if isinstance(one, FlaggedRecording)
    ]
    known = known_of(gateway.service, begin, end, listed, timedelta(seconds=5), gateway.time)
    assert compared(listed, begin, end, known) == []
    gateway.qms.recordings[leg.recording_guid or ""].flags["AgentId"] = "somebody"
    listed = [
        one for one in gateway.connect(gateway.service).recordings(begin, end) if isinstance(one, FlaggedRecording)
    ]
    [finding] = compared(listed, begin, end, known)
    assert (finding.cause, finding.names) == ("written_by_another", ("AgentId",))


def test_the_evidence_never_says_that_a_withheld_write_was_written(gateway: GatewayStack) -> None:
    _calls(gateway, "C1")
    [leg] = gateway.legs()
    names = dict(FlagWrite.objects.get().values.values_list("name", "value"))
    gateway.qms.write_flags("rs1", leg.recording_guid or "", [Flag(*one) for one in names.items()])  # Equal by chance.
    gateway.passes(200)
    collect.seal(lambda: gateway.time, gateway.time + timedelta(seconds=20))
    [entry] = EvidenceEntry.objects.all()
    content = msgspec.json.decode(entry.body)
    assert (content["request"], content["answer"]) == ("none: shadow mode (base)", "shadow")


def test_the_pages_of_the_leg_and_the_write_open(gateway: GatewayStack, admin_client: Client) -> None:
    _calls(gateway, "C1")
    [leg] = gateway.legs()
    assert "See the page Shadow comparison" in admin_client.get(f"/admin/calls/leg/{leg.pk}/change/").content.decode()
    write = FlagWrite.objects.get()
    text = admin_client.get(f"/admin/flags/flagwrite/{write.pk}/change/").content.decode()
    assert "not written: shadow mode" in text


def test_after_the_switch_the_next_call_is_flagged(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    _calls(gateway, "C1")
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    service = RecordingService.objects.get()
    service.shadow = False
    service.save()
    gateway.passes(1)
    _calls(gateway, "C2")
    assert [outcome for _, outcome in gateway.outcomes()] == ["shadow", "flagged"]
    assert [bool(flags) for flags in gateway.flags("2001")] == [False, True]
