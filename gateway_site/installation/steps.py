"""The installation test: step by step, as the manual's chapter goes; each step says what it saw and what to do."""

import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import StrEnum

import msgspec
from django.conf import settings
from django.contrib.auth.models import Group
from kombu.exceptions import OperationalError as BrokerError

import clock
from agents.models import QmsUser
from calls.models import Checkpoint
from clock.text import shown
from cti.api import quiet_intake_text, quiet_text
from cti.models import CtiSource, LinkState, LinkStatus
from cti.sources.registry import has_session
from flags.api import written_names
from flags.models import FlagOnServer
from gateway_site.celery import app
from gateway_site.config.private_files import exposed
from gateway_site.ops import clock_offsets, probes, worker_heartbeat
from gateway_site.ops.health import INSTALLATION, installation
from qms.api import ConnectionStep as Tried
from qms.api import test_connection
from qms.models import RecordingService

#: A listener reports every few seconds.
SILENT_SECONDS = 30
#: Timeout of a worker's answer, in seconds.
PING_SECONDS = 2.0


class StepState(StrEnum):
    """How a step went. ``NOT_YET``: nothing is wrong, but something has still to be done or to happen."""

    PASS = "pass"  # noqa: S105  (a verdict, no password)
    FAIL = "fail"
    NOT_YET = "not yet"


class InstallationStep(msgspec.Struct, frozen=True):
    """One step: its name, how it went, what was seen, and what to do when it did not pass."""

    name: str
    state: StepState
    seen: str
    todo: str = ""


def steps() -> Iterator[InstallationStep]:
    """Go through the installation, cheapest first; without a database the rest cannot be known."""
    quick = list(quick_steps())
    yield from quick
    if is_known(quick):
        yield from _services()
        yield clocks_step()


def quick_steps() -> Iterator[InstallationStep]:
    """Look at all but the Recording Services: that takes a few seconds at most."""
    vital = list(_vital())
    yield from vital
    yield files_step()
    if not is_known(vital):
        return
    if all(one.state is StepState.PASS for one in vital):
        yield from _workers()
        yield _beat()
    yield _web()
    if settings.TWO_FACTOR_ROLES:
        yield second_factor_step()
    yield from _sources()


def files_step() -> InstallationStep:
    """Look whether other users of the machine can read the database, the logs and the keys."""
    found = exposed(settings.VAR_DIR)
    if found:
        todo = f"Run chmod 700 {settings.VAR_DIR} as its owner: other users can read what is in it."
        return InstallationStep("private files", StepState.FAIL, found, todo)
    return InstallationStep("private files", StepState.PASS, f"only this user enters {settings.VAR_DIR}")


def second_factor_step() -> InstallationStep:
    """Look whether each role that must have a second factor exists: a misspelt one would protect nobody."""
    roles = set(Group.objects.values_list("name", flat=True))
    unknown = [role for role in settings.TWO_FACTOR_ROLES if role not in roles]
    if unknown:
        todo = f"Correct TWO_FACTOR_ROLES; the roles are {', '.join(sorted(roles))}."
        seen = f"TWO_FACTOR_ROLES names no role of the gateway: {', '.join(unknown)}"
        return InstallationStep("second factor", StepState.FAIL, seen, todo)
    return InstallationStep("second factor", StepState.PASS, f"required of {', '.join(settings.TWO_FACTOR_ROLES)}")


def is_known(taken: Iterable[InstallationStep]) -> bool:
    """Say whether the database answered, without which the rest cannot be known."""
    return all(one.state is StepState.PASS for one in taken if one.name in probes.NEEDED_BY_ALL)


DECLARE = "Add one in the admin or with apply_config."
NO_SERVICE = InstallationStep("Recording Services", StepState.NOT_YET, "none is declared", DECLARE)
REMEDIES = {
    "database": "Check DATABASE_URL in .env and that the database runs.",
    "migrations": "Run ./gateway manage migrate.",
    "journal": "Check JOURNAL_URL in .env (unset: the same as REDIS_URL).",
    "redis": "Start the gateway (./gateway up brings its own Redis), or check REDIS_URL in .env.",
}


def _vital() -> Iterator[InstallationStep]:
    for look in probes.vital():
        state, todo = (StepState.PASS, "") if look.ok else (StepState.FAIL, REMEDIES[look.name])
        yield InstallationStep(look.name, state, look.detail, todo)


def without_redis(error: Exception) -> InstallationStep:
    """Say that what was tested before is not known now."""
    seen = f"Redis does not answer ({type(error).__name__}): the last test cannot be shown"
    return InstallationStep("redis", StepState.FAIL, seen, REMEDIES["redis"])


def _workers() -> Iterator[InstallationStep]:
    """Ask the workers which queues they serve; they have two seconds to answer."""
    try:
        answers = app.control.inspect(timeout=PING_SECONDS).active_queues() or {}
    except (BrokerError, OSError) as error:
        yield InstallationStep(
            "workers", StepState.FAIL, f"the broker does not answer: {type(error).__name__}", REMEDIES["redis"]
        )
        return
    served = {queue["name"] for queues in answers.values() for queue in queues}
    for queue in worker_heartbeat.QUEUES:
        name = f"worker for {queue}"
        if queue in served:
            yield InstallationStep(name, StepState.PASS, "answers")
        else:
            yield InstallationStep(
                name, StepState.FAIL, f"no worker serves the queue {queue}", "Start it: ./gateway up, see Procfile."
            )


def _beat() -> InstallationStep:
    ages = {queue: _age_seconds(queue) for queue in worker_heartbeat.QUEUES}
    newest = min((age for age in ages.values() if age is not None), default=None)
    if newest is None or newest > worker_heartbeat.OLDEST_SECONDS:
        seen = "no sign of beat in a day" if newest is None else f"beat's last sign is {newest:.0f} s old"
        return InstallationStep(
            "beat", StepState.FAIL, seen, "Start it: ./gateway up, see Procfile. It needs half a minute to show."
        )
    silent = [queue for queue, age in ages.items() if age is None or age > worker_heartbeat.OLDEST_SECONDS]
    if silent:
        return InstallationStep(
            "beat", StepState.FAIL, f"beat works, but nothing is done in: {', '.join(silent)}", "Restart its worker."
        )
    return InstallationStep("beat", StepState.PASS, f"its last sign came {newest:.0f} s ago, through every queue")


def _age_seconds(queue: str) -> float | None:
    at = worker_heartbeat.last(queue)
    return (clock.now() - at).total_seconds() if at else None


def _web() -> InstallationStep:
    address = f"{settings.BIND.url}/health/live"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  (BIND gives http:// alone)
            if answer.headers.get(INSTALLATION) != installation():
                seen = f"another gateway, or another program, answers at {address}"
                todo = "Start this one: ./gateway up. Two on a machine need a GATEWAY_VAR and an address (BIND) each."
                return InstallationStep("web", StepState.FAIL, seen, todo)
            return InstallationStep("web", StepState.PASS, f"{address} answers {answer.status}")
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        return InstallationStep(
            "web", StepState.FAIL, f"{address} does not answer: {reason}", "Start it: ./gateway up; check BIND."
        )


def _sources() -> Iterator[InstallationStep]:
    sources = list(CtiSource.objects.filter(enabled=True))
    if not sources:
        yield InstallationStep("CTI sources", StepState.NOT_YET, "none is declared", DECLARE)
    for source in sources:
        yield _source(source)


def _source(source: CtiSource) -> InstallationStep:
    name = f"CTI source {source.slug}"
    status = LinkStatus.objects.filter(source=source).first()
    if has_session(source.kind) and (problem := _link_problem(status)):
        return InstallationStep(name, StepState.FAIL, problem, _link_advice(status))
    if quiet := quiet_intake_text(source.tokens.all(), clock.now()):
        return InstallationStep(name, StepState.FAIL, quiet, "Check the program that posts to this source.")
    if status is not None and has_session(source.kind) and status.last_call_at is None:
        return InstallationStep(
            name, StepState.NOT_YET, "connected; no event of a call has come yet", "Make a test call."
        )
    last = status.last_event_at if status else None
    folded = Checkpoint.objects.filter(source=source, events__gt=0).values_list("folded_at", flat=True).first()
    if last is None and folded is None:
        todo = "Make a test call." if has_session(source.kind) else "Post an event with a token of this source."
        return InstallationStep(name, StepState.NOT_YET, "no event has come yet", todo)
    return InstallationStep(name, StepState.PASS, f"its last event came at {shown(last or folded)}")


def _link_problem(status: LinkStatus | None) -> str:
    """Say what is wrong with a TCP source's link; empty when nothing is."""
    if status is None or status.reported_at is None:
        return "no listener has reported"
    if clock.now() - status.reported_at > timedelta(seconds=SILENT_SECONDS):
        return f"its listener has been silent since {shown(status.reported_at)}"
    if status.state != LinkState.UP:
        return f"{status.get_state_display()}{': ' + status.last_error if status.last_error else ''}"
    return status.lack or quiet_text(status, clock.now())


def _link_advice(status: LinkStatus | None) -> str:
    """Return what to do; nothing but where to look, where the problem itself says what a person has to change."""
    if status is not None and status.state == LinkState.UP:
        return "See the source's page."
    return "Do what it says; else check host, port, credentials and the PBX. See the source's page."


def _services() -> Iterator[InstallationStep]:
    services = enabled_services()
    if not services:
        yield NO_SERVICE
    for service in services:
        yield from way_steps(service, test_connection(service))
        yield from fetched_steps(service)


def enabled_services() -> list[RecordingService]:
    """Return the services that are to be tested."""
    return list(RecordingService.objects.filter(enabled=True).select_related("data_server"))


def way_steps(service: RecordingService, taken: Iterable[Tried]) -> Iterator[InstallationStep]:
    """Tell what the test of a service's connection found, one step after the other."""
    for one in taken:
        state = StepState.PASS if one.ok else StepState.FAIL if one.tried else StepState.NOT_YET
        yield InstallationStep(f"{name_of(service)}: {one.name}", state, one.found, one.advice)


def name_of(service: RecordingService) -> str:
    """Return how a service's steps are called."""
    return f"Recording Service {service.slug}"


def fetched_steps(service: RecordingService) -> Iterator[InstallationStep]:
    """Look at what was fetched from a service and created there."""
    name = name_of(service)
    users = QmsUser.objects.filter(service=service, gone_at=None).count()
    if users:
        yield InstallationStep(f"{name}: users loaded", StepState.PASS, "1 user" if users == 1 else f"{users} users")
    else:
        yield InstallationStep(
            f"{name}: users loaded", StepState.NOT_YET, "no users", f"Run ./gateway manage sync_users {service.slug}."
        )
    yield _flags_exist(name, service)


def _flags_exist(name: str, service: RecordingService) -> InstallationStep:
    wanted = written_names()
    good = (FlagOnServer.State.CREATED, FlagOnServer.State.EXISTS)
    there = FlagOnServer.objects.filter(data_server=service.data_server, state__in=good).values_list("name", flat=True)
    missing = sorted(wanted - set(there))
    if missing:
        seen = f"not known to exist on {service.data_server.slug}: {', '.join(missing)}"
        return InstallationStep(f"{name}: flags exist", StepState.NOT_YET, seen, "Run ./gateway manage create_flags.")
    return InstallationStep(f"{name}: flags exist", StepState.PASS, f"{len(wanted)} on {service.data_server.slug}")


def clocks_step() -> InstallationStep:
    """Compare the clocks last: the connection test has just read that of QMS."""
    found = clock_offsets.offsets()
    wrong = [str(one) for one in found if one.is_wrong]
    if wrong:
        todo = "Let NTP (chrony or systemd-timesyncd) set this clock and the gateway's machine."
        return InstallationStep("clocks", StepState.FAIL, "; ".join(wrong), todo)
    return InstallationStep("clocks", StepState.PASS, "; ".join(str(one) for one in found))
