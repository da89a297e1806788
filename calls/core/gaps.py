"""Gaps of some devices while the link stands (a monitor is refused, messages were lost), and what a gap may hide."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.clocks import moments_of
from calls.core.commands import CloseGap, OpenGap
from calls.core.gap_tally import GapTally
from calls.core.source_state import PartialGap
from calls.core.unit_of_work import UnitOfWork

#: In a gap no longer than this nobody answers a call, holds it and talks in another.
SHORT = timedelta(seconds=3)


def lose_devices(work: UnitOfWork, devices: Iterable[str], at: datetime, reason: str) -> None:
    """Open a gap in the ledger for those of the devices that are in none yet."""
    source = work.source
    is_down = source.lost_at is not None and not source.is_restored
    lost = frozenset(devices).difference(*(gap.devices for gap in source.partial))
    if lost and not is_down:
        work.do(OpenGap(at, reason))
        work.source = replace(source, partial=(*source.partial, PartialGap(began_at=at, devices=lost)))


def regain_devices(
    work: UnitOfWork, devices: Iterable[str] | None, at: datetime, tally: GapTally | None = None
) -> None:
    """Take devices (None: all) out of their gaps, with what a snapshot found there; a gap without devices is over."""
    if not work.source.partial:
        return
    back = None if devices is None else frozenset(devices)
    shrunk = [_without(gap, gap.devices if back is None else back, tally) for gap in work.source.partial]
    for gap in shrunk:
        if not gap.devices:
            work.do(CloseGap(gap.began_at, at, legs_saved=gap.legs_saved, legs_lost=gap.legs_lost))
    work.source = replace(work.source, partial=tuple(gap for gap in shrunk if gap.devices))


def is_heard_after_loss(work: UnitOfWork, at: datetime, heard: datetime) -> bool:
    """Say whether something of before the link was lost is heard after that: what came since then may be missed."""
    lost = work.source.lost_gateway_at
    return lost is not None and moments_of(work, at, heard)[1] <= lost < heard


def missed_since(work: UnitOfWork, device: str) -> datetime | None:
    """Return since when a device's events may be missed though the link stands; None when they are not."""
    return next((gap.began_at for gap in work.source.partial if device in gap.devices), None)


def may_have_had_others(work: UnitOfWork, device: str) -> bool:
    """Say whether a call that was answered in the gap, and is in a snapshot, may have another's recording.

    It rang before, so that its recording is known not to be older; in a long gap its device may have had others since.
    """
    snapshot, lost_at = work.source.snapshot, work.source.lost_at or missed_since(work, device)
    return snapshot is not None and lost_at is not None and snapshot.began_at - lost_at > SHORT


def _without(gap: PartialGap, back: frozenset[str], tally: GapTally | None) -> PartialGap:
    saved, lost = tally.of(gap.devices & back) if tally is not None else (0, 0)
    return replace(gap, devices=gap.devices - back, legs_saved=gap.legs_saved + saved, legs_lost=gap.legs_lost + lost)
