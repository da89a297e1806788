"""Gaps of some devices while the link stands (a monitor is refused, messages were lost), and what a gap may hide."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.call_facts import divided, learn_values
from calls.core.clocks import GRACE, TICK, heard_order, moments_of
from calls.core.commands import CloseGap, LeaveGap, OpenGap
from calls.core.gap_tally import GapTally
from calls.core.origins import Origin
from calls.core.source_state import PartialGap
from calls.core.state import CallState, LegPhase, TimedValue
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Delivered, Established, LinkRestored, SnapshotBegan

#: In a gap no longer than this nobody answers a call, holds it and talks in another.
SHORT = timedelta(seconds=3)


def lose_devices(work: UnitOfWork, devices: Iterable[str], at: datetime, reason: str) -> None:
    """Open a gap in the ledger for those of the devices that are in none yet."""
    source = work.source
    is_down = source.lost_at is not None and not source.is_restored
    lost = frozenset(devices).difference(*(gap.devices for gap in source.partial))
    if lost and not is_down:
        work.do(OpenGap(at, reason, lost))
        work.source = replace(source, partial=(*source.partial, PartialGap(began_at=at, devices=lost)))


def regain_devices(
    work: UnitOfWork, devices: Iterable[str] | None, at: datetime, tally: GapTally | None = None
) -> None:
    """Take devices (None: all) out of their gaps, with what a snapshot found there; a gap without devices is over."""
    if not work.source.partial:
        return
    back = None if devices is None else frozenset(devices)
    shrunk = [_without(gap, gap.devices if back is None else back, tally) for gap in work.source.partial]
    going_on = {gap.began_at for gap in shrunk if gap.devices}
    for before, gap in zip(work.source.partial, shrunk, strict=True):
        if not gap.devices:
            work.do(CloseGap(gap.began_at, at, legs_saved=gap.legs_saved, legs_lost=gap.legs_lost))
        if gap.began_at in going_on and (heard := before.devices - gap.devices):
            work.do(LeaveGap(gap.began_at, at, heard))
    work.source = replace(work.source, partial=tuple(gap for gap in shrunk if gap.devices))


def is_heard_after_loss(work: UnitOfWork, at: datetime, heard: datetime) -> bool:
    """Say whether something of before the link was lost is heard after that: what came since then may be missed."""
    lost = work.source.lost_gateway_at
    return lost is not None and moments_of(work, at, heard)[1] <= lost < heard


def forget_queues(work: UnitOfWork, event: LinkRestored | SnapshotBegan) -> None:
    """Let no call in which nobody talked have the queue of before a long gap: it may have been led to another since."""
    lost_at, lost = work.source.lost_at, work.source.lost_gateway_at
    if lost_at is None or lost is None or event.time - lost_at <= SHORT:
        return
    none = TimedValue(event.time, "", Origin(type(event).__name__, event.id, event.time), heard_order(work, event.at))
    for call in list(work.calls.values()):
        known = call.facts.get("queue_name", ())
        is_idle = not call.is_over and not any(party.is_talking for party in call.parties.values())
        if known and known[-1].value and is_idle and call.touched_gateway_at < lost:
            work.put_call(learn_values(call, {"queue_name": none}))


def missed_since(work: UnitOfWork, device: str) -> datetime | None:
    """Return since when a device's events may be missed though the link stands; None when they are not."""
    return next((gap.began_at for gap in work.source.partial if device in gap.devices), None)


def is_missed(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event of another device comes while the events of all extensions in its call are missed.

    They may have left, and the id may name another call by now.
    """
    partial, lost_at = work.source.partial, work.source.lost_at
    if not (partial or lost_at) or event.data.outside:
        return False
    inside = _inside(work, call)
    if lost_at is not None:
        return _is_missed_by_link(work, call, lost_at, event, inside)
    missed = {name for gap in partial if gap.began_at < event.time for name in gap.devices}
    return bool(inside) and (event.data.device_id or "") not in inside and inside <= missed


def _is_missed_by_link(
    work: UnitOfWork, call: CallState, lost_at: datetime, event: CallEvent, inside: set[str]
) -> bool:
    """Say the same of a gap of the whole link, before a snapshot begins; in a short one a call goes on to wait.

    So it is where a device that talked before is connected again, or rings: a repeat has the time of the first report;
    and where nobody talked before, whatever device it is of.
    """
    lost = work.source.lost_gateway_at
    if work.source.snapshot is not None or lost is None or call.touched_gateway_at >= lost or event.at <= lost:
        return False
    device_id = event.data.device_id or ""
    if inside and device_id not in inside:
        return True
    if not any(call.parties[name].is_talking for name in inside):
        return event.time - lost_at > SHORT
    return _is_connected_again(work, call, device_id, event)


def _is_connected_again(work: UnitOfWork, call: CallState, device_id: str, event: CallEvent) -> bool:
    """Say whether a device that talks in a call rings or is connected later; without source times, by over a second."""
    if not isinstance(event, Delivered | Established):
        return False
    party = call.parties[device_id]
    leg = work.legs.get(party.leg) if party.leg is not None else None
    repeated = timedelta(0) if work.site.has_source_times else GRACE
    return leg is not None and event.time > leg.connected_source_at + repeated


def doubt_unwatched(work: UnitOfWork, devices: Iterable[str], at: datetime) -> None:
    """Doubt each call whose extensions were all missed, and of which no snapshot has said that it goes on."""
    back = set(devices)
    for device in sorted(back):
        since = missed_since(work, device)
        for leg in work.legs_at(device) if since is not None else ():
            call = work.calls.get(leg.incarnation)
            if call is not None and leg.phase is LegPhase.OPEN and _inside(work, call) <= back:
                work.put_call(replace(call, doubtful_since=at))


def _inside(work: UnitOfWork, call: CallState) -> set[str]:
    """Return the extensions that are in a call."""
    here = (one for one in call.parties.values() if one.is_here and not one.outside)
    return {one.device_id for one in here if work.site.is_extension(one.device_id)}


def may_have_had_others(work: UnitOfWork, device: str) -> bool:
    """Say whether a call that was answered in the gap, and is in a snapshot, may have another's recording.

    It rang before, so that its recording is known not to be older; in a long gap its device may have had others since.
    """
    snapshot, lost_at = work.source.snapshot, work.source.lost_at or missed_since(work, device)
    return snapshot is not None and lost_at is not None and snapshot.began_at - lost_at > SHORT


def before_snapshot(work: UnitOfWork, call: CallState, device_id: str) -> CallState:
    """Return a call as it was known before the snapshot in progress, for what that states of a device that was in it.

    A snapshot may name devices in any order: what it has stated itself shows nothing of who talked before the gap.
    """
    snapshot, party = work.source.snapshot, call.parties.get(device_id)
    if snapshot is None or party is None or party.since is None or party.since >= snapshot.began_at:
        return call
    return replace(call, facts=divided(call, snapshot.began_at - TICK)[0])


def _without(gap: PartialGap, back: frozenset[str], tally: GapTally | None) -> PartialGap:
    saved, lost = tally.of(gap.devices & back) if tally is not None else (0, 0)
    return replace(gap, devices=gap.devices - back, legs_saved=gap.legs_saved + saved, legs_lost=gap.legs_lost + lost)
