"""What beat starts only where there is something to do."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

import clock
from calls.models import Checkpoint, ExportJob, ExportKind, ExportState, Gap
from calls.pipeline.switched_off import note_switched
from cti.models import CtiSource, IntakeToken
from flags.models import FlagCreation, RetryRun
from gateway_site import due_work, tasks
from gateway_site.alarms.models import AlarmChannel, AlarmMessage, Occasion
from gateway_site.canary.models import CanaryCall
from gateway_site.due_work import _waiting, due_tasks, start_due_work
from gateway_site.ops import worker_heartbeat
from gateway_site.reconciliation.models import ReconciliationRun
from history.commands import record_command, stored_state
from qms.models import DataServer, RecordingService
from tests.cti.test_admin import filled

pytestmark = [pytest.mark.storage, pytest.mark.django_db]

NOW = clock.now().replace(second=0, microsecond=0)  # What lies a day back is looked at by the minute.


@pytest.fixture
def service() -> RecordingService:
    server = DataServer.objects.create(slug="data")
    return RecordingService.objects.create(slug="rs", url="http://rs.invalid/", data_server=server)


def test_nothing_is_started_where_nothing_waits(service: RecordingService) -> None:
    CtiSource.objects.create(slug="pbx", kind="csta_xml", host="pbx.invalid", port=1)

    assert due_tasks(NOW) == []


def test_a_message_is_sent_when_it_is_due_and_not_before() -> None:
    channel = AlarmChannel.objects.create(name="mail")
    AlarmMessage.objects.create(
        channel=channel, occasion=Occasion.TEST, text="", created_at=NOW, next_at=NOW + timedelta(seconds=9)
    )

    assert due_tasks(NOW) == []
    assert due_tasks(NOW + timedelta(seconds=9)) == ["gateway_site.tasks.send_alarms"]


def test_what_is_not_finished_is_carried_on(service: RecordingService) -> None:
    retry = RetryRun.objects.create(by="ann", began_at=NOW)
    creation = FlagCreation.objects.create(data_server=service.data_server, asked_at=NOW)
    assert due_tasks(NOW) == ["flags.tasks.continue_retries", "flags.tasks.continue_creations"]

    retry.finished_at = creation.done_at = NOW
    retry.save()
    creation.save()

    assert due_tasks(NOW) == []


@pytest.mark.parametrize("state", [ExportState.QUEUED, ExportState.RUNNING])
def test_an_export_that_is_not_written_is_looked_after(state: ExportState, django_user_model: "type[User]") -> None:
    ann = django_user_model.objects.create(username="ann")
    job = ExportJob.objects.create(state=state, user=ann, kind=ExportKind.CSV, with_callers=False, asked_at=NOW)
    assert due_tasks(NOW) == ["calls.tasks.wake_exports"]

    ExportJob.objects.filter(pk=job.pk).update(state=ExportState.DONE)

    assert due_tasks(NOW) == []


def test_a_reconciliation_is_carried_on_by_one_worker(service: RecordingService) -> None:
    run = ReconciliationRun.objects.create(
        service=service, begin=NOW, end=NOW, compared_until=NOW, asked_at=NOW, claimed_until=NOW
    )
    assert due_tasks(NOW) == []
    assert due_tasks(NOW + timedelta(seconds=1)) == ["gateway_site.tasks.reconcile"]

    ReconciliationRun.objects.filter(pk=run.pk).update(done_at=NOW)

    assert due_tasks(NOW + timedelta(seconds=1)) == []


def test_canary_calls_are_begun_for_an_enabled_source_and_carried_on_for_any() -> None:
    source = CtiSource.objects.create(
        slug="pbx", kind="csta_xml", host="pbx.invalid", port=1, canary_extensions=["999"]
    )
    assert due_tasks(NOW) == ["gateway_site.tasks.carry_on_canaries"]

    CtiSource.objects.update(enabled=False)
    assert due_tasks(NOW) == []

    CanaryCall.objects.create(source=source, extension="999", began_at=NOW, step_since=NOW)
    assert due_tasks(NOW) == ["gateway_site.tasks.carry_on_canaries"]


def test_a_source_that_posts_leaves_a_gap_while_it_is_switched_off() -> None:
    """Before: what it posted was refused, and the comparison said that no CTI source had reported a call."""
    later = NOW + timedelta(minutes=3)
    source = CtiSource.objects.create(slug="bank", kind="http", enabled=False)
    CtiSource.objects.create(slug="pbx", kind="csta_xml", host="pbx.invalid", port=1, enabled=False)
    assert due_tasks(NOW) == [], "it never had an event"

    last = str(int((NOW - timedelta(hours=23)).timestamp() * 1000)) + "-0"
    Checkpoint.objects.create(source=source, events=1, last_id=last)
    retired = CtiSource.objects.create(slug="old", kind="http", enabled=False)
    long_ago = str(int((NOW - timedelta(hours=25)).timestamp() * 1000)) + "-0"
    Checkpoint.objects.create(source=retired, events=1, last_id=long_ago)
    assert due_tasks(NOW) == ["calls.tasks.note_switched"]
    note_switched(NOW)
    assert due_tasks(NOW) == []

    CtiSource.objects.filter(pk=source.pk).update(enabled=True)
    assert due_tasks(later) == ["calls.tasks.note_switched"]
    note_switched(later)
    assert due_tasks(later) == []
    gap = Gap.objects.get()
    assert (gap.source, gap.began_at, gap.ended_at, gap.reason) == (source, NOW, later, "The source was switched off.")


def switch(source: CtiSource, *, on: bool, at: datetime) -> None:
    """Switch a source as the page and commands do, at a moment."""
    before = stored_state(source)
    source.enabled = on
    source.save()
    record_command(source, before)
    LogEntry.objects.filter(pk=LogEntry.objects.latest("id").pk).update(action_time=at)


def test_the_gaps_of_a_switched_off_source_begin_and_end_with_the_acts_of_the_history() -> None:
    """Before: when that was noticed, seconds later; one that was off for a moment had none, or one of no length."""
    second = timedelta(seconds=1)
    source = CtiSource.objects.create(slug="bank", kind="http")
    unused = CtiSource.objects.create(slug="unused", kind="http")
    linked = CtiSource.objects.create(slug="pbx", kind="csta_xml", host="pbx.invalid", port=1)
    for one in (source, linked):
        Checkpoint.objects.create(source=one, events=1, last_id=f"{NOW.timestamp() * 1000:.0f}-0")
    for one in (source, unused, linked):
        switch(one, on=False, at=NOW)
        switch(one, on=True, at=NOW + 3 * second)
    switch(source, on=False, at=NOW + 4 * second)

    assert due_tasks(NOW + 5 * second) == ["calls.tasks.note_switched"]
    note_switched(NOW + 5 * second)
    gaps = list(Gap.objects.order_by("began_at").values_list("source__slug", "began_at", "ended_at", "reason"))
    off = "The source was switched off."
    assert gaps == [("bank", NOW, NOW + 3 * second, off), ("bank", NOW + 4 * second, None, off)]
    assert due_tasks(NOW + 5 * second) == []

    switch(source, on=True, at=NOW + 6 * second)
    assert due_tasks(NOW + 9 * second) == ["calls.tasks.note_switched"]
    note_switched(NOW + 9 * second)
    assert due_tasks(NOW + 9 * second) == []
    assert [one.ended_at for one in Gap.objects.order_by("began_at")] == [NOW + 3 * second, NOW + 6 * second]


def test_a_source_that_its_page_switches_off_and_on_has_the_gap_of_these_acts(admin_client: Client) -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    Checkpoint.objects.create(source=source, events=1, last_id=f"{NOW.timestamp() * 1000:.0f}-0")
    on = filled(kind="http", host="", port="")
    off = {name: value for name, value in on.items() if name != "enabled"} | {"device_lines": "2009"}
    for form in (off, on):
        assert admin_client.post(f"/admin/cti/ctisource/{source.pk}/change/", form).status_code == 302
    later = NOW + timedelta(minutes=1)

    assert due_tasks(later) == ["calls.tasks.note_switched"]
    note_switched(later)

    acts = list(LogEntry.objects.order_by("action_time").values_list("action_time", flat=True))
    assert list(Gap.objects.values_list("began_at", "ended_at")) == [(acts[0], acts[1])]
    assert due_tasks(later) == []


def test_the_gap_of_a_source_that_is_switched_off_for_good_ends_a_day_after_it_was_last_in_use() -> None:
    """Before: it stood open without end, in the ledger of a source that nobody followed."""
    http = CtiSource.objects.create(slug="bank", kind="http", enabled=False)
    old = CtiSource.objects.create(slug="pbx", kind="csta_xml", host="pbx.invalid", port=1, enabled=False)
    down = CtiSource.objects.create(slug="down", kind="csta_xml", host="pbx.invalid", port=1)
    day = timedelta(days=1)
    Checkpoint.objects.create(source=http, events=1, last_id=f"{NOW.timestamp() * 1000:.0f}-0")
    note_switched(NOW)
    Gap.objects.create(source=old, began_at=NOW, reason="the listener was stopped")
    Gap.objects.create(source=down, began_at=NOW, reason="the link was lost")
    token = IntakeToken.objects.create(source=http, digest="d", last_used_at=NOW + timedelta(hours=20))

    assert due_tasks(NOW + day / 2) == []
    note_switched(NOW + day)
    assert set(Gap.objects.filter(ended_at=None).values_list("source__slug", flat=True)) == {"bank", "down"}, "it posts"

    last = NOW + timedelta(hours=44)
    assert due_tasks(last) == ["calls.tasks.note_switched"]
    note_switched(last)
    assert due_tasks(last) == []
    assert dict(Gap.objects.values_list("source__slug", "ended_at")) == {"bank": last, "pbx": NOW + day, "down": None}

    token.last_used_at = last
    token.save()
    assert due_tasks(last) == ["calls.tasks.note_switched"], "its program posts again, and is refused"
    note_switched(last)
    assert Gap.objects.filter(source=http, ended_at=None).count() == 1


def test_the_statement_is_built_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[datetime] = []

    def noted(moment: datetime) -> Any:
        built.append(moment)
        return _waiting(moment)

    monkeypatch.setattr(due_work, "_waiting", noted)
    due_work._looks.cache_clear()

    for seconds in (0, 5, 55, 60):
        due_tasks(NOW + timedelta(seconds=seconds))

    assert built == [NOW, NOW + timedelta(minutes=1)]


def test_each_task_is_one_that_workers_know() -> None:
    current_app.loader.import_default_modules()
    named = {task for task, _ in _waiting(NOW)} | {one["task"] for one in current_app.conf.beat_schedule.values()}

    assert named <= set(current_app.tasks)


def test_what_has_something_to_do_is_sent_to_a_worker_of_default(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, queue, expires: sent.append((name, queue)))
    RetryRun.objects.create(by="ann", began_at=NOW)

    start_due_work(NOW)

    assert sent == [("flags.tasks.continue_retries", "default")]


def test_what_is_due_is_started_where_no_sign_of_life_can_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: sent.append(name))
    monkeypatch.setattr(worker_heartbeat, "note", Mock(side_effect=ConnectionError))
    RetryRun.objects.create(by="ann", began_at=NOW)

    with pytest.raises(ConnectionError):
        tasks.start_due_work()

    assert sent == ["flags.tasks.continue_retries"]
