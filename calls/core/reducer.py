"""Apply events to a state, in order."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from calls.core.clocks import note_agreement
from calls.core.dispatch import rule_of
from calls.core.handlers import (  # noqa: F401  (they register)
    agent_events,
    assigned,
    call_events,
    connections,
    failures,
    link_events,
    results,
    time_passed,
    transfer_conference,
)
from calls.core.queueing import as_queued
from calls.core.result_events import ResultEvent, TimePassed
from calls.core.unit_of_work import LiveState, MatchContext, Step, UnitOfWork
from calls.core.within_a_second import in_its_place
from cti.events import AnyEvent, CallEvent, Event


def advance(event: AnyEvent | ResultEvent, state: LiveState, context: MatchContext) -> Step:
    """Apply one event: event + state -> new state + commands. Raises ``TypeError`` for a type without a rule."""
    work = fold([event], state, context)
    return Step(work.state(), work.commands)


def fold(events: Iterable[AnyEvent | ResultEvent], state: LiveState, context: MatchContext) -> UnitOfWork:
    """Apply a batch in order; the same as advancing one by one, without copying the state each time."""
    return fold_into(UnitOfWork(state, context), events)


def fold_into(work: UnitOfWork, events: Iterable[AnyEvent | ResultEvent]) -> UnitOfWork:
    """Apply a batch to a unit of work that is kept from batch to batch.

    Time passes with the events: what is due between two of them happens between them, at its own moment. So the result
    depends on the events and their times alone, not on how they were cut into batches or how late they are folded.
    """
    for event in events:
        fold_next(work, event)
    work.note_clock()
    return work


def fold_next(work: UnitOfWork, event: AnyEvent | ResultEvent) -> None:
    """Apply one event of a batch, at the end of which ``note_clock`` is due."""
    work.received_at = None  # What is due before the event is not of it.
    _pass_time(work, getattr(event, "at", None))  # A thing without a moment has no rule: it raises.
    if not work.source.has_fractions and isinstance(event, Event) and event.time.microsecond:
        work.source = replace(work.source, has_fractions=True)
    work.received_at = event.gatewayreceived if isinstance(event, Event) else None
    if isinstance(event, Event):
        note_agreement(work, event.time, event.at)
    placed = in_its_place(work, as_queued(work, event)) if isinstance(event, CallEvent) else event
    rule_of(type(placed))(placed, work)


def _pass_time(work: UnitOfWork, at: datetime | None) -> None:
    now = work.clock if at is None or (work.clock is not None and work.clock > at) else at
    if now is not None and work.is_anything_due(now):
        rule_of(TimePassed)(TimePassed(now), work)
    work.clock = now
