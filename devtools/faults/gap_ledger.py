"""Judge the ledger of gaps: is it true what it says of when events were missed, and of the legs meanwhile? Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from devtools.faults.observations import Injected, LinkGap
from simulators.pbx.truth_log import LegLine

#: The tap and the link are different ways; a gap's edges are known to the listener's latest word only.
LEEWAY = timedelta(seconds=4)
#: No fault, with what it takes to come back from it, lasts longer.
MAXIMUM_GAP = timedelta(seconds=90)
#: What was away is followed again so soon after it is back; what dies again and again waits before it is started.
RETURN = timedelta(seconds=35)
#: Within that time a snapshot ends, also while Redis is away. A link that is lost before its end counts its legs then.
SNAPSHOT = timedelta(seconds=15)


def judge_gaps(truth: Sequence[LegLine], gaps: Sequence[LinkGap], injected: Sequence[Injected]) -> list[str]:
    """Return what the ledger says wrongly, in words; nothing about what was after the PBX's last call."""
    if not truth:
        return []
    over = max(line.disconnected_at or line.connected_at for line in truth)
    day = [gap for gap in gaps if gap.began_at <= over - LEEWAY]
    wrong = [f"gap at {gap.began_at:%H:%M:%S}: {what}" for gap in day for what in _judged(gap, truth, gaps, injected)]
    return [*_unheard(gaps, injected), *wrong]


def _unheard(gaps: Sequence[LinkGap], injected: Iterable[Injected]) -> Iterator[str]:
    """Yield each broken link of which the ledger says nothing."""
    for one in injected:
        if one.breaks_link and not any(overlap(one.began, one.ended, gap.began_at, gap.ended_at) for gap in gaps):
            yield f"{one.kind} at {one.began:%H:%M:%S}: the ledger has no gap of it"


def _judged(
    gap: LinkGap, truth: Sequence[LegLine], gaps: Sequence[LinkGap], injected: Iterable[Injected]
) -> Iterator[str]:
    faults = [one for one in injected if overlap(one.began, one.ended + one.reach, gap.began_at, gap.ended_at)]
    if not faults:
        yield "no fault made it"
    elif gap.ended_at is None:
        if max(line.connected_at for line in truth) > gap.began_at + MAXIMUM_GAP:
            yield "it never ended"
    else:
        if gap.ended_at > max(one.ended + one.reach for one in faults) + RETURN:
            yield f"it went on until {gap.ended_at:%H:%M:%S}, long after the fault"
        yield from _counted(
            gap, gap.ended_at, truth, is_whole=any(one.breaks_link for one in faults) and _is_alone(gap, truth, gaps)
        )


def _counted(gap: LinkGap, ended: datetime, truth: Iterable[LegLine], *, is_whole: bool) -> Iterator[str]:
    """Compare the legs that the ledger counts with those that there were; ``is_whole``: it must count all."""
    there = [line for line in truth if overlap(line.connected_at, _end(line), gap.began_at, ended)]
    through = [line for line in there if line.connected_at < gap.began_at - LEEWAY and _end(line) > ended + LEEWAY]
    if gap.legs_saved + gap.legs_lost > len(there):
        yield f"{gap.legs_saved} legs saved and {gap.legs_lost} lost, but there were only {len(there)}"
    if is_whole and gap.legs_saved < len(through):
        yield f"{gap.legs_saved} legs saved, but {len(through)} went on through it"


def _is_alone(gap: LinkGap, truth: Iterable[LegLine], gaps: Iterable[LinkGap]) -> bool:
    """Say whether no other gap was so near that a leg which it made late, or its snapshot, may be missing here."""
    longest = max((line.disconnected_at or line.connected_at) - line.connected_at for line in truth)
    counted = None if gap.ended_at is None else gap.ended_at + SNAPSHOT
    return not any(
        other is not gap and overlap(other.began_at, other.ended_at or other.began_at, gap.began_at - longest, counted)
        for other in gaps
    )


def _end(line: LegLine) -> datetime:
    return line.disconnected_at or datetime.max.replace(tzinfo=line.connected_at.tzinfo) - timedelta(days=1)


def overlap(began: datetime, ended: datetime, other: datetime, other_end: datetime | None) -> bool:
    """Say whether two times have a moment in common, give or take the leeway."""
    return began <= (other_end or ended) + LEEWAY and ended >= other - LEEWAY
