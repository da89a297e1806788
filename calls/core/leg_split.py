"""One leg becomes two: its extension's recording ended at the transfer, and another began."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.legs import base_due, decide_contests, put_party, traced
from calls.core.outcome_rules import concluded
from calls.core.result_events import RecordingFound
from calls.core.state import LegPhase, LegState, PendingTransfer, SearchStatus, WriteStatus
from calls.core.unit_of_work import UnitOfWork


def split(draft: UnitOfWork, leg: LegState, at: datetime, *, found: RecordingFound | None = None) -> None:
    """Make two legs of one at its transfer mark: the first ends there, the second has the recording found, if any."""
    mark = leg.mark
    if mark is None:
        return
    first = draft.put_leg(concluded(draft, _first(draft, leg, mark), at))
    second = draft.put_leg(concluded(draft, _second(draft, leg, mark, found, at), at))
    call = draft.calls.get(leg.call_id)
    party = call.parties.get(leg.device_id) if call is not None else None
    if call is not None and party is not None and party.leg == leg.number:
        put_party(draft, call, replace(party, leg=second.number, ordinal=second.ordinal))
    decide_contests(draft, first, at)


def _first(draft: UnitOfWork, leg: LegState, mark: PendingTransfer) -> LegState:
    first = replace(
        leg,
        phase=LegPhase.CLOSED,
        call_id=mark.call_id,
        facts=mark.facts,
        mark=None,
        disconnected_at=mark.at,
        disconnected_by_us=mark.by_us,
        base_due=mark.by_us + timedelta(seconds=draft.site.settle_seconds),
        search=_settled(leg, leg.guid),
        is_end_unknown=False,
        is_held=False,
    )
    return traced(first, mark.by_us, "disconnected", "The call was transferred here: another recording.")


def _second(
    draft: UnitOfWork, leg: LegState, mark: PendingTransfer, found: RecordingFound | None, at: datetime
) -> LegState:
    guid = found.guid if found else ""
    second = LegState(
        number=draft.next_number(),
        call_id=leg.call_id,
        device_id=leg.device_id,
        ordinal=leg.ordinal + 1,
        connected_at=mark.at,
        connected_by_us=mark.by_us,
        phase=leg.phase,
        facts=leg.facts,
        agent_id=leg.agent_id,
        agent_name=leg.agent_name,
        match=leg.match,
        match_reason=leg.match_reason,
        services=leg.services,
        is_joined_late=leg.is_joined_late,
        disconnected_at=leg.disconnected_at,
        is_held=leg.is_held,
        disconnected_by_us=leg.disconnected_by_us,
        is_end_unknown=leg.is_end_unknown,
        base_due=leg.base_due,
        search=_settled(leg, guid),
        missed="" if guid else leg.missed,
        guid=guid,
        service=found.service if found else None,
        found_by_us=at if found else None,
        base=WriteStatus.NONE,
        recording_began=found.started_at if found else None,
    )
    second = replace(second, base_due=base_due(draft, second, second.disconnected_by_us))
    return traced(second, mark.by_us, "connected", "The call was transferred here, and a new segment began.")


def _settled(leg: LegState, guid: str) -> SearchStatus:
    if leg.search is SearchStatus.NONE:
        return SearchStatus.NONE
    return SearchStatus.FOUND if guid else SearchStatus.MISSED
