"""Reconciliations over a site with planted differences: all of them are found, and nothing else."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from msgspec.structs import replace
from pytest_django import Settings

from calls.models import Leg
from clock.text import shown
from devtools.bench.planted import BEGIN, KINDS, ListedQms, PlantedSite
from flags.models import FlagValue, FlagWrite
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import (
    MAXIMUM_ATTEMPTS,
    RETRY_SECONDS,
    ask,
    ask_daily,
    carry_on,
    settled_until,
    steps,
)
from gateway_site.reconciliation.standing import open_critical
from qms.models import RecordingService
from qms.port import Flag, FlaggedRecording, QmsRejected, QmsUnavailable, RecordingServicePort

pytestmark = pytest.mark.django_db


class Time:
    """The gateway's clock in the test's hand."""

    def __init__(self, begin: datetime) -> None:
        self.value = begin

    def __call__(self) -> datetime:
        self.value += timedelta(milliseconds=1)
        return self.value


@pytest.fixture
def site() -> PlantedSite:
    return PlantedSite(144)


def reconcile(site: PlantedSite, qms: ListedQms | None = None, hours_later: float = 48) -> ReconciliationRun:
    now = Time(site.end + timedelta(hours=hours_later))
    run = ask(site.service, BEGIN, site.end, "Ada", now())
    port: RecordingServicePort = qms or site.qms()
    for _ in steps(run, now, lambda _: port):
        pass
    return run


def standing() -> Counter[tuple[str, str]]:
    return Counter(ReconciliationFinding.objects.filter(withdrawn_at=None).values_list("kind", "cause"))


def test_every_planted_difference_is_found_under_its_cause_and_nothing_else(site: PlantedSite) -> None:
    run = reconcile(site)

    assert standing() == site.expected
    assert len(site.expected) == len(KINDS)
    assert (run.done_at is not None, run.error) == (True, "")
    assert run.recordings == len(site.listed)
    assert run.findings == site.expected.total()


def test_only_what_is_certain_can_be_repaired(site: PlantedSite) -> None:
    reconcile(site)
    assert set(ReconciliationFinding.objects.filter(is_repairable=True).values_list("kind", "cause")) == {
        ("recorded_without_flags", "unreachable"),
        ("recorded_without_flags", "UnknownFlag"),
    }


def test_a_second_run_finds_the_same_rows_and_withdraws_what_was_put_right(site: PlantedSite) -> None:
    reconcile(site)
    first = set(ReconciliationFinding.objects.values_list("pk", "found_at"))
    Leg.objects.filter(outcome="not_recorded").update(outcome="flagged")
    reconcile(site, hours_later=72)

    assert set(ReconciliationFinding.objects.values_list("pk", "found_at")) == first
    del site.expected["leg_without_recording", "none"]
    assert standing() == site.expected


def test_a_finding_that_comes_back_is_open_again(site: PlantedSite) -> None:
    reconcile(site)
    reconcile(site, ListedQms([]), hours_later=72)
    reconcile(site, hours_later=96)
    assert standing() == site.expected


def test_a_finding_that_is_found_again_after_its_repair_is_open_again(site: PlantedSite) -> None:
    """Before: it stayed "repaired", out of *Objectives* and alarms, whose recording still carried no flags."""
    reconcile(site)
    repairable = ReconciliationFinding.objects.filter(is_repairable=True)
    keys = list(repairable.values_list("pk", flat=True))
    during = site.end + timedelta(hours=72)
    repairable.filter(pk__in=keys[1:]).update(repaired_at=site.end + timedelta(hours=49), repaired_by="ada")
    repairable.filter(pk=keys[0]).update(repaired_at=during + timedelta(hours=1), repaired_by="ada")
    reconcile(site, hours_later=72)

    rows = ReconciliationFinding.objects.in_bulk(keys)
    assert [rows[key].repaired_by for key in keys] == ["ada", *[""] * len(keys[1:])]
    assert [rows[key].repaired_at for key in keys[1:]] == [None] * len(keys[1:])
    assert standing() == site.expected
    # One that was repaired while the list was read is not offered again: the offer would be refused.
    assert [rows[key].is_repairable for key in keys] == [False, *[True] * len(keys[1:])]


def test_a_repair_whose_write_ended_while_the_list_was_read_stands_until_the_next_comparison(
    site: PlantedSite,
) -> None:
    reconcile(site)
    [key, *_] = ReconciliationFinding.objects.filter(cause="UnknownFlag").values_list("pk", flat=True)
    finding = ReconciliationFinding.objects.filter(pk=key)
    finding.update(repaired_at=site.end + timedelta(hours=49), repaired_by="ada", is_repairable=False)
    written = FlagWrite.objects.filter(recording_guid=finding.get().recording_guid)
    written.update(settled_at=site.end + timedelta(hours=73))
    reconcile(site, hours_later=72)
    assert (finding.get().repaired_by, finding.get().is_repairable) == ("ada", False)

    reconcile(site, hours_later=74)
    assert (finding.get().repaired_by, finding.get().is_repairable) == ("", True)


def test_flags_that_qms_took_while_its_list_was_read_are_not_lost(site: PlantedSite) -> None:
    """Before: a repair, or a write that had waited for hours, was critical, "lost in QMS", until the next run."""
    reconcile(site)
    lost = ReconciliationFinding.objects.filter(kind="recorded_without_flags", cause="lost_in_qms")
    [key] = lost.values_list("pk", flat=True)[:1]
    finding = ReconciliationFinding.objects.filter(pk=key)
    written = FlagWrite.objects.filter(recording_guid=finding.get().recording_guid)
    written.update(settled_at=site.end + timedelta(hours=72.5))
    reconcile(site, hours_later=72)
    assert (finding.get().cause, finding.get().grade) == ("write_sending", "major")
    assert not finding.get().is_repairable

    reconcile(site, hours_later=73)
    assert (finding.get().cause, finding.get().grade) == ("lost_in_qms", "critical")


def test_what_was_acknowledged_and_became_another_finding_raises_its_alarm_again(site: PlantedSite) -> None:
    """Before: who took note of a minor finding heard of nothing when it became critical, or came back."""
    reconcile(site)
    critical = ReconciliationFinding.objects.filter(grade="critical").order_by("pk")
    same, other, back, names, *_ = critical.values_list("pk", flat=True)
    critical.update(acknowledged_at=site.end, acknowledged_by="ada")
    critical.filter(pk=back).update(withdrawn_at=site.end)
    ReconciliationFinding.objects.filter(pk=other).update(grade="minor", cause="taken_but_not_confirmed")
    ReconciliationFinding.objects.filter(pk=names).update(names=["CallerName"])
    reconcile(site, hours_later=72)

    noted = dict(ReconciliationFinding.objects.values_list("pk", "acknowledged_by"))
    assert (noted[same], noted[other], noted[back], noted[names]) == ("ada", "", "", "")
    assert open_critical(site.service.pk) == 3


def test_a_run_goes_on_where_the_service_failed(site: PlantedSite) -> None:
    now = Time(site.end + timedelta(hours=48))
    run = ask(site.service, BEGIN, site.end, "Ada", now())
    qms = site.qms()
    qms.failures = [QmsUnavailable("away")]
    carry_on(now, lambda _: qms, now.value + timedelta(minutes=1))

    run.refresh_from_db()
    assert (run.error, run.attempts, run.done_at, run.claimed_until) == ("Unavailable: away", 1, None, None)
    carry_on(now, lambda _: qms, now.value + timedelta(minutes=1))
    run.refresh_from_db()
    assert (run.error, run.attempts, run.done_at is not None) == ("", 0, True)
    assert standing() == site.expected


def test_the_command_tries_a_span_again_that_failed(site: PlantedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: it ended at the first answer that did not come, and left the rest to the timetable."""
    qms, waits = site.qms(), list[float]()
    qms.failures = [QmsUnavailable("away"), QmsUnavailable("away")]
    now = Time(site.end + timedelta(hours=48))
    monkeypatch.setattr("clock.now", now)
    monkeypatch.setattr("gateway_site.management.commands.reconcile.connect", lambda _: qms)
    monkeypatch.setattr("time.sleep", waits.append)
    call_command("reconcile", "--from", BEGIN.isoformat(), "--to", site.end.isoformat(), "--service", "planted-rs")

    assert waits == [RETRY_SECONDS, RETRY_SECONDS]
    assert standing() == site.expected


def test_a_defect_ends_a_run_after_some_attempts_and_says_what_it_was(site: PlantedSite) -> None:
    now = Time(site.end + timedelta(hours=48))
    run = ask(site.service, BEGIN, site.end, "Ada", now())
    qms = site.qms()
    qms.failures = [RuntimeError("odd") for _ in range(10)]
    for _ in range(10):
        carry_on(now, lambda _: qms, now.value + timedelta(minutes=1))

    run.refresh_from_db()
    assert (run.attempts, run.done_at is not None) == (MAXIMUM_ATTEMPTS, True)
    assert run.error == "The gateway itself failed (RuntimeError)."


def test_a_service_that_offers_no_list_ends_the_run_with_its_answer(site: PlantedSite) -> None:
    qms = site.qms()
    qms.failures = [QmsRejected("ListRecordings is not offered", code="NotOffered")]
    run = reconcile(site, qms)

    assert (run.done_at is not None, run.error) == (True, "NotOffered: ListRecordings is not offered")
    assert not standing()


def test_a_recording_that_cannot_be_read_is_counted_and_makes_nothing_certain(site: PlantedSite) -> None:
    qms = site.qms()
    qms.unreadable = "ListRecordings: recording 3, startedAt: is missing"
    run = reconcile(site, qms)

    assert standing() == site.expected
    assert (run.unreadable, run.unreadable_why) == (1, qms.unreadable)
    assert not ReconciliationFinding.objects.filter(is_repairable=True).exists()


def test_a_recording_that_is_listed_twice_is_one(site: PlantedSite) -> None:
    run = reconcile(site, ListedQms([*site.listed, *site.listed]))

    assert standing() == site.expected
    assert (run.recordings, run.error) == (len(site.listed), "")


def test_a_list_may_spell_guids_otherwise_than_the_answers_of_before(site: PlantedSite) -> None:
    spelled = [replace(one, recording=replace(one.recording, guid=str(uuid4()))) for one in site.listed]
    for before, one in zip(site.listed, spelled, strict=True):
        key = before.recording.guid
        Leg.objects.filter(recording_guid=key).update(recording_guid=f"{{{one.recording.guid.upper()}}}")
        for table in (FlagWrite, FlagValue):
            table.objects.filter(recording_guid=key).update(recording_guid=f"{{{one.recording.guid.upper()}}}")
    reconcile(site, ListedQms(spelled))

    assert standing() == site.expected


def test_a_recording_that_can_neither_be_listed_nor_asked_for_ends_no_run(site: PlantedSite) -> None:
    odd = next(one for one in site.listed if Leg.objects.filter(recording_guid=one.recording.guid).exists())
    problem = "The flags of a recording cannot be read."

    class OddQms(ListedQms):
        def flags(self, guid: str) -> list[Flag]:
            if guid == odd.recording.guid:
                raise QmsUnavailable(problem)
            return super().flags(guid)

    qms = OddQms([one for one in site.listed if one is not odd])
    assert reconcile(site, qms).error == f"Unavailable: {problem}"
    qms.unreadable = problem
    run = reconcile(site, qms)

    assert (run.done_at is not None, run.error) == (True, "")
    assert not ReconciliationFinding.objects.filter(recording_guid=odd.recording.guid).exists()


def test_a_run_that_a_worker_left_is_taken_over_after_its_claim(site: PlantedSite) -> None:
    now = Time(site.end + timedelta(hours=48))
    run = ask(site.service, BEGIN, site.end, "Ada", now())
    ReconciliationRun.objects.update(claimed_until=now() + timedelta(minutes=10))
    carry_on(now, lambda _: site.qms(), now.value + timedelta(minutes=1))
    run.refresh_from_db()
    assert run.compared_until == BEGIN

    now.value += timedelta(minutes=11)
    carry_on(now, lambda _: site.qms(), now.value + timedelta(minutes=1))
    run.refresh_from_db()
    assert run.done_at is not None


def test_an_offset_of_the_services_clock_is_taken_into_account(site: PlantedSite) -> None:
    from qms.models import ServiceHealth  # noqa: PLC0415  (next to its only use)

    ahead = timedelta(minutes=30)
    ServiceHealth.objects.update_or_create(
        service=site.service, defaults={"clock_offset_seconds": ahead.total_seconds()}
    )
    moved = [_moved(one, ahead) for one in site.listed]
    reconcile(site, ListedQms(moved))
    assert standing() == site.expected


def _moved(one: FlaggedRecording, by: timedelta) -> FlaggedRecording:
    it = one.recording
    ended = it.ended_at + by if it.ended_at else None
    return FlaggedRecording(type(it)(it.guid, it.extension, it.started_at + by, ended), one.flags)


def test_a_recording_hours_into_a_long_leg_is_that_legs_second_one(site: PlantedSite) -> None:
    first = next(one for one in site.listed if Leg.objects.filter(recording_guid=one.recording.guid).exists())
    Leg.objects.filter(recording_guid=first.recording.guid).update(
        device_id="2777", connected_at=BEGIN - timedelta(hours=3), disconnected_at=site.end
    )
    moved = replace(first.recording, guid="second", extension="2777", started_at=BEGIN + timedelta(minutes=20))
    reconcile(site, ListedQms([*site.listed, FlaggedRecording(moved, ())]))

    finding = ReconciliationFinding.objects.get(recording_guid="second")
    assert finding.cause == "second_recording_of_leg"


def test_the_daily_run_looks_back_two_days_and_runs_once_a_day(site: PlantedSite) -> None:
    RecordingService.objects.exclude(pk=site.service.pk).update(enabled=False)
    now = BEGIN + timedelta(days=30)
    for hour in range(26):
        ask_daily(now + timedelta(hours=hour))

    first, second = ReconciliationRun.objects.order_by("id")
    assert first.begin == settled_until(now) - timedelta(days=3)
    assert (second.begin, second.end) == (first.end - timedelta(days=2), first.end + timedelta(days=1))


def test_the_pages_name_the_daily_comparison_and_begin_one_by_a_button_that_says_so(
    site: PlantedSite, admin_client: Client
) -> None:
    ask_daily(BEGIN + timedelta(days=1))
    assert "the daily comparison" in admin_client.get("/admin/reconciliation/reconciliationrun/").content.decode()
    page = admin_client.get("/admin/reconciliation/reconciliationrun/add/").content.decode()
    assert "Begin the comparison" in page
    assert "Recordings that began since then, while their legs are kept." in page
    assert "to the last full hour that is 2 hours ago (RECONCILE_AFTER_HOURS)." in page


def test_the_daily_run_begins_where_the_one_before_it_stopped(site: PlantedSite) -> None:
    now = BEGIN + timedelta(days=1, minutes=5)
    ask_daily(now)
    stopped_at = ReconciliationRun.objects.get().begin + timedelta(hours=2)
    ReconciliationRun.objects.update(compared_until=stopped_at, done_at=now, error="QMS was away.")
    ask_daily(now + timedelta(days=1))

    assert ReconciliationRun.objects.latest("id").begin == stopped_at - timedelta(days=2)


def test_the_command_says_what_of_the_time_it_does_not_compare(
    site: PlantedSite, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.RETENTION_DAYS = 2
    monkeypatch.setattr("clock.now", lambda: site.end + timedelta(hours=2))
    monkeypatch.setattr("gateway_site.management.commands.reconcile.connect", lambda _: site.qms())
    call_command("reconcile", "--from", "2020-01-01", "--to", "2090-01-01")

    said = capsys.readouterr().out
    run = ReconciliationRun.objects.get()
    assert f"Nothing before {shown(run.begin)} is compared: legs are kept" in said
    assert f"Nothing from {shown(run.end)} on is compared: calls must be 2 hours old" in said


def test_what_is_too_young_or_no_longer_kept_is_not_compared(site: PlantedSite) -> None:
    now = BEGIN + timedelta(days=1)
    with pytest.raises(ValueError, match="RECONCILE_AFTER_HOURS"):
        ask(site.service, now - timedelta(hours=1), now, "Ada", now)
    assert ask(site.service, now - timedelta(hours=5), now, "Ada", now).end == settled_until(now)
    with pytest.raises(ValueError, match="must begin before it ends"):
        ask(site.service, now, now - timedelta(hours=5), "Ada", now)


def test_the_command_names_a_wrong_service() -> None:
    with pytest.raises(CommandError, match="no enabled Recording Service nowhere"):
        call_command("reconcile", "--from", "2026-03-01", "--to", "2026-03-02", "--service", "nowhere")
