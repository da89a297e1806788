"""The state being changed: handlers read and put frozen values, the unit of work remembers what was touched."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec

from agents.core.matching import MatchVerdict
from agents.core.presence import AgentSession, SessionTable
from calls.core.commands import CoreCommand
from calls.core.source_state import SiteSettings, SourceState
from calls.core.state import LIVE, CallState, LegPhase, LegState

Key = TypeVar("Key", str, int)

#: Maximum number of stored moments beyond those of the calls and legs: most calls are over hours before their moments
#: would have gone stale.
MAXIMUM_STALE_MOMENTS = 1_000


class LiveState(msgspec.Struct, frozen=True, kw_only=True):
    """What the core knows, or the part of it that a batch concerns."""

    source: SourceState
    calls: Mapping[int, CallState] = {}
    legs: Mapping[int, LegState] = {}
    sessions: Mapping[str, AgentSession] = {}


class Step(msgspec.Struct, frozen=True):
    """The new state and what to do."""

    state: LiveState
    commands: list[CoreCommand]


class MatchContext(Protocol):
    """Whose recordings are made at an extension, and the settings of the source."""

    @property
    def site(self) -> SiteSettings:
        """Return the settings of the source."""

    def verdict(self, extension: str, agent_id: str = "", agent_name: str = "") -> MatchVerdict:
        """Match an extension with a QMS user."""


class UnitOfWork:
    """A state being changed by the rules; nobody outside the fold sees it.

    A consumer may keep one from batch to batch: ``begin_batch`` forgets what the last batch touched and asked for, and
    the legs that it settled or gave to the delivery.
    """

    def __init__(self, state: LiveState, context: MatchContext) -> None:
        self.context, self.site = context, context.site
        self.source = state.source
        #: The time of the fold: the latest gateway time of any event.
        self.clock = state.source.folded_gateway_at
        #: When the event that is being folded was received, where that was well after its time by the gateway's clock.
        self.received_at: datetime | None = None
        self.calls: dict[int, CallState] = {}
        self.legs: dict[int, LegState] = {}
        self.sessions = SessionTable(state.sessions.values())
        self.commands: list[CoreCommand] = []
        self.touched_calls: set[int] = set()
        self.touched_legs: set[int] = set()
        #: The legs touched, as they were when the batch began; None: the batch opened them.
        self.before: dict[int, LegState | None] = {}
        self._at_device: dict[str, set[int]] = defaultdict(set)
        self._in_call: dict[int, set[int]] = defaultdict(set)
        self._incarnations: dict[str, tuple[int, ...]] = {}
        self._by_guid: dict[str, int] = {}
        self._dues: list[tuple[datetime, bool, int]] = []
        #: The legs that were loaded although they are over, for an answer of this batch.
        self._visiting: set[int] = set()
        self.remember(state.calls.values(), state.legs.values())

    def begin_batch(self, context: MatchContext) -> None:
        """Begin another batch on the same state."""
        self.context, self.site = context, context.site
        for number in self.touched_legs | self._visiting:
            if (leg := self.legs.get(number)) is not None and leg.phase not in LIVE:
                self._forget(leg)
        self.commands, self.touched_calls, self.touched_legs, self.before = [], set(), set(), {}
        self._visiting = set()
        if len(self._dues) > 2 * (len(self.calls) + len(self.legs)) + MAXIMUM_STALE_MOMENTS:
            self._dues = list(set(filter(self._is_due_then, self._dues)))
            heapq.heapify(self._dues)

    def remember(self, calls: Iterable[CallState], legs: Iterable[LegState]) -> None:
        """Add calls and legs that were loaded."""
        for call in calls:
            self._name(call)
            self._note(call.due, True, call.incarnation)
        for leg in legs:
            self.legs[leg.number] = leg
            self._index(leg)
            if leg.phase not in LIVE:
                self._visiting.add(leg.number)

    def _forget(self, leg: LegState) -> None:
        del self.legs[leg.number]
        self._drop_from(self._at_device, leg.device_id, leg.number)
        self._drop_from(self._in_call, leg.incarnation, leg.number)
        self._by_guid.pop(leg.guid, None)

    @staticmethod
    def _drop_from(index: dict[Key, set[int]], name: Key, number: int) -> None:
        numbers = index.get(name)
        if numbers is not None:
            numbers.discard(number)
            if not numbers:
                del index[name]

    def _index(self, leg: LegState) -> None:
        self._at_device[leg.device_id].add(leg.number)
        self._in_call[leg.incarnation].add(leg.number)
        self._note(leg.due, False, leg.number)
        if leg.guid:
            self._by_guid[leg.guid] = leg.number

    def _note(self, due: datetime | None, is_call: bool, number: int) -> None:
        if due is not None:
            heapq.heappush(self._dues, (due, is_call, number))

    def _name(self, call: CallState) -> None:
        """Keep a call under its identity, and among the incarnations of its id."""
        if call.incarnation not in self.calls:
            self._incarnations[call.call_id] = (*self._incarnations.get(call.call_id, ()), call.incarnation)
        self.calls[call.incarnation] = call

    def take_due(self, at: datetime) -> Iterator[CallState | LegState]:
        """Yield what is due, soonest first, each once for each time that it was put."""
        while self._dues and self._dues[0][0] <= at:
            if self._is_due_then(one := heapq.heappop(self._dues)):
                _, is_call, number = one
                yield self.calls[number] if is_call else self.legs[number]

    def due_by(self, at: datetime) -> Iterator[CallState | LegState]:
        """Yield what is due at a moment, in any order, and leave it so."""
        places = [0]
        while places:  # No entry of a heap is before the one at half its place.
            place = places.pop()
            if place >= len(self._dues) or self._dues[place][0] > at:
                continue
            places += (2 * place + 1, 2 * place + 2)
            if self._is_due_then(self._dues[place]):
                _, is_call, number = self._dues[place]
                yield self.calls[number] if is_call else self.legs[number]

    def _is_due_then(self, one: tuple[datetime, bool, int]) -> bool:
        """Say whether a value is still due at the moment that was put for it."""
        due, is_call, number = one
        value = self.calls.get(number) if is_call else self.legs.get(number)
        return value is not None and value.due == due

    def is_anything_due(self, at: datetime) -> bool:
        """Say whether something may be due at a moment; an unfinished snapshot counts."""
        return self.source.snapshot is not None or (bool(self._dues) and self._dues[0][0] <= at)

    def note_clock(self) -> None:
        """Keep the time of the fold with the source's state."""
        if self.clock != self.source.folded_gateway_at:
            self.source = msgspec.structs.replace(self.source, folded_gateway_at=self.clock)

    def next_due(self) -> datetime | None:
        """Return the moment at which something is due next."""
        while self._dues and not self._is_due_then(self._dues[0]):
            heapq.heappop(self._dues)
        return self._dues[0][0] if self._dues else None

    def holder_of(self, guid: str) -> int | None:
        """Return the number of the leg that has a recording, of those known here."""
        number = self._by_guid.get(guid)
        leg = self.legs.get(number) if number is not None else None
        return number if leg is not None and leg.guid == guid else None

    def incarnations_of(self, call_id: str) -> list[CallState]:
        """Return the calls known under an id, the earliest first."""
        numbers = self._incarnations.get(call_id, ())
        if len(numbers) == 1:
            return [self.calls[numbers[0]]]
        return sorted((self.calls[one] for one in numbers), key=lambda call: (call.born_at, call.incarnation))

    def put_call(self, call: CallState) -> CallState:
        """Remember a call's new value."""
        before = self.calls.get(call.incarnation)
        self._name(call)
        self.touched_calls.add(call.incarnation)
        if before is None or before.due != call.due:
            self._note(call.due, True, call.incarnation)
        return call

    def drop_call(self, incarnation: int) -> None:
        """Forget a call that is over."""
        call = self.calls.pop(incarnation, None)
        self.touched_calls.add(incarnation)
        if call is not None:
            self._unname(call)

    def evict(self, incarnation: int, legs: Iterable[LegState]) -> None:
        """Forget a call and legs as they are stored: who needs them loads them again."""
        call = self.calls.pop(incarnation, None)
        if call is not None:
            self._unname(call)
        for leg in legs:
            self._forget(leg)

    def _unname(self, call: CallState) -> None:
        left = tuple(one for one in self._incarnations[call.call_id] if one != call.incarnation)
        self._incarnations[call.call_id] = left
        if not left:
            del self._incarnations[call.call_id]

    def put_leg(self, leg: LegState) -> LegState:
        """Remember a leg's new value."""
        before = self.legs.get(leg.number)
        self.legs[leg.number] = leg
        self.touched_legs.add(leg.number)
        self.before.setdefault(leg.number, before)
        if before is None or (before.incarnation, before.due, before.guid) != (
            leg.incarnation,
            leg.due,
            leg.guid,
        ):
            if before is not None and before.incarnation != leg.incarnation:
                self._drop_from(self._in_call, before.incarnation, leg.number)
            self._index(leg)
        return leg

    def next_number(self) -> int:
        """Take the next running number for a leg."""
        number = self.source.next_leg
        self.source = msgspec.structs.replace(self.source, next_leg=number + 1)
        return number

    def next_incarnation(self) -> int:
        """Take the next running number for a call."""
        number = self.source.next_incarnation
        self.source = msgspec.structs.replace(self.source, next_incarnation=number + 1)
        return number

    def legs_at(self, device_id: str) -> list[LegState]:
        """Return the live legs of an extension, oldest first."""
        return self._live(self._at_device.get(device_id))

    def legs_in(self, incarnation: int) -> list[LegState]:
        """Return the live legs of a call, oldest first."""
        return self._live(self._in_call.get(incarnation))

    def open_legs(self) -> Iterator[LegState]:
        """Yield every open leg."""
        return (leg for leg in list(self.legs.values()) if leg.phase is LegPhase.OPEN)

    def _live(self, numbers: set[int] | None) -> list[LegState]:
        if not numbers:
            return []
        legs = [self.legs[number] for number in (sorted(numbers) if len(numbers) > 1 else numbers)]
        return [leg for leg in legs if leg.phase in LIVE]

    def do(self, command: CoreCommand) -> None:
        """Add a command for the pipeline."""
        self.commands.append(command)

    def state(self) -> LiveState:
        """Return the changed state."""
        return LiveState(source=self.source, calls=dict(self.calls), legs=dict(self.legs), sessions=dict(self.sessions))
