"""The installation test: step by step, as the manual's chapter goes; each step says what it saw and what to do."""

import os
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import StrEnum

import msgspec
from kombu.exceptions import OperationalError as BrokerError

import clock
from agents.models import QmsUser
from calls.models import Checkpoint
from cti.models import CtiSource, Kind, LinkState, LinkStatus
from flags.models import FlagOnServer, FlagSetting
from gateway_site.celery import app
from gateway_site.ops import clock_offsets, probes, worker_heartbeat
from qms.api import Step as Tried
from qms.api import test_connection
from qms.models import RecordingService

#: A listener reports every few seconds.
SILENT_SECONDS = 30
PING_SECONDS = 2.0


class State(StrEnum):
    """How a step went. ``NOT_YET``: nothing is wrong, but something has still to be done or to happen."""

    PASS = "pass"  # noqa: S105  (a verdict, no password)
    FAIL = "fail"
    NOT_YET = "not yet"


class Step(msgspec.Struct, frozen=True):
    """One step: its name, how it went, what was seen, and what to do when it did not pass."""

    name: str
    state: State
    seen: str
    todo: str = ""


def steps() -> Iterator[Step]:
    """Go through the installation, cheapest first; without a database the rest cannot be known."""
    quick = list(quick_steps())
    yield from quick
    if is_known(quick):
        yield from _services()
        yield clocks_step()


def quick_steps() -> Iterator[Step]:
    """Look at all but the Recording Services: that takes a few seconds at most."""
    vital = list(_vital())
    yield from vital
    if not is_known(vital):
        return
    if all(one.state is State.PASS for one in vital):
        yield from _workers()
        yield _beat()
    yield _web()
    yield from _sources()


def is_known(taken: Iterable[Step]) -> bool:
    """Say whether the database answered, without which the rest cannot be known."""
    return all(one.state is State.PASS for one in taken if one.name in probes.NEEDED_BY_ALL)


DECLARE = "Add one in the admin or with apply_config."
NO_SERVICE = Step("Recording Services", State.NOT_YET, "none is declared", DECLARE)
REMEDIES = {
    "database": "Check DATABASE_URL in .env and that the database runs.",
    "migrations": "Run ./gateway manage migrate.",
    "journal": "Check JOURNAL_URL in .env (unset: the same as REDIS_URL).",
    "redis": "Start the gateway (./gateway up brings its own Redis), or check REDIS_URL in .env.",
}


def _vital() -> Iterator[Step]:
    for look in probes.vital():
        state, todo = (State.PASS, "") if look.ok else (State.FAIL, REMEDIES[look.name])
        yield Step(look.name, state, look.detail, todo)


def _workers() -> Iterator[Step]:
    """Ask the workers which queues they serve; they have two seconds to answer."""
    try:
        answers = app.control.inspect(timeout=PING_SECONDS).active_queues() or {}
    except (BrokerError, OSError) as error:
        yield Step("workers", State.FAIL, f"the broker does not answer: {type(error).__name__}", REMEDIES["redis"])
        return
    served = {queue["name"] for queues in answers.values() for queue in queues}
    for queue in worker_heartbeat.QUEUES:
        name = f"worker for {queue}"
        if queue in served:
            yield Step(name, State.PASS, "answers")
        else:
            yield Step(name, State.FAIL, f"no worker serves the queue {queue}", "Start it: ./gateway up, see Procfile.")


def _beat() -> Step:
    ages = {queue: _age_seconds(queue) for queue in worker_heartbeat.QUEUES}
    newest = min((age for age in ages.values() if age is not None), default=None)
    if newest is None or newest > worker_heartbeat.OLDEST_SECONDS:
        seen = "no sign of beat in a day" if newest is None else f"beat's last sign is {newest:.0f} s old"
        return Step("beat", State.FAIL, seen, "Start it: ./gateway up, see Procfile. It needs half a minute to show.")
    silent = [queue for queue, age in ages.items() if age is None or age > worker_heartbeat.OLDEST_SECONDS]
    if silent:
        return Step(
            "beat", State.FAIL, f"beat works, but nothing is done in: {', '.join(silent)}", "Restart its worker."
        )
    return Step("beat", State.PASS, f"its last sign came {newest:.0f} s ago, through every queue")


def _age_seconds(queue: str) -> float | None:
    at = worker_heartbeat.last(queue)
    return (clock.now() - at).total_seconds() if at else None


def _web() -> Step:
    port = os.environ.get("BIND", "127.0.0.1:8000").rpartition(":")[2]
    address = f"http://127.0.0.1:{port}/health/live"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return Step("web", State.PASS, f"{address} answers {answer.status}")
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        return Step("web", State.FAIL, f"{address} does not answer: {reason}", "Start it: ./gateway up; check BIND.")


def _sources() -> Iterator[Step]:
    sources = list(CtiSource.objects.filter(enabled=True))
    if not sources:
        yield Step("CTI sources", State.NOT_YET, "none is declared", DECLARE)
    for source in sources:
        yield _source(source)


def _source(source: CtiSource) -> Step:
    name = f"CTI source {source.slug}"
    status = LinkStatus.objects.filter(source=source).first()
    if source.kind != Kind.HTTP and (problem := _link_problem(status)):
        return Step(name, State.FAIL, problem, "Check host, port, credentials and the PBX; see the source's page.")
    last = status.last_event_at if status else None
    folded = Checkpoint.objects.filter(source=source, events__gt=0).values_list("folded_at", flat=True).first()
    if last is None and folded is None:
        todo = "Make a test call." if source.kind != Kind.HTTP else "Post an event with a token of this source."
        return Step(name, State.NOT_YET, "no event has come yet", todo)
    return Step(name, State.PASS, f"its last event came {last or folded:%Y-%m-%d %H:%M:%S} UTC")


def _link_problem(status: LinkStatus | None) -> str:
    """Say what is wrong with a TCP source's link; empty when nothing is."""
    if status is None or status.reported_at is None:
        return "no listener has reported"
    if clock.now() - status.reported_at > timedelta(seconds=SILENT_SECONDS):
        return f"its listener has been silent since {status.reported_at:%Y-%m-%d %H:%M:%S}"
    if status.state != LinkState.UP:
        return f"{status.get_state_display()}{': ' + status.last_error if status.last_error else ''}"
    return ""


def _services() -> Iterator[Step]:
    services = enabled_services()
    if not services:
        yield NO_SERVICE
    for service in services:
        yield from way_steps(service, test_connection(service))
        yield from fetched_steps(service)


def enabled_services() -> list[RecordingService]:
    """Return the services that are to be tested."""
    return list(RecordingService.objects.filter(enabled=True).select_related("data_server"))


def way_steps(service: RecordingService, taken: Iterable[Tried]) -> Iterator[Step]:
    """Tell what the test of a service's connection found, one step after the other."""
    for one in taken:
        state = State.PASS if one.ok else State.FAIL if one.tried else State.NOT_YET
        yield Step(f"{name_of(service)}: {one.name}", state, one.found, one.advice)


def name_of(service: RecordingService) -> str:
    """Return how a service's steps are called."""
    return f"Recording Service {service.slug}"


def fetched_steps(service: RecordingService) -> Iterator[Step]:
    """Look at what was fetched from a service and created there."""
    name = name_of(service)
    users = QmsUser.objects.filter(service=service, gone_at=None).count()
    if users:
        yield Step(f"{name}: users loaded", State.PASS, f"{users} users")
    else:
        yield Step(
            f"{name}: users loaded", State.NOT_YET, "no users", f"Run ./gateway manage sync_users {service.slug}."
        )
    yield _flags_exist(name, service)


def _flags_exist(name: str, service: RecordingService) -> Step:
    wanted = set(FlagSetting.objects.filter(enabled=True).values_list("name", flat=True))
    good = (FlagOnServer.State.CREATED, FlagOnServer.State.EXISTS)
    there = FlagOnServer.objects.filter(data_server=service.data_server, state__in=good).values_list("name", flat=True)
    missing = sorted(wanted - set(there))
    if missing:
        seen = f"not known to exist on {service.data_server.slug}: {', '.join(missing)}"
        return Step(f"{name}: flags exist", State.NOT_YET, seen, "Run ./gateway manage create_flags.")
    return Step(f"{name}: flags exist", State.PASS, f"{len(wanted)} on {service.data_server.slug}")


def clocks_step() -> Step:
    """Compare the clocks last: the way to QMS has just told its own."""
    found = clock_offsets.offsets()
    wrong = [str(one) for one in found if one.is_wrong]
    if wrong:
        todo = "Let NTP (chrony or systemd-timesyncd) set this clock and the gateway's machine."
        return Step("clocks", State.FAIL, "; ".join(wrong), todo)
    return Step("clocks", State.PASS, "; ".join(str(one) for one in found))
