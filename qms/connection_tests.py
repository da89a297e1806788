"""Tests of connections that an administrator asked for: a worker carries them out, the page follows step by step."""

from datetime import datetime, timedelta

import msgspec
import structlog
from celery import current_app
from django.db.models import F
from kombu.exceptions import KombuError

import clock
from qms import health
from qms.connection_steps import ConnectionStep, step_names, test_connection
from qms.models import ConnectionTest, RecordingService

log = structlog.get_logger()

#: A worker begins at once; one that has not after this is not there.
BEGINS_WITHIN = timedelta(seconds=10)
#: Timeout of the name server at each step, in seconds, in addition to the service's own timeout.
NAME_SERVER_SECONDS = 20
# After this time the message to the worker lapses, in seconds.
_EXPIRES_SECONDS = 60


class TestRow(msgspec.Struct, frozen=True):
    """A step as the page shows it. ``colour`` is a word of the admin's labels."""

    name: str
    result: str
    colour: str
    took: str
    found: str
    advice: str


class Progress(msgspec.Struct, frozen=True):
    """A test as the page shows it; ``is_running`` while it is worth asking again."""

    verdict: str
    rows: list[TestRow]
    is_running: bool
    asked: datetime | None = None
    asked_by: str = ""


def request_connection_test(service: RecordingService, asked_by: str, now: datetime) -> bool:
    """Have a worker test the connection, unless one is at it. Returns whether the broker took the message."""
    test, _ = ConnectionTest.objects.get_or_create(service=service, defaults={"asked_at": now, "done_at": now})
    if test.done_at is None and now < _given_up_at(test):
        return True
    ConnectionTest.objects.filter(service=service, run=test.run).update(
        run=F("run") + 1, asked_at=now, asked_by=asked_by[:150], begun_at=None, done_at=None, steps=[]
    )
    try:
        args = [service.pk, test.run + 1]
        current_app.send_task("qms.tasks.test", args=args, queue="default", expires=_EXPIRES_SECONDS)
    except (KombuError, OSError) as error:
        log.warning("connection_test_not_sent", service_id=service.pk, error=type(error).__name__)
        ConnectionTest.objects.filter(service=service, run=test.run + 1).update(done_at=now)
        return False
    return True


def run_connection_test(service_id: int, run: int) -> None:
    """Test the connection and keep each step as it is done; a test that was asked for again meanwhile is left to it."""
    mine = ConnectionTest.objects.filter(service_id=service_id, run=run, done_at=None)
    if not mine.filter(begun_at=None).update(begun_at=clock.now()):
        return
    service = RecordingService.objects.get(pk=service_id)

    def report(steps: list[ConnectionStep]) -> None:
        mine.update(steps=msgspec.to_builtins(steps))

    steps = test_connection(service, report)
    if all(step.ok for step in steps):
        health.mark_ok(service_id, clock.now())
    report(steps)
    mine.update(done_at=clock.now())


def progress(service: RecordingService, now: datetime) -> Progress | None:
    """Return the state of the last test of a service; None where there was none."""
    test = ConnectionTest.objects.filter(service=service).first()
    if test is None or test.run == 0:
        return None
    steps = msgspec.convert(test.steps, list[ConnectionStep])
    is_running = test.done_at is None and now < _given_up_at(test)
    rows = [_row(step) for step in steps]
    rows += [
        _waiting(name, is_first=is_running and not place)
        for place, name in enumerate(step_names(service)[len(steps) :])
    ]
    return Progress(
        _verdict(test, steps, now), rows if steps or is_running else [], is_running, test.asked_at, test.asked_by
    )


class TestProgress(msgspec.Struct, frozen=True):
    """How far the last test of a service is: its steps so far, and the verdict in a sentence."""

    steps: list[ConnectionStep]
    verdict: str
    is_running: bool


def connection_test_progress(service: RecordingService, now: datetime) -> TestProgress:
    """Return how far the last test of a service is; one that nobody asked for has no steps and does not run."""
    test = ConnectionTest.objects.select_related("service").filter(service=service).first()
    if test is None or test.run == 0:
        return TestProgress([], "The connection was not tested yet.", is_running=False)
    steps = msgspec.convert(test.steps, list[ConnectionStep])
    return TestProgress(steps, _verdict(test, steps, now), test.done_at is None and now < _given_up_at(test))


def _given_up_at(test: ConnectionTest) -> datetime:
    """Return when a test must have ended that anybody works on."""
    if test.begun_at is None:
        return test.asked_at + timedelta(seconds=_EXPIRES_SECONDS)
    each = test.service.timeout_seconds + NAME_SERVER_SECONDS
    return test.begun_at + timedelta(seconds=each * len(step_names(test.service)))


def _verdict(test: ConnectionTest, steps: list[ConnectionStep], now: datetime) -> str:
    if test.done_at is not None:
        if not steps:
            return "The test could not be started: the broker (Redis) does not answer."
        if all(step.ok for step in steps):
            return "The connection works."
        failed = next(step for step in steps if not step.ok)
        return f"The connection does not work: {failed.name} failed."
    if now >= _given_up_at(test):
        return "The test did not end: its worker was stopped, or none was there. Test again."
    if test.begun_at is None and now >= test.asked_at + BEGINS_WITHIN:
        return "No worker has begun the test yet: see on the dashboard whether the worker of the queue default runs."
    return "Testing ..."


def _row(step: ConnectionStep) -> TestRow:
    if not step.tried:
        return TestRow(step.name, "not tried", "", "", "", "")
    result, colour = ("passed", "success") if step.ok else ("failed", "danger")
    return TestRow(step.name, result, colour, _length(step.took_ms), step.found, step.advice)


def _waiting(name: str, *, is_first: bool) -> TestRow:
    return TestRow(name, "running" if is_first else "waits", "info" if is_first else "", "", "", "")


def _length(ms: int) -> str:
    if ms < 1:
        return "took less than 1 ms"
    return f"took {ms} ms" if ms < 1000 else f"took {ms / 1000:.1f} s"
