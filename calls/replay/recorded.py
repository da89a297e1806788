"""What was done: legs, recording searches and flag writes of a source, read in slices of time as they are needed."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import msgspec
from django.db.models import QuerySet

from bulk.statements import fetched, one_of
from calls.core.flag_facts import leg_facts
from calls.core.state import LegPhase, LegState
from calls.models import ASSIGNED, Leg, SearchState
from calls.replay.difference import LegAccount
from calls.storage.codec import leg_key, read_leg
from calls.storage.search_rows import RecordedSearch, searches_of_legs
from flags.api import ERASED, MadeWrite, made_writes

#: Length of a slice, by the source's clock.
SLICE = timedelta(minutes=10)
#: Maximum number of legs in memory, beside those of the slices that are asked for by turns. A slice that was dropped
#: is read again where a call lasts for longer.
MAXIMUM_LEGS, MINIMUM_SLICES = 10_000, 4
#: Number of legs whose searches and writes are read at once.
LEGS_AT_ONCE = 500
#: Why a leg whose caller was erased is not compared.
CALLER_ERASED = "the caller was erased"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HELD = "SELECT recording_guid, id FROM calls_leg WHERE NOT (recording_guid IS NULL)"
SearchKey = tuple[str, datetime, int]


class RecordedSlice(msgspec.Struct):
    """The legs that were connected in a slice, with what became of them.

    ``apart``: for legs that are not compared, why. Searches are found by extension, moment and number; writes by
    recording and part. ``of_others``: searches whose recording a leg of another source has. ``heard_until``: when the
    last of the events was received that made these legs, by the gateway's clock.
    """

    accounts: dict[int, LegAccount] = {}
    apart: dict[int, str] = {}
    searches: dict[SearchKey, RecordedSearch] = {}
    writes: dict[tuple[str, str], MadeWrite] = {}
    of_others: set[int] = set()
    heard_until: datetime | None = None


def slice_of(moment: datetime) -> int:
    """Return the number of the slice that a moment is in."""
    return (moment - EPOCH) // SLICE


def begin_of(number: int) -> datetime:
    """Return when a slice begins."""
    return EPOCH + number * SLICE


class RecordedLegs:
    """The recorded legs of a source; slices are read when they are asked for; what was not for long is dropped."""

    def __init__(self, source_id: int, read: Callable[[int], RecordedSlice] | None = None) -> None:
        self._source_id, self._read = source_id, read or partial(read_slice, source_id)
        self._slices: OrderedDict[int, RecordedSlice] = OrderedDict()
        self._legs = 0

    def slice(self, number: int) -> RecordedSlice:
        """Return a slice."""
        found = self._slices.get(number)
        if found is None:
            found = self._slices[number] = self._read(number)
            self._legs += len(found.accounts)
            while self._legs > MAXIMUM_LEGS and len(self._slices) > MINIMUM_SLICES:
                self._legs -= len(self._slices.popitem(last=False)[1].accounts)
        else:
            self._slices.move_to_end(number)
        return found

    def first_between(self, begin: datetime, end: datetime) -> datetime | None:
        """Return when the first leg of a period was connected; None: there is none."""
        legs = _legs_of(self._source_id).filter(connected_at__gte=begin, connected_at__lt=end)
        found: datetime | None = legs.order_by("connected_at").values_list("connected_at", flat=True).first()
        return found

    def search(self, leg: LegState, key: SearchKey) -> RecordedSearch | None:
        """Return the search that was made for a leg; a transfer may have moved its leg to a neighbouring slice."""
        for one in self._around(leg):
            if (found := one.searches.get(key)) is not None:
                return found
        return None

    def write(self, leg: LegState, part: str) -> MadeWrite | None:
        """Return the flag write that was made for a leg's recording."""
        key = (leg.guid, part)
        for one in self._around(leg):
            if (found := one.writes.get(key)) is not None:
                return found
        return None

    def is_of_other_source(self, leg: LegState, search: RecordedSearch) -> bool:
        """Say whether a leg of another source has the recording that QMS named for a leg: both reported one call."""
        return any(search.id in one.of_others for one in self._around(leg))

    def _around(self, leg: LegState) -> Iterator[RecordedSlice]:
        number = slice_of(leg.connected_source_at)
        yield self.slice(number)
        yield self.slice(number - 1)
        yield self.slice(number + 1)


def _legs_of(source_id: int) -> QuerySet[Leg]:
    # The keys name the source: by its column SQLite would read all its legs for each slice.
    return Leg.objects.filter(id__gte=leg_key(source_id, 0), id__lt=leg_key(source_id + 1, 0))


def read_slice(source_id: int, number: int) -> RecordedSlice:
    """Read a slice of a source from the database."""
    found = RecordedSlice()
    rows = _legs_of(source_id).filter(connected_at__gte=begin_of(number), connected_at__lt=begin_of(number + 1))
    # Not by ``iterator``: its cursor in PostgreSQL takes four answers for what one brings.
    facts = iter(rows.order_by().values_list("id", "facts"))
    while legs := {key: read_leg(text, "[]") for key, text in islice(facts, LEGS_AT_ONCE)}:
        _add(found, legs)
    return found


def _add(found: RecordedSlice, legs: dict[int, LegState]) -> None:
    assigned = set()
    searches = searches_of_legs(list(legs))
    found.of_others |= _of_others(searches, legs)
    for search in searches:
        if search.why == ASSIGNED and search.state == SearchState.FOUND:
            assigned.add(search.leg_id)
        found.searches[search.extension, search.connected_at, search.ordinal] = search
    flags: dict[int, dict[str, str]] = {}
    for write in made_writes(list(legs)):
        found.writes[write.recording_guid, write.part] = write
        if write.is_written:
            flags.setdefault(write.leg_id, {}).update(write.values)
    for key, leg in legs.items():
        found.accounts[key] = account_of(leg, flags.get(key, {}), key)
        found.heard_until = max(filter(None, [found.heard_until, *_heard_at(leg)]))
        if why := _apart(leg, flags.get(key, {}), is_assigned=key in assigned):
            found.apart[key] = why


def _heard_at(leg: LegState) -> tuple[datetime | None, ...]:
    return leg.connected_gateway_at, leg.received_at, leg.disconnected_gateway_at


def _of_others(searches: Sequence[RecordedSearch], legs: dict[int, LegState]) -> set[int]:
    """Return the searches for which QMS named a recording that a leg of another source has, and had then.

    One that a person gave to that leg since does not count.
    """
    named = {one.recording_guid: one for one in searches if one.recording_guid != legs[one.leg_id].guid}
    named.pop("", None)
    if not named:
        return set()
    is_one, guids = one_of(list(named))
    rows = fetched(f"{_HELD} AND recording_guid {is_one} AND source_id <> %s", [guids, searches[0].source_id])
    held = dict(rows)
    of_holders = searches_of_legs(list(held.values())) if held else []
    given = {one.leg_id for one in of_holders if one.why == ASSIGNED and one.state == SearchState.FOUND}
    return {one.id for one in searches if held.get(one.recording_guid, 0) not in {0} | given}


def _apart(leg: LegState, flags: dict[str, str], *, is_assigned: bool) -> str:
    """Say why a leg is not compared, if it is not."""
    if leg.phase is not LegPhase.SETTLED:
        return "not settled yet"
    if is_assigned:
        return "a person gave the leg its recording"
    return CALLER_ERASED if ERASED in flags.values() else ""


def account_of(leg: LegState, flags: dict[str, str], leg_id: int, *, is_answered: bool = True) -> LegAccount:
    """Return what is compared of a leg."""
    origins = [origin.at for origin in (leg.call_origin, *leg.facts.origins.values()) if origin is not None]
    return LegAccount(
        leg_id=leg_id,
        extension=leg.device_id,
        call_id=leg.call_id,
        connected_at=leg.connected_source_at,
        disconnected_at=leg.disconnected_source_at,
        began_at=min([leg.connected_source_at, *origins]),
        outcome=leg.outcome.value,
        match=leg.match.value,
        facts=leg_facts(leg),
        flags=flags,
        is_answered=is_answered,
        is_canary=leg.is_canary,
        wrapup_at=leg.wrapup_origin.at if leg.wrapup_origin is not None else None,
    )
