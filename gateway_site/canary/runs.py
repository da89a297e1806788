"""Carry on canary calls step by step: by the timetable, by a command, or because a person pressed the button.

Nothing here waits: each look takes a call as far as it has come. A call is one at a time for each test extension (the
database's constraint), and the next one begins whatever became of the last.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q
from msgspec.structs import replace

from calls.core.canary import canary_call_id
from cti.models import CanaryWay, CtiSource
from gateway_site.canary import checks, ways
from gateway_site.canary.interruptions import SETTLES, excused
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.steps import MAXIMUM_SECONDS, TIMEOUTS, CanaryStep, CanaryVerdict, StepEnd, failed, passed
from gateway_site.canary.ways import CanaryCallFailed
from qms.api import ConnectService

#: Maximum time of one look at a call, in which a worker holds it.
CLAIM = timedelta(seconds=90)
#: So much sooner than the interval the next call begins. What breaks as settings are saved shows in time too: a whole
#: call that is interrupted, the settling, a second one that is judged, and three looks of the timetable.
RESERVE = 2 * timedelta(seconds=MAXIMUM_SECONDS) + SETTLES + timedelta(seconds=15)
#: How long canary calls are kept.
KEPT = timedelta(days=30)
IN_TIME = "It did not come in time."
#: The steps during which nobody else may use the test phone.
AT_PHONE = (CanaryStep.LEG, CanaryStep.RECORDING, CanaryStep.END)
_ORDER = tuple(CanaryStep)

log = structlog.get_logger()


def period(source: CtiSource) -> timedelta:
    """Return the time from one canary call to the next: what breaks shows before the source's interval is over."""
    return timedelta(minutes=source.canary_minutes) - RESERVE


def due_at(last: CanaryCall, source: CtiSource) -> datetime:
    """Return when the call after one begins; after an interrupted one as soon as the new settings have settled."""
    if last.is_interrupted and last.ended_at is not None:
        return last.ended_at + SETTLES
    return last.began_at + period(source)


def begin(source: CtiSource, extension: str, by: str, now: datetime) -> CanaryCall | None:
    """Begin a canary call; None where one of this extension goes on. ``by``: who asked, "" for the timetable."""
    call = CanaryCall(
        source=source, extension=extension, way=source.canary_way, asked_by=by[:150], began_at=now, step_since=now
    )
    if call.way == CanaryWay.EVENTS:
        call.call_id = canary_call_id(uuid.uuid4().hex[:16])
    try:
        with transaction.atomic():
            call.save()
    except IntegrityError:
        return None
    return call


def begin_due(now: datetime) -> None:
    """Begin the calls whose time has come; forget old ones."""
    for source in CtiSource.objects.filter(enabled=True).exclude(canary_extensions=[]):
        for extension in map(str, source.canary_extensions):
            last = CanaryCall.objects.filter(source=source, extension=extension).first()
            if last is None or now >= due_at(last, source):
                begin(source, extension, "", now)


def work(now: Callable[[], datetime], connect: ConnectService) -> None:
    """Do what the timetable asks for every few seconds."""
    begin_due(now())
    carry_on(now, connect)


def forget_old(now: datetime) -> None:
    """Delete the calls that are no longer kept."""
    CanaryCall.objects.filter(ended_at__lt=now - KEPT).delete()


def carry_on(now: Callable[[], datetime], connect: ConnectService) -> None:
    """Take every call that goes on as far as it has come."""
    for key in list(CanaryCall.objects.filter(ended_at=None).values_list("pk", flat=True)):
        carry_on_one(key, now, connect)


def carry_on_one(key: int, now: Callable[[], datetime], connect: ConnectService) -> CanaryCall:
    """Take one call as far as it has come, unless another worker has it. Returns it as it is then."""
    if _claim(key, now()):
        call = CanaryCall.objects.select_related("source", "service").get(pk=key)
        try:
            while call.ended_at is None and (step_end := _look(call, now, connect)):
                _advance(call, step_end, now())
        finally:
            CanaryCall.objects.filter(pk=key).update(claimed_until=None)
    return CanaryCall.objects.select_related("source", "service").get(pk=key)


def _claim(key: int, now: datetime) -> bool:
    free = CanaryCall.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), pk=key, ended_at=None)
    return bool(free.update(claimed_until=now + CLAIM))


def _look(call: CanaryCall, now: Callable[[], datetime], connect: ConnectService) -> StepEnd | None:
    """Return how the present step ended; None while it may still come."""
    step = CanaryStep(call.step)
    try:
        ended = _looked(call, step, now(), connect)
    except CanaryCallFailed as error:
        return failed(step, str(error), error.todo)
    except Exception as error:  # noqa: BLE001  (whatever it is, the call is red and says so)
        log.warning("canary_step_failed", step=step.value, source=call.source.slug, error=type(error).__name__)
        return failed(
            step, f"The gateway itself failed ({type(error).__name__}).", "See the log of the worker default."
        )
    return _late(call, step) if ended is None and _is_late(call, step, now()) else ended


def _late(call: CanaryCall, step: CanaryStep) -> StepEnd:
    if call.way != CanaryWay.ORIGINATE:
        return failed(step, IN_TIME)
    todo = ways.LISTENER_LATE.format(source=call.source.slug) if step is CanaryStep.CALL else ""
    return failed(step, ways.LATE_TEXTS.get(step, IN_TIME), todo)


def _is_late(call: CanaryCall, step: CanaryStep, now: datetime) -> bool:
    is_over = now - call.began_at >= timedelta(seconds=MAXIMUM_SECONDS)
    return is_over or now - call.step_since >= timedelta(seconds=step_seconds(call, step))


def step_seconds(call: CanaryCall, step: CanaryStep) -> float:
    """Return how long a step may take, in seconds."""
    window = call.service.guid_window_seconds if step is CanaryStep.RECORDING and call.service else 0
    return TIMEOUTS[step] + float(window)


def _looked(call: CanaryCall, step: CanaryStep, now: datetime, connect: ConnectService) -> StepEnd | None:
    if step is CanaryStep.CALL:
        return _make(call, now)
    if step in AT_PHONE and checks.is_phone_busy(call):
        return failed(step, "The phone was busy: another call is at the test extension.", ways.KEEP_FREE)
    if step is CanaryStep.END and call.cleared_at is None:
        _clear(call, now)
    if step is CanaryStep.READ_BACK:
        return checks.read_back(call, connect)
    return checks.CHECKS[step](call)


def _make(call: CanaryCall, now: datetime) -> StepEnd | None:
    """Make the call, once: what a worker that died may have made is not made again."""
    if call.made_at is None:
        if _is_late(call, CanaryStep.CALL, now):
            return failed(CanaryStep.CALL, "Nobody made the call in time.")
        call.made_at = now
        call.may_be_recorded = call.way == CanaryWay.ORIGINATE or bool(call.source.canary_recorder_api)
        call.services = list(call.source.allocations.order_by("pk").values_list("service_id", flat=True))
        call.save(update_fields=["made_at", "may_be_recorded", "services"])
        ways.make(call, now)
        if call.way == CanaryWay.ORIGINATE:
            return None
    elif not ways.is_made(call):
        return None
    if call.way == CanaryWay.ORIGINATE:
        return passed(CanaryStep.CALL, f"The PBX makes a call to {call.source.canary_destination}.")
    return passed(CanaryStep.CALL, f"Made by {call.get_way_display()}.")


def _clear(call: CanaryCall, now: datetime) -> None:
    """End the call, once."""
    call.cleared_at = now
    call.save(update_fields=["cleared_at"])
    ways.end(call, now)


def _advance(call: CanaryCall, ended: StepEnd, now: datetime) -> None:
    """Note how a step ended, and go on to the next; a failed step ends the call."""
    since = call.step_since
    if ended.verdict is CanaryVerdict.FAILED:
        ended = excused(call, ended)
        _hang_up(call, now)
        call.is_interrupted = ended.verdict is CanaryVerdict.INTERRUPTED
        call.is_red, call.ended_at = not call.is_interrupted, now
    elif ended.step is _ORDER[-1]:
        call.ended_at = now
    else:
        call.step, call.step_since = _ORDER[_ORDER.index(ended.step) + 1].value, now
    call.note(replace(ended, seconds=round((now - since).total_seconds(), 1)))
    call.save()


def _hang_up(call: CanaryCall, now: datetime) -> None:
    """End a call that failed on its way, so that neither a leg nor a recording stays open."""
    if call.made_at is not None and call.cleared_at is None:
        try:
            _clear(call, now)
        except Exception as error:  # noqa: BLE001  (the call is red already, and ends whatever this was)
            log.warning("canary_not_cleared", source=call.source.slug, error=type(error).__name__)
