"""One leg becomes two: its extension's recording ended at the transfer, and another began."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.clocks import was_received_late
from calls.core.doubts import base_due, decide_contests
from calls.core.flag_facts import differing
from calls.core.legs import put_party
from calls.core.outcome_rules import WITHHELD, concluded, traced
from calls.core.recording_ownership import sure_at
from calls.core.result_events import RecordingFound
from calls.core.state import LegPhase, LegState, PendingTransfer, SearchStatus, WriteStatus
from calls.core.unit_of_work import UnitOfWork

#: If the recording went on, its wrap-up is that of the part after the transfer.
_WRAP_UP = ("wrapup_template", "wrapup_result")


def split(
    work: UnitOfWork,
    leg: LegState,
    at: datetime,
    *,
    found: RecordingFound | None = None,
    is_undecided: bool = False,
) -> None:
    """Split a leg at its pending transfer: the first part ends there, the second has the recording found, if any.

    ``is_undecided``: the first part's recording may have gone on with the second, so it gets what both have in common.
    """
    pending_transfer = leg.pending_transfer
    if pending_transfer is None:
        return
    before, after = _wrapups_of(leg, pending_transfer)
    first = _first(work, before, pending_transfer)
    if is_undecided and first.guid:
        withheld = tuple(dict.fromkeys((*differing(first, leg), *_WRAP_UP)))
        first = traced(replace(first, withheld=withheld), at, "transfer", WITHHELD)
    first = _without_earlier(first, pending_transfer, at)
    first = work.put_leg(concluded(work, _lateness_named(work, first), at))
    second = _second(work, after, pending_transfer, found, at)
    if found is not None:
        second = replace(second, sure_at=sure_at(work, second, found, besides=first.number))
    second = replace(second, base_due=base_due(work, second, second.disconnected_gateway_at))
    second = work.put_leg(concluded(work, _lateness_named(work, second), at))
    call = work.calls.get(leg.incarnation)
    party = call.parties.get(leg.device_id) if call is not None else None
    if call is not None and party is not None and party.leg == leg.number:
        put_party(work, call, replace(party, leg=second.number, ordinal=second.ordinal))
    decide_contests(work, first, at)


def _without_earlier(first: LegState, pending_transfer: PendingTransfer, at: datetime) -> LegState:
    """Leave out what was another before an earlier transfer, of which QMS had not answered: it may have ended there."""
    earlier = pending_transfer.earlier
    if earlier is None or not first.guid:
        return first
    other = differing(first, replace(first, call_id=earlier.call_id, facts=earlier.facts))
    if not other:
        return first
    withheld = tuple(dict.fromkeys((*first.withheld, *other, *_WRAP_UP)))
    return traced(replace(first, withheld=withheld), at, "transfer", WITHHELD)


def _lateness_named(work: UnitOfWork, part: LegState) -> LegState:
    """Say of a part that was asked for too late whether its event had come too late for that."""
    is_sources = part.missed == "late" and was_received_late(work, part)
    return replace(part, missed="heard_late") if is_sources else part


def _wrapups_of(leg: LegState, pending_transfer: PendingTransfer) -> tuple[LegState, LegState]:
    """Return a leg as the part before and after a transfer has it: what came after that wraps up the second part."""
    none = replace(leg, wrapup_template="", wrapup_result="", wrapup_origin=None)
    stated = leg.wrapup_origin
    return (leg, none) if stated is None or stated.at <= pending_transfer.at else (none, leg)


def put_first_part(work: UnitOfWork, leg: LegState, pending_transfer: PendingTransfer) -> None:
    """Put a leg for the part before a transfer, of a leg that keeps its recording and is written to already."""
    first = replace(leg, number=work.next_number(), ordinal=leg.ordinal + 1, guid="", service=None, trace=())
    first = replace(
        _first(work, first, pending_transfer),
        base=WriteStatus.NONE,
        base_due=pending_transfer.gateway_at,
        wrapup=WriteStatus.NONE,
        wrapup_template="",
        wrapup_result="",
        wrapup_due=None,
        search=SearchStatus.MISSED,
        missed="transfer",
        found_gateway_at=None,
        flagged_gateway_at=None,
        recording_began=None,
        sure_at=None,
    )
    _put_other_part(work, leg, first, pending_transfer)


def put_second_part(work: UnitOfWork, leg: LegState, pending_transfer: PendingTransfer) -> None:
    """Put a leg for the part after a transfer, of a leg that keeps its recording and is written to already."""
    leg = replace(leg, guid="", search=SearchStatus.MISSED, missed="undecided", wrapup_template="", wrapup_result="")
    second = _second(work, leg, pending_transfer, None, pending_transfer.gateway_at)
    _put_other_part(work, leg, replace(second, base_due=pending_transfer.gateway_at), pending_transfer)


def _put_other_part(work: UnitOfWork, leg: LegState, part: LegState, pending_transfer: PendingTransfer) -> None:
    for incarnation in (leg.incarnation, pending_transfer.incarnation):  # Who had left before is in the former only.
        call = work.calls.get(incarnation)
        party = call.parties.get(leg.device_id) if call is not None else None
        if call is not None and party is not None:
            put_party(work, call, replace(party, ordinal=max(party.ordinal, part.ordinal)))
    work.put_leg(concluded(work, part, pending_transfer.gateway_at))


def _first(work: UnitOfWork, leg: LegState, pending_transfer: PendingTransfer) -> LegState:
    first = replace(
        leg,
        phase=LegPhase.CLOSED,
        call_id=pending_transfer.call_id,
        incarnation=pending_transfer.incarnation,
        call_origin=pending_transfer.call_origin,
        facts=pending_transfer.facts,
        pending_transfer=None,
        disconnected_source_at=pending_transfer.at,
        disconnected_gateway_at=pending_transfer.gateway_at,
        base_due=pending_transfer.gateway_at + timedelta(seconds=work.site.settle_seconds),
        search=_settled(leg, leg.guid),
        missed="" if leg.guid else leg.missed or "transfer",
        is_end_unknown=False,
        is_held=False,
    )
    return traced(
        first, pending_transfer.gateway_at, "disconnected", "The call was transferred here: another recording."
    )


def _second(
    work: UnitOfWork, leg: LegState, pending_transfer: PendingTransfer, found: RecordingFound | None, at: datetime
) -> LegState:
    guid = found.guid if found else ""
    second = LegState(
        number=work.next_number(),
        call_id=leg.call_id,
        incarnation=leg.incarnation,
        device_id=leg.device_id,
        ordinal=leg.ordinal + 1,
        connected_source_at=pending_transfer.at,
        connected_gateway_at=pending_transfer.gateway_at,
        received_at=pending_transfer.received_at,
        phase=leg.phase,
        facts=leg.facts,
        agent_id=leg.agent_id,
        agent_name=leg.agent_name,
        call_origin=leg.call_origin,
        agent_origin=leg.agent_origin,
        match=leg.match,
        match_reason=leg.match_reason,
        services=leg.services,
        is_joined_late=leg.is_joined_late,
        is_canary=leg.is_canary,
        agent_source_at=leg.agent_source_at or leg.connected_source_at,
        disconnected_source_at=leg.disconnected_source_at,
        is_held=leg.is_held,
        disconnected_gateway_at=leg.disconnected_gateway_at,
        is_end_unknown=leg.is_end_unknown,
        wrapup_template=leg.wrapup_template,
        wrapup_result=leg.wrapup_result,
        wrapup_origin=leg.wrapup_origin,
        base_due=leg.base_due,
        search=_settled(leg, guid),
        missed="" if guid else leg.missed,
        guid=guid,
        service=found.service if found else None,
        found_gateway_at=at if found else None,
        base=WriteStatus.NONE,
        recording_began=found.started_at if found else None,
    )
    return traced(
        second, pending_transfer.gateway_at, "connected", "The call was transferred here, and a new segment began."
    )


def _settled(leg: LegState, guid: str) -> SearchStatus:
    if leg.search is SearchStatus.NONE:
        return SearchStatus.NONE
    return SearchStatus.FOUND if guid else SearchStatus.MISSED
