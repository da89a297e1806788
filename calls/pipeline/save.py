"""Save what a batch changed, in the caller's transaction: legs, calls, agent sessions, searches, flag writes, gaps."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from agents.api import KnownAgents, save_sessions
from bulk.statements import changed, one_of
from bulk.tables import Upsert, UpsertTable, upsert_all
from calls.core.commands import (
    CancelSearch,
    ChangeSession,
    CloseGap,
    CoreCommand,
    LeaveGap,
    NameQueue,
    OpenGap,
    StartSearch,
    WriteFlags,
)
from calls.core.dispatch import apply
from calls.core.flag_facts import leg_facts
from calls.core.result_events import WriteSettled
from calls.core.state import LegState, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from calls.models import Call, Gap, Leg, QueueName, RecordingSearch, SearchState
from calls.models.gaps import leave_gap, open_gap
from calls.pipeline.folding_again import FoldingAgain
from calls.pipeline.source_context import SourceContext
from calls.stats.dimensions import count_dimensions
from calls.stats.hourly import count_changes
from calls.stats.searches import EndedSearch, cancelled, count_searches, search_counts
from calls.storage import search_rows
from calls.storage.codec import CALL_FIELDS, LEG_FIELDS, call_row, leg_key, leg_number, leg_row
from calls.storage.search_rows import NewSearch
from flags.api import NewWrite, hash_key, put_legs_in_doubt, queue_writes
from flags.catalogue.values import FlagPart, FlagSpec, flag_texts

#: A recording may have begun this much before the PBX said Connected.
EARLY = timedelta(seconds=3)
_LEGS = UpsertTable(Leg, LEG_FIELDS, ["id"])
_CALLS = UpsertTable(Call, CALL_FIELDS, ["source", "incarnation"])


def save(
    source_id: int,
    work: UnitOfWork,
    context: SourceContext,
    specs: tuple[FlagSpec, ...],
    now: datetime,
    agents: KnownAgents,
    again: FoldingAgain | None = None,
    ended: Sequence[EndedSearch] = (),
) -> tuple[set[int], set[int]]:
    """Save a unit of work, and count the searches that ended.

    Returns the Recording Services with new searches, and those with new flag writes.
    ``again``: what was folded before, by a database that has gone back since.
    """
    writing = _save_writes(source_id, work, specs, now)
    if again:
        put_legs_in_doubt(again.doubtful_legs(source_id, work), now)
    _delete_calls(source_id, work)
    counts = (*count_changes(source_id, work), *count_dimensions(source_id, work), search_counts(source_id, ended))
    legs = _legs(source_id, work, now, compact=context.are_legs_compact)
    upsert_all([legs, _calls(source_id, work), *counts])
    save_sessions(source_id, [one.change for one in work.commands if isinstance(one, ChangeSession)], now, agents)
    _save_gaps(source_id, work.commands)
    _save_queue_names(source_id, work.commands)
    looking_up = _save_searches(source_id, work.commands, context, now)
    if again:
        again.answer_searches(source_id)
    return looking_up, writing


def _save_writes(source_id: int, work: UnitOfWork, specs: tuple[FlagSpec, ...], now: datetime) -> set[int]:
    """Queue the flag writes; a write that cannot be queued is answered at once."""
    wanted = [one for one in work.commands if isinstance(one, WriteFlags)]
    new = [_new_write(source_id, work.legs[one.leg], one, specs) for one in wanted]
    for write in new:
        if not write.texts:
            _refuse(work, write.leg_id, write.part, "No flag that has a value is switched on.", now)
    for refusal in queue_writes([write for write in new if write.texts]):
        _refuse(work, refusal.leg_id, refusal.part, refusal.reason, now)
    return {write.service_id for write in new}


def _new_write(source_id: int, leg: LegState, command: WriteFlags, specs: tuple[FlagSpec, ...]) -> NewWrite:
    texts = flag_texts(specs, leg_facts(leg), command.part, hash_key())
    return NewWrite(
        leg_id=leg_key(source_id, leg.number),
        source_id=source_id,
        service_id=leg.service or 0,
        recording_guid=leg.guid,
        part=command.part,
        texts=tuple(texts),
        at=command.at,
        connected_at=leg.connected_gateway_at,
        is_canary=leg.is_canary,
    )


def _refuse(work: UnitOfWork, leg_id: int, part: str, reason: str, now: datetime) -> None:
    named: FlagPart = "base" if part == "base" else "wrapup"
    refused = WriteSettled(leg=leg_number(leg_id), part=named, status=WriteStatus.REFUSED, at=now, error=reason)
    apply(refused, work)


def _legs(source_id: int, work: UnitOfWork, now: datetime, *, compact: bool) -> Upsert:
    # A leg that gave up its recording comes before the one that has it now: no two may have it at any moment.
    touched = sorted(work.touched_legs, key=lambda number: (work.legs[number].guid, number))
    return _LEGS.of([leg_row(source_id, work.legs[number], now, compact=compact) for number in touched])


def _delete_calls(source_id: int, work: UnitOfWork) -> None:
    if gone := [number for number in work.touched_calls if number not in work.calls]:
        is_gone, numbers = one_of(gone)
        changed(f"DELETE FROM calls_call WHERE source_id = %s AND incarnation {is_gone}", [source_id, numbers])  # noqa: S608


def _calls(source_id: int, work: UnitOfWork) -> Upsert:
    there = sorted(number for number in work.touched_calls if number in work.calls)
    return _CALLS.of([call_row(source_id, work.calls[number]) for number in there])


def _save_gaps(source_id: int, commands: Sequence[CoreCommand]) -> None:
    for one in commands:
        if isinstance(one, OpenGap):
            open_gap(source_id, one.began_at, one.reason, one.devices)
        elif isinstance(one, LeaveGap):
            leave_gap(source_id, one.began_at, one.ended_at, one.devices)
        elif isinstance(one, CloseGap):
            Gap.objects.filter(source_id=source_id, began_at=one.began_at).update(
                ended_at=one.ended_at, legs_saved=one.legs_saved, legs_lost=one.legs_lost
            )


def _save_queue_names(source_id: int, commands: Sequence[CoreCommand]) -> None:
    QueueName.objects.bulk_create(
        QueueName(source_id=source_id, device_id=one.device_id, name=one.name, since=one.since)
        for one in commands
        if isinstance(one, NameQueue)
    )


def _save_searches(source_id: int, commands: Sequence[CoreCommand], context: SourceContext, now: datetime) -> set[int]:
    """Save new searches and end cancelled ones, in the order of the commands."""
    new: dict[tuple[int, int], NewSearch] = {}
    legs: list[int] = []
    for one in commands:
        if isinstance(one, StartSearch):
            new[(one.leg, one.search)] = _new_search(source_id, one, context, now)
        elif isinstance(one, CancelSearch):
            legs.append(leg_key(source_id, one.leg))
            for key in [key for key in new if key[0] == one.leg]:
                new[key] = replace(new[key], state=SearchState.CANCELLED.value)
    _cancel(source_id, legs, [one for one in new.values() if one.state != SearchState.OPEN], now)
    search_rows.add(new.values())
    return {one.service for one in new.values() if one.state == SearchState.OPEN}


def _cancel(source_id: int, legs: Sequence[int], unasked: Sequence[NewSearch], now: datetime) -> None:
    """End the open searches of legs; count them, and those that ended in the batch that began them."""
    if not legs:
        return
    is_open = RecordingSearch.objects.filter(leg_id__in=legs, state=SearchState.OPEN)
    rows = list(is_open.order_by("id").select_for_update())  # Held: none is answered between the count and the change.
    RecordingSearch.objects.filter(id__in=[row.pk for row in rows]).update(state=SearchState.CANCELLED)
    ends = [cancelled(row.service_id, row.attempts, now) for row in rows if not row.is_canary]
    count_searches(source_id, [*ends, *(cancelled(one.service, 0, now) for one in unasked if not one.is_canary)])


def _new_search(source_id: int, one: StartSearch, context: SourceContext, now: datetime) -> NewSearch:
    return NewSearch(
        leg_id=leg_key(source_id, one.leg),
        ordinal=one.search,
        source=source_id,
        service=one.services[0],
        services=list(one.services) if len(one.services) > 1 else [],  # One alone is named above.
        known_guid=one.known_guid,
        extension=one.extension,
        connected_at=one.since_gateway_at,
        not_started_before=one.connected_source_at - EARLY,
        deadline=one.since_gateway_at + context.window(one.services[0]),
        next_at=min(now, one.since_gateway_at),
        is_canary=one.is_canary,
    )
