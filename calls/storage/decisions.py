"""What was decided of legs, for those who prove it later: outcome, match, and which event each value is from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from calls.core.flag_origins import flag_origins
from calls.models import Leg
from calls.storage.codec import read_leg


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
    rows = Leg.objects.filter(pk__in=leg_ids).select_related("source")
    return {row.pk: _decision(row) for row in rows}


def _decision(row: Leg) -> LegDecision:
    state = read_leg(row.facts, "[]") if row.facts else None
    return LegDecision(
        source=row.source.slug,
        extension=row.device_id,
        connected_at=row.connected_at,
        outcome=row.outcome,
        reason=row.reason_code,
        match=state.match.name.lower() if state else "",
        origins=[
            DecisionOrigin(one.label, one.origin.event, one.origin.id, one.origin.at.isoformat(), one.origin.rule.name)
            if one.origin
            else DecisionOrigin(one.label, "", "", "", "OWN")
            for one in (flag_origins(state) if state else [])
        ],
    )
