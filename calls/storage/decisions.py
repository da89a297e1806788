"""What was decided of legs, for those who prove it later: outcome, match, and which event each value is from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from calls.core.flag_origins import flag_origins
from calls.models import ASSIGNED, Leg, RecordingSearch, SearchState
from calls.storage.codec import NO_TRACE, read_leg

#: Columns alone: a model of each leg's source would decode the source's list of devices for each leg.
_COLUMNS = ("source__slug", "device_id", "connected_at", "outcome", "reason_code", "facts")


class RecordingOrigin(msgspec.Struct, frozen=True):
    """How it became known that a recording is a leg's: FindLiveRecording's answer; ``by``: the person who gave it."""

    of: str
    at: str
    by: str = ""


class DecisionOrigin(msgspec.Struct, frozen=True):
    """A value by its label, the event that stated it, and the rule by which it became the leg's."""

    of: str
    event: str
    event_id: str
    at: str
    rule: str


class LegDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided of a leg. No value of the call is in it."""

    source: str
    extension: str
    connected_at: datetime
    outcome: str
    reason: str
    match: str
    origins: list[DecisionOrigin]


def decisions_of(leg_ids: Sequence[int]) -> Mapping[int, LegDecision]:
    """Return the decisions of these legs, as far as they are kept."""
    rows = Leg.objects.filter(pk__in=leg_ids).order_by().values_list("pk", *_COLUMNS)
    return {key: _decision(*columns) for key, *columns in rows}


def recording_origins(leg_ids: Sequence[int]) -> Mapping[tuple[int, str], RecordingOrigin]:
    """Return how each recording of these legs became theirs, as far as it is kept, by leg and recording.

    A leg that took a recording over from another, as after a transfer, has no question of its own. Where a person gave
    it one, this counts: QMS may have named the recording before, and its answer was refused, as one that began late.
    """
    found = RecordingSearch.objects.filter(leg_id__in=leg_ids, state=SearchState.FOUND).order_by("-ordinal")
    rows = found.values_list("leg_id", "recording_guid", "why", "error", "answered_at")
    # The last row counts: the person's, else the first answer.
    last = sorted(rows, key=lambda row: row[2] == ASSIGNED)
    return {(leg, guid): _recording_origin(why, error, at) for leg, guid, why, error, at in last}


def _recording_origin(why: str, error: str, answered_at: datetime | None) -> RecordingOrigin:
    at = answered_at.isoformat() if answered_at else ""
    return RecordingOrigin("a person", at, error) if why == ASSIGNED else RecordingOrigin("FindLiveRecording", at)


def _decision(
    source: str, extension: str, connected_at: datetime, outcome: str, reason: str, facts: bytes | memoryview
) -> LegDecision:
    state = read_leg(facts, NO_TRACE) if facts else None
    return LegDecision(
        source=source,
        extension=extension,
        connected_at=connected_at,
        outcome=outcome,
        reason=reason,
        match=state.match.name.lower() if state else "",
        origins=[
            DecisionOrigin(one.label, one.origin.event, one.origin.id, one.origin.at.isoformat(), one.origin.rule.name)
            if one.origin
            else DecisionOrigin(one.label, "", "", "", "OWN")
            for one in (flag_origins(state) if state else [])
        ],
    )
