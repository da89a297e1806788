"""Give a leg the recording that QMS holds for it alone, because a person decided it after the search had missed."""

from datetime import datetime

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Max

from calls.core.state import LegPhase
from calls.models import ASSIGNED, Leg, RecordingSearch, SearchState
from cti.api import wake
from flags.models import FlagWrite
from qms.port import Recording


class NotAssignable(Exception):
    """The recording cannot be given to the leg; the text says why. Another try gives the same."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Which recording of which Recording Service a leg gets, and who decided it."""

    leg_id: int
    service_id: int
    recording: Recording
    by: str


def assign_recording(wanted: Assignment, now: datetime) -> None:
    """Leave the decision for the consumer, which writes the leg's flags. Raises ``NotAssignable``.

    The consumer decides by the leg as it is then, so a decision that came too late changes nothing.
    """
    try:
        source_id = _leave(wanted, now)
    except IntegrityError as error:
        raise NotAssignable("Somebody else has just assigned a recording to this leg.") from error
    wake(source_id)


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
    if RecordingSearch.objects.filter(recording_guid=guid, why=ASSIGNED, folded=False).exists():
        return "The recording was just assigned."
    return ""
