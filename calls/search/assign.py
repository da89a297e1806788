"""Give a leg the recording that QMS holds for it alone, because a person decided it after the search had missed.

A flag can never be taken back, so all of this must hold, by the gateway's clock and whatever the sources' clocks say:

1. The leg is settled without a recording; the recording began when the leg was connected, and ended when it did.
2. No other leg at the extension, of any source and with any outcome, was connected about then, or while it went on.
3. No leg has the recording, and no flag was ever sent to it.
4. The leg's source is enabled: its consumer takes the decision.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Max

from calls.core.same_time import CallTime, is_one_call, overlap
from calls.core.state import LegPhase
from calls.models import ASSIGNED, Leg, RecordingSearch, SearchState
from calls.storage.codec import read_leg
from cti.api import answers_stream, wake
from flags.models import FlagWrite
from qms.port import Recording

#: Maximum difference between a leg's begin and end and those of its recording, by the gateway's clock.
TOLERANCE = timedelta(seconds=5)
#: How far a source's clock may be from the gateway's: rows are found by it, and judged by the gateway's.
MAXIMUM_CLOCK_ERROR = timedelta(hours=25)
#: Maximum number of legs of one query.
AT_ONCE = 500


class NotAssignable(Exception):
    """The recording cannot be given to the leg; the text says why. Another try gives the same."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Which recording of which Recording Service a leg gets, and who decided it."""

    leg_id: int
    service_id: int
    recording: Recording
    by: str


class Doubt(msgspec.Struct, frozen=True):
    """Why the times leave a doubt whose a recording is; ``legs``: the others whose it may be."""

    text: str
    legs: tuple[int, ...] = ()


def assign_recording(wanted: Assignment, now: datetime) -> None:
    """Leave the decision for the consumer, which writes the leg's flags. Raises ``NotAssignable``.

    The consumer decides by the leg as it is then, so a decision that came too late changes nothing. One that it does
    not take at once lapses.
    """
    try:
        source_id = _leave(wanted, now)
    except IntegrityError as error:
        raise NotAssignable("Somebody else has just assigned a recording to this leg.") from error
    wake(answers_stream(source_id))


def being_assigned(guids: Sequence[str]) -> set[str]:
    """Return which of the recordings a person gave to a leg whose consumer has not decided yet."""
    rows = RecordingSearch.objects.filter(recording_guid__in=guids, why=ASSIGNED, folded=False, state=SearchState.FOUND)
    return set(rows.order_by().values_list("recording_guid", flat=True))


@transaction.atomic
def _leave(wanted: Assignment, now: datetime) -> int:
    leg = Leg.objects.filter(pk=wanted.leg_id).first()
    if reason := _why_not(leg, wanted):
        raise NotAssignable(reason)
    assert leg is not None
    last = RecordingSearch.objects.filter(leg_id=leg.pk).aggregate(last=Max("ordinal"))["last"] or 0
    RecordingSearch.objects.create(
        leg_id=leg.pk,
        ordinal=last + 1,
        source_id=leg.source_id,
        service_id=wanted.service_id,
        extension=leg.device_id,
        not_started_before=leg.connected_at,
        connected_at=leg.connected_at,
        deadline=now,
        next_at=now,
        state=SearchState.FOUND,
        answered_at=now,
        recording_guid=wanted.recording.guid,
        recording_started_at=wanted.recording.started_at,
        why=ASSIGNED,
        error=wanted.by[:150],
    )
    return leg.source_id


def _why_not(leg: Leg | None, wanted: Assignment) -> str:
    """Return why a leg cannot get the recording, or nothing."""
    guid = wanted.recording.guid
    if leg is None:
        return "The leg is no longer kept."
    if leg.phase != LegPhase.SETTLED.value or leg.recording_guid:
        return "The leg is not settled, or has a recording."
    if Leg.objects.filter(recording_guid=guid).exists() or FlagWrite.objects.filter(recording_guid=guid).exists():
        return "The recording belongs to another leg, or flags were sent to it."
    if being_assigned([guid]):
        return "The recording was just assigned."
    if not leg.source.enabled:
        return f"The CTI source “{leg.source.slug}” is switched off: nobody would write the flags. Switch it on first."
    return _why_doubtful(leg, CallTime(wanted.recording.started_at, wanted.recording.ended_at))


def _why_doubtful(leg: Leg, recorded: CallTime) -> str:
    """Return why the times leave a doubt whose the recording is, or nothing."""
    doubt = _doubt(leg, recorded, _legs_about([leg]))
    return doubt.text if doubt else ""


def doubts(wanted: Mapping[int, CallTime]) -> Mapping[int, Doubt]:
    """Return the doubts that the times leave: of legs, each with the time of the recording that it may get.

    Those of no doubt are left out. The repair judges by the same rules, once more.
    """
    by_extension: dict[str, list[Leg]] = defaultdict(list)
    keys = list(wanted)
    for first in range(0, len(keys), AT_ONCE):
        for leg in Leg.objects.filter(pk__in=keys[first : first + AT_ONCE]):
            by_extension[leg.device_id].append(leg)
    found: dict[int, Doubt] = {}
    for legs in by_extension.values():
        about = _legs_about(legs)
        found |= {leg.pk: doubt for leg in legs if (doubt := _doubt(leg, wanted[leg.pk], about))}
    return found


class _LegTime(msgspec.Struct, frozen=True):
    """When a leg was connected: by its source's clock, and by the gateway's."""

    leg_id: int
    source_at: datetime
    connected_at: datetime
    ended_at: datetime | None

    @property
    def time(self) -> CallTime:
        """Return the leg's time by the gateway's clock."""
        return CallTime(self.connected_at, self.ended_at)

    def may_have(self, recorded: CallTime) -> bool:
        """Say whether the leg was connected about when a recording began, or while it went on."""
        is_before_end = self.ended_at is None or recorded.begin <= self.ended_at + TOLERANCE
        is_about_begin = self.connected_at - TOLERANCE <= recorded.begin and is_before_end
        return is_about_begin or overlap(self.time, recorded) > TOLERANCE


def _legs_about(legs: Sequence[Leg]) -> list[_LegTime]:
    """Return the legs at the extension of the given ones, of any source and with any outcome, about their time."""
    times = [leg.connected_at for leg in legs]
    about = (min(times) - MAXIMUM_CLOCK_ERROR, max(times) + MAXIMUM_CLOCK_ERROR)
    rows = Leg.objects.filter(device_id=legs[0].device_id, connected_at__range=about).order_by()
    return [
        _LegTime(key, at, state.connected_gateway_at, state.disconnected_gateway_at)
        for key, at, facts, trace in rows.values_list("id", "connected_at", "facts", "trace").iterator()
        if (state := read_leg(facts, trace))
    ]


def _doubt(leg: Leg, recorded: CallTime, about: Sequence[_LegTime]) -> Doubt | None:
    own = next((one for one in about if one.leg_id == leg.pk), None)
    if own is None or abs(own.connected_at - recorded.begin) > TOLERANCE:
        return Doubt("The recording did not begin when the leg was connected, by the gateway's clock.")
    others = (one for one in about if one is not own and abs(one.source_at - leg.connected_at) <= MAXIMUM_CLOCK_ERROR)
    if legs := tuple(one.leg_id for one in others if one.may_have(recorded)):
        return Doubt("Another leg was connected at the extension as the recording began, or while it went on.", legs)
    if not is_one_call(own.time, recorded, TOLERANCE):
        return Doubt("The recording and the leg did not go on and end together: they may be two calls.")
    return None
