"""What was done: legs, recording searches and flag writes of a source, read in slices of time as they are needed."""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from calls.core.flag_facts import leg_facts
from calls.core.state import LegPhase, LegState
from calls.models import ASSIGNED, Leg, RecordingSearch
from calls.replay.difference import LegAccount
from calls.storage.codec import read_leg
from flags.api import ERASED, MadeWrite, made_writes

#: Length of a slice, by the source's clock.
SLICE = timedelta(minutes=10)
#: Maximum number of slices in memory; more legs than these hold are of calls that last for hours.
MAXIMUM_SLICES = 64
#: Columns of a search that are not read.
_NOT_ASKED = ("services", "not_started_before", "next_at", "claimed_until", "first_asked_at")
SearchKey = tuple[str, datetime, int]


class RecordedSlice(msgspec.Struct):
    """The legs that were connected in a slice, with what became of them.

    ``apart``: for legs that are not compared, why. Searches are found by extension, moment and number; writes by
    recording and part.
    """

    accounts: dict[int, LegAccount] = {}
    apart: dict[int, str] = {}
    searches: dict[SearchKey, RecordingSearch] = {}
    writes: dict[tuple[str, str], MadeWrite] = {}


def slice_of(moment: datetime) -> int:
    """Return the number of the slice that a moment is in."""
    return int(moment.timestamp() // SLICE.total_seconds())


def begin_of(number: int) -> datetime:
    """Return when a slice begins."""
    return datetime.fromtimestamp(number * SLICE.total_seconds()).astimezone()


class RecordedLegs:
    """The recorded legs of a source; slices are read when they are asked for, and the oldest are dropped."""

    def __init__(self, source_id: int) -> None:
        self._source_id = source_id
        self._slices: OrderedDict[int, RecordedSlice] = OrderedDict()

    def slice(self, number: int) -> RecordedSlice:
        """Return a slice."""
        found = self._slices.get(number)
        if found is None:
            found = self._slices[number] = self._read(number)
            if len(self._slices) > MAXIMUM_SLICES:
                self._slices.popitem(last=False)
        return found

    def search(self, leg: LegState, key: SearchKey) -> RecordingSearch | None:
        """Return the search that was made for a leg; a transfer may have moved its leg to a neighbouring slice."""
        return next((one.searches[key] for one in self._around(leg) if key in one.searches), None)

    def write(self, leg: LegState, part: str) -> MadeWrite | None:
        """Return the flag write that was made for a leg's recording."""
        key = (leg.guid, part)
        return next((one.writes[key] for one in self._around(leg) if key in one.writes), None)

    def _around(self, leg: LegState) -> Iterator[RecordedSlice]:
        number = slice_of(leg.connected_source_at)
        return (self.slice(one) for one in (number, number - 1, number + 1))

    def _read(self, number: int) -> RecordedSlice:
        found = RecordedSlice()
        rows = Leg.objects.filter(
            source_id=self._source_id, connected_at__gte=begin_of(number), connected_at__lt=begin_of(number + 1)
        )
        legs = {row.pk: read_leg(row.facts, "[]") for row in rows.order_by().only("facts").iterator(2000)}
        keys = list(legs)
        for start in range(0, len(keys), 500):
            self._add(found, {key: legs[key] for key in keys[start : start + 500]})
        return found

    @staticmethod
    def _add(found: RecordedSlice, legs: dict[int, LegState]) -> None:
        assigned = set()
        for search in RecordingSearch.objects.filter(leg_id__in=list(legs)).defer(*_NOT_ASKED).order_by("id"):
            if search.why == ASSIGNED:
                assigned.add(search.leg_id)
            found.searches[search.extension, search.connected_at, search.ordinal] = search
        flags: dict[int, dict[str, str]] = {}
        for write in made_writes(list(legs)):
            found.writes[write.recording_guid, write.part] = write
            if write.is_written:
                flags.setdefault(write.leg_id, {}).update(write.values)
        for key, leg in legs.items():
            found.accounts[key] = account_of(leg, flags.get(key, {}), key)
            if why := _apart(leg, flags.get(key, {}), is_assigned=key in assigned):
                found.apart[key] = why


def _apart(leg: LegState, flags: dict[str, str], *, is_assigned: bool) -> str:
    """Say why a leg is not compared, if it is not."""
    if leg.phase is not LegPhase.SETTLED:
        return "not settled yet"
    if is_assigned:
        return "a person gave the leg its recording"
    return "the caller was erased" if ERASED in flags.values() else ""


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
    )
