"""Note of which devices the gaps of a batch are, as it is folded: the ledger keeps them beside the core's commands."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from calls.core.commands import CoreCommand, OpenGap
from calls.core.source_state import PartialGap
from calls.core.unit_of_work import UnitOfWork
from calls.models.gaps import leave_gap, open_gap
from cti.events import Event

Item = TypeVar("Item")
_ByBegin = dict[datetime, frozenset[str]]


class LeftGap(msgspec.Struct, frozen=True):
    """Devices of a gap that are heard again."""

    began_at: datetime
    ended_at: datetime
    devices: frozenset[str]


class GapDevices:
    """Which devices' gaps a batch opened, and which devices of those that go on are heard again."""

    def __init__(self) -> None:
        self._opened: list[PartialGap] = []
        self._left: list[LeftGap] = []

    def watched(self, items: Iterable[Item], work: UnitOfWork) -> Iterator[Item]:
        """Yield the items of a batch to their fold, which has applied one as it asks for the next."""
        for item in items:
            before = work.source.partial
            yield item
            if work.source.partial is not before and isinstance(item, Event):
                self._note(_by_begin(before), _by_begin(work.source.partial), item.time)

    def _note(
        self, before: dict[datetime, frozenset[str]], after: dict[datetime, frozenset[str]], at: datetime
    ) -> None:
        for began_at, devices in after.items():
            known = before.get(began_at, frozenset())
            if added := devices - known:
                self._opened.append(PartialGap(began_at=began_at, devices=added))
            if heard := known - devices:
                self._left.append(LeftGap(began_at, at, heard))

    def save(self, source_id: int, commands: Sequence[CoreCommand]) -> None:
        """Add the gaps of devices to the ledger, before those of the whole link: a gap of both is of all."""
        opened = [one for one in commands if isinstance(one, OpenGap)]
        reasons = {one.began_at: one.reason for one in reversed(opened)}
        of_link = Counter(one.began_at for one in opened) - Counter(one.began_at for one in self._opened)
        for gap in self._opened:
            devices = None if of_link[gap.began_at] else gap.devices
            open_gap(source_id, gap.began_at, reasons.get(gap.began_at, ""), devices)
        for left in self._left:
            leave_gap(source_id, left.began_at, left.ended_at, left.devices)


def _by_begin(gaps: Iterable[PartialGap]) -> _ByBegin:
    found: dict[datetime, frozenset[str]] = defaultdict(frozenset)
    for gap in gaps:
        found[gap.began_at] |= gap.devices
    return dict(found)
