"""Handle the events of the link: what may be missed, what a snapshot shows to be over or in progress."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from agents.core.presence import SessionChange
from calls.core.call_end import divide
from calls.core.call_evidence import is_unheard_since_loss
from calls.core.clocks import TICK
from calls.core.commands import ChangeSession, CloseGap, OpenGap
from calls.core.dispatch import apply
from calls.core.doubts import give_up_what_may_be_lost
from calls.core.gap_tally import GapTally
from calls.core.gaps import doubt_unwatched, forget_queues, lose_devices, missed_since, regain_devices
from calls.core.left_outside import end_outside
from calls.core.legs import clear_party, close_leg, identified
from calls.core.outside_parties import is_outside
from calls.core.source_state import Snapshot
from calls.core.state import LegState
from calls.core.unit_of_work import UnitOfWork
from cti.events import LinkLost, LinkRestored, SnapshotBegan, SnapshotEnded

#: Maximum duration of a snapshot; one that takes longer is abandoned.
ABANDONED = timedelta(minutes=5)


@apply.register
def handle_link_lost(event: LinkLost, work: UnitOfWork) -> None:
    """From now on events may be missed: a gap opens in the ledger, once; a snapshot in progress is discarded.

    With devices, only theirs are missed, and the link stands.
    """
    reason = event.data.reason or "The link was lost."
    work.source = replace(work.source, missed_gateway_at=event.at)
    if event.data.devices is not None:
        lose_devices(work, event.data.devices, event.time, reason)
        return
    regain_devices(work, None, event.time)  # The gap of the whole link goes on where theirs end.
    lost_gateway_at = _lost_gateway_at(work, event)
    if work.source.lost_at is None or work.source.is_restored:
        work.source = replace(work.source, lost_at=event.time, is_restored=False)
        work.do(OpenGap(event.time, reason))
    work.source = replace(work.source, snapshot=None, lost_gateway_at=lost_gateway_at)
    give_up_what_may_be_lost(work, event.at)


def _lost_gateway_at(work: UnitOfWork, event: LinkLost) -> datetime:
    """Return when, by our clock, the link was lost: not before it was lost already.

    A listener that begins states when it, or another, was seen last, which can be before the loss that is known.
    """
    known = work.source.lost_gateway_at if work.source.lost_at is not None else None
    return event.at if known is None else max(known, event.at)


@apply.register
def handle_link_restored(event: LinkRestored, work: UnitOfWork) -> None:
    """Events arrive again; what became of the open legs, the snapshot will say."""
    work.source = replace(work.source, missed_gateway_at=event.at)
    if event.data.devices is not None:
        doubt_unwatched(work, event.data.devices, event.time)
        regain_devices(work, event.data.devices, event.time)
    elif work.source.lost_at is not None:
        work.do(CloseGap(work.source.lost_at, event.time, legs_saved=0, legs_lost=0))
        forget_queues(work, event)
        work.source = replace(work.source, is_restored=True)


@apply.register
def handle_snapshot_began(event: SnapshotBegan, work: UnitOfWork) -> None:
    """What follows states what is in progress now. With a reason something was missed though the link stood."""
    if event.data.reason and work.source.lost_at is None:
        work.source = replace(work.source, lost_at=event.time, is_restored=True, missed_gateway_at=event.at)
        work.do(OpenGap(event.time, event.data.reason))
    snapshot = Snapshot(began_at=event.time, began_gateway_at=event.at, devices=event.data.devices)
    work.source = replace(work.source, snapshot=snapshot)
    _doubt_idle(work, snapshot)
    if not work.source.is_restored:
        forget_queues(work, event)


@apply.register
def handle_snapshot_ended(event: SnapshotEnded, work: UnitOfWork) -> None:
    """Open legs that the snapshot did not name are over; when they ended is not known. So are agent sessions."""
    snapshot = work.source.snapshot
    if snapshot is None:
        return
    concerned = [leg for leg in work.open_legs() if _is_concerned(leg, snapshot)]
    vanished = [leg for leg in concerned if leg.number not in snapshot.seen]
    tally = GapTally(concerned, vanished, snapshot)
    for leg in vanished:
        _vanish(work, leg, snapshot)
    others = frozenset[str]() if snapshot.devices is None else work.source.cut_short
    work.source = replace(work.source, cut_short=others.union(leg.device_id for leg in vanished))
    for incarnation in dict.fromkeys(leg.incarnation for leg in vanished):
        _divide_at_gap(work, incarnation, snapshot)
    if event.data.agents_told:
        _vacate(work, snapshot)
    if work.source.lost_at is not None:
        saved, lost = tally.of()
        work.do(CloseGap(work.source.lost_at, event.time, legs_saved=saved, legs_lost=lost))
    regain_devices(work, snapshot.devices, event.time, tally)
    work.source = replace(work.source, snapshot=None, lost_at=None, is_restored=False)


def forget_abandoned_snapshot(work: UnitOfWork, now: datetime) -> None:
    """Drop a snapshot that its sender began long ago and never ended: else every new call would count as in progress.

    Its gap stays open until another snapshot says what came through it.
    """
    snapshot = work.source.snapshot
    if snapshot is not None and now - snapshot.began_gateway_at > ABANDONED:
        work.source = replace(work.source, snapshot=None)


def _is_concerned(leg: LegState, snapshot: Snapshot) -> bool:
    return snapshot.covers(leg.device_id) and leg.connected_gateway_at <= snapshot.began_gateway_at


def _vanish(work: UnitOfWork, leg: LegState, snapshot: Snapshot) -> None:
    at = work.source.lost_at or missed_since(work, leg.device_id) or snapshot.began_at
    how = "The link was lost, and the call was over when it came back; when it ended is not known."
    close_leg(work, leg, at, snapshot.began_gateway_at, how, is_end_unknown=True)
    call = work.calls.get(leg.incarnation)
    if call is not None and leg.device_id in call.parties:
        clear_party(work, call, leg.device_id, max(at, leg.connected_source_at), snapshot.began_gateway_at, how)


def _divide_at_gap(work: UnitOfWork, incarnation: int, snapshot: Snapshot) -> None:
    """Take those that the snapshot found in a call for another call's, if all who talked in it before have left."""
    call = work.calls.get(incarnation)
    if call is None:
        return
    began = snapshot.began_at
    inside = [party for party in call.parties.values() if party.is_here and not is_outside(work, call, party)]
    if inside and all(party.since is not None and party.since >= began for party in inside):
        end_outside(work, call, began - TICK, snapshot.began_gateway_at)
        divide(work, incarnation, began - TICK, snapshot.began_gateway_at)


def _doubt_idle(work: UnitOfWork, snapshot: Snapshot) -> None:
    """Doubt each call in which nobody talked before the gap: its id may be used again, and no snapshot names it."""
    for call in list(work.calls.values()):
        is_idle = not call.is_over and not any(
            party.is_talking and not is_outside(work, call, party) for party in call.parties.values()
        )
        is_missed = snapshot.devices is None or is_unheard_since_loss(work, call)
        is_missed = is_missed or any(snapshot.covers(device) for device in (*call.parties, call.waits_at))
        if is_idle and is_missed and call.touched_gateway_at < snapshot.began_gateway_at:
            work.put_call(replace(call, doubtful_since=work.source.lost_at or snapshot.began_at))


def _vacate(work: UnitOfWork, snapshot: Snapshot) -> None:
    """End the agent sessions that the snapshot, which names all, did not name: they left in the gap.

    Who logged on while the snapshot was taken is in ``seated`` too; times decide nothing, the PBX's clock may be ahead.
    """
    left = [session for session in work.sessions.values() if session.device_id not in snapshot.seated]
    for session in left:
        change = SessionChange(device_id=session.device_id, session=None, ended=session, at=snapshot.began_at)
        work.sessions.apply(change)
        work.do(ChangeSession(change))
        _forget_agent(work, session.device_id, snapshot)


def _forget_agent(work: UnitOfWork, device_id: str, snapshot: Snapshot) -> None:
    """Take the agent who left in the gap from the legs that the snapshot found."""
    for leg in work.legs_at(device_id):
        if leg.connected_gateway_at >= snapshot.began_gateway_at and not leg.is_agent_stated:
            work.put_leg(identified(work, leg))
