"""Which part of a source's live state a consumer keeps where all of it would be too much.

What a batch concerns and is not here is loaded by index, and stays: most events are of calls that had one a moment ago.
What was loaded or made first is given up first; a leg that is open for long comes back with its next event.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta

from calls.core.result_events import ResultEvent, TimePassed
from calls.core.state import CallState, LegState
from calls.core.unit_of_work import UnitOfWork
from calls.pipeline.load import (
    concern,
    load_calls_named,
    load_calls_numbered,
    load_due,
    load_everything,
    load_legs_of,
    load_named_legs,
)
from cti.events import AnyEvent

#: How far ahead what is due is loaded.
AHEAD = timedelta(seconds=10)
#: The share of the budget that is left after something was given up: giving up takes a look at all that is kept.
KEPT_SHARE = 0.9
#: Maximum number of calls that one call becomes one after the other, by transfers.
MAXIMUM_MOVES = 8
#: Maximum number of names that are known beyond those of calls and legs that are kept.
MAXIMUM_STALE_NAMES = 10_000
NEVER, ALWAYS = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


class KeptPart:
    """The part of a source's state that a unit of work has.

    ``calls``: ids of which every call and every live leg is here; ``devices``: likewise. Whatever is due before
    ``due_until`` is here too.
    """

    def __init__(self, source_id: int) -> None:
        self._source_id = source_id
        self.calls: set[str] = set()
        self.devices: set[str] = set()
        self.due_until = ALWAYS

    @classmethod
    def of_everything(cls, source_id: int, work: UnitOfWork) -> "KeptPart":
        """Return the part that is all there is."""
        part = cls(source_id)
        part.calls = {call.call_id for call in work.calls.values()} | {leg.call_id for leg in work.legs.values()}
        part.devices = {leg.device_id for leg in work.legs.values()}
        part.due_until = NEVER
        return part

    def load(self, work: UnitOfWork, events: Sequence[AnyEvent], answers: Sequence[ResultEvent], now: datetime) -> None:
        """Load what a batch concerns, and what is due, where it is not here."""
        work.remember([], load_named_legs(self._source_id, answers, set(work.legs)).values())
        subject = concern(events)
        if subject.everything:
            everything = load_everything(self._source_id)
            add(work, everything.calls, everything.legs)
        self._load_due(work, now)
        named = {one.leg for one in answers if not isinstance(one, TimePassed)}
        values = [*(work.legs[number] for number in named & work.legs.keys()), *work.due_by(now)]
        names = self._load_calls(work, subject.calls | {value.call_id for value in values})
        devices = {value.device_id for value in values if isinstance(value, LegState)}
        self._load_legs(work, names, subject.devices | devices)
        held = {leg.call_id for device in subject.hosts for leg in work.legs_at(device)}  # A report may not name it.
        self._load_legs(work, self._load_calls(work, held), set())
        concerned = _devices(work, names)
        self._load_legs(work, set(), concerned)
        self._load_legs(work, self._load_calls(work, _went_on(work, names, concerned)), set())

    def shrink(self, work: UnitOfWork, budget: int, now: datetime) -> None:
        """Give up what was here first where there are more calls or legs than ``budget``; nothing of the last batch."""
        if max(len(work.calls), len(work.legs)) > budget:
            wanted = round(KEPT_SHARE * budget)
            for incarnation in [*(leg.incarnation for leg in work.legs.values()), *work.calls]:
                if max(len(work.calls), len(work.legs)) <= wanted:
                    break
                self._give_up(work, incarnation, now + AHEAD)
        self._forget_names(work)

    def _load_due(self, work: UnitOfWork, now: datetime) -> None:
        """Load what is due next."""
        if self.due_until <= now:
            loaded, self.due_until = load_due(self._source_id, now + AHEAD)
            add(work, loaded.calls, loaded.legs)

    def _load_calls(self, work: UnitOfWork, names: Set[str]) -> set[str]:
        """Load the calls of these ids and those that they became; returns the ids of all of them."""
        found: set[str] = set()
        onward = set(names)
        for _ in range(MAXIMUM_MOVES):
            if not onward:
                break
            add(work, load_calls_named(self._source_id, onward - self.calls), {})
            found |= onward
            onward = self._moved(work, onward) - found
        return found

    def _load_legs(self, work: UnitOfWork, names: Set[str], devices: Set[str]) -> None:
        """Load the live legs of calls, whose calls are here, and those of devices with their calls."""
        add(work, {}, load_legs_of(self._source_id, names - self.calls, devices - self.devices))
        self.calls |= names
        missing = {leg.incarnation for device in devices for leg in work.legs_at(device)} - work.calls.keys()
        add(work, load_calls_numbered(self._source_id, missing), {})
        self.devices |= devices

    def _moved(self, work: UnitOfWork, names: Iterable[str]) -> set[str]:
        """Return the ids of the calls that these became; a call becomes another at a transfer, rarely twice."""
        became = {call.moved_to for name in names for call in work.incarnations_of(name)} - {None}
        numbers = {number for number in became if number is not None}
        add(work, load_calls_numbered(self._source_id, numbers - work.calls.keys()), {})
        return {work.calls[number].call_id for number in numbers & work.calls.keys()}

    def _give_up(self, work: UnitOfWork, incarnation: int, soon: datetime) -> None:
        """Give up a call with its legs, unless the last batch concerned it or it is due soon."""
        legs, call = work.legs_in(incarnation), work.calls.get(incarnation)
        values: list[CallState | LegState] = [*legs, *([call] if call else [])]
        dues = [value.due for value in values if value.due is not None]
        touched = incarnation in work.touched_calls or any(leg.number in work.touched_legs for leg in legs)
        if not values or touched or min(dues, default=NEVER) < soon:
            return
        work.evict(incarnation, legs)
        self.due_until = min([self.due_until, *dues])
        self.calls -= {value.call_id for value in values}
        self.devices -= {leg.device_id for leg in legs}

    def _forget_names(self, work: UnitOfWork) -> None:
        """Forget names of which nothing is left: that there is nothing is quickly found."""
        if len(self.calls) > len(work.calls) + MAXIMUM_STALE_NAMES:
            self.calls = {name for name in self.calls if work.incarnations_of(name)}
        if len(self.devices) > len(work.legs) + MAXIMUM_STALE_NAMES:
            self.devices = {name for name in self.devices if work.legs_at(name)}


def _devices(work: UnitOfWork, names: Iterable[str]) -> set[str]:
    """Return the devices of calls: when one ends there, the device's other legs count."""
    calls = [call for name in names for call in work.incarnations_of(name)]
    at_legs = {leg.device_id for call in calls for leg in work.legs_in(call.incarnation)}
    return at_legs.union(*(call.parties for call in calls))


def _went_on(work: UnitOfWork, names: Set[str], devices: Iterable[str]) -> set[str]:
    """Return the ids of the calls, of legs of devices, that had other ids before: an end may come under those."""
    calls = (work.calls.get(leg.incarnation) for device in devices for leg in work.legs_at(device))
    return {call.call_id for call in calls if call is not None and not names.isdisjoint(call.former_ids)}


def add(work: UnitOfWork, calls: Mapping[int, CallState], legs: Mapping[int, LegState]) -> None:
    """Add what was loaded, but for what is here already."""
    work.remember(
        [call for number, call in calls.items() if number not in work.calls],
        [leg for number, leg in legs.items() if number not in work.legs],
    )
