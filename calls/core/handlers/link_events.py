"""The rules of the link: what was lost, what a snapshot shows to be over or in progress."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from agents.core.presence import SessionChange
from calls.core.commands import ChangeSeat, CloseGap, OpenGap
from calls.core.dispatch import apply
from calls.core.gap_tally import GapTally
from calls.core.gaps import lose_devices, missed_since, regain_devices
from calls.core.legs import clear_party, close_leg, give_up_what_may_be_lost, identified
from calls.core.state import LegState, Snapshot
from calls.core.unit_of_work import UnitOfWork
from cti.events import LinkLost, LinkRestored, SnapshotBegan, SnapshotEnded

#: Maximum duration of a snapshot; one that takes longer is abandoned.
ABANDONED = timedelta(minutes=5)


@apply.register
def handle_link_lost(event: LinkLost, draft: UnitOfWork) -> None:
    """From now on events may be missed: a gap opens in the ledger, once; a snapshot in progress is worth nothing.

    With devices, only theirs are missed, and the link stands.
    """
    reason = event.data.reason or "The link was lost."
    if event.data.devices is not None:
        lose_devices(draft, event.data.devices, event.time, reason)
        return
    regain_devices(draft, None, event.time)  # The gap of the whole link goes on where theirs end.
    if draft.source.lost_at is None or draft.source.is_restored:
        draft.source = replace(draft.source, lost_at=event.time, is_restored=False)
        draft.do(OpenGap(event.time, reason))
    draft.source = replace(draft.source, snapshot=None, lost_gateway_at=event.at)
    give_up_what_may_be_lost(draft, event.at)


@apply.register
def handle_link_restored(event: LinkRestored, draft: UnitOfWork) -> None:
    """Events arrive again; what became of the open legs, the snapshot will say."""
    if event.data.devices is not None:
        regain_devices(draft, event.data.devices, event.time)
    elif draft.source.lost_at is not None:
        draft.do(CloseGap(draft.source.lost_at, event.time, legs_saved=0, legs_lost=0))
        draft.source = replace(draft.source, is_restored=True)


@apply.register
def handle_snapshot_began(event: SnapshotBegan, draft: UnitOfWork) -> None:
    """What follows states what is in progress now. With a reason something was missed though the link stood."""
    if event.data.reason and draft.source.lost_at is None:
        draft.source = replace(draft.source, lost_at=event.time, is_restored=True)
        draft.do(OpenGap(event.time, event.data.reason))
    snapshot = Snapshot(began_at=event.time, began_gateway_at=event.at, devices=event.data.devices)
    draft.source = replace(draft.source, snapshot=snapshot)


@apply.register
def handle_snapshot_ended(event: SnapshotEnded, draft: UnitOfWork) -> None:
    """Open legs that the snapshot did not name are over; when they ended is not known. So are stays of agents."""
    snapshot = draft.source.snapshot
    if snapshot is None:
        return
    concerned = [leg for leg in draft.open_legs() if _is_concerned(leg, snapshot)]
    vanished = [leg for leg in concerned if leg.number not in snapshot.seen]
    tally = GapTally(concerned, vanished, snapshot)
    for leg in vanished:
        _vanish(draft, leg, snapshot)
    _doubt_idle(draft, snapshot)
    if event.data.agents_told:
        _vacate(draft, snapshot)
    if draft.source.lost_at is not None:
        saved, lost = tally.of()
        draft.do(CloseGap(draft.source.lost_at, event.time, legs_saved=saved, legs_lost=lost))
    regain_devices(draft, snapshot.devices, event.time, tally)
    draft.source = replace(draft.source, snapshot=None, lost_at=None, is_restored=False)


def forget_abandoned_snapshot(draft: UnitOfWork, now: datetime) -> None:
    """Drop a snapshot that its sender began long ago and never ended: else every new call would count as in progress.

    Its gap stays open until another snapshot says what came through it.
    """
    snapshot = draft.source.snapshot
    if snapshot is not None and now - snapshot.began_gateway_at > ABANDONED:
        draft.source = replace(draft.source, snapshot=None)


def _is_concerned(leg: LegState, snapshot: Snapshot) -> bool:
    return snapshot.covers(leg.device_id) and leg.connected_gateway_at <= snapshot.began_gateway_at


def _vanish(draft: UnitOfWork, leg: LegState, snapshot: Snapshot) -> None:
    at = draft.source.lost_at or missed_since(draft, leg.device_id) or snapshot.began_at
    how = "The link was lost, and the call was over when it came back; when it ended is not known."
    close_leg(draft, leg, at, snapshot.began_gateway_at, how, is_end_unknown=True)
    call = draft.calls.get(leg.incarnation)
    if call is not None and leg.device_id in call.parties:
        clear_party(draft, call, leg.device_id, max(at, leg.connected_source_at), snapshot.began_gateway_at, how)


def _doubt_idle(draft: UnitOfWork, snapshot: Snapshot) -> None:
    """Doubt each call in which nobody talks and of which the snapshot said nothing: no snapshot names waiting calls."""
    for call in list(draft.calls.values()):
        is_idle = not call.is_over and not any(party.is_talking for party in call.parties.values())
        is_covered = snapshot.devices is None or any(snapshot.covers(device) for device in call.parties)
        if is_idle and is_covered and call.touched_gateway_at < snapshot.began_gateway_at:
            draft.put_call(replace(call, is_doubtful=True))


def _vacate(draft: UnitOfWork, snapshot: Snapshot) -> None:
    """End the stays of agents that the snapshot, which names all, did not name: they left in the gap."""
    left = [seat for seat in draft.seats.values() if seat.device_id not in snapshot.seated]
    for seat in left:
        if seat.since < snapshot.began_at:
            change = SessionChange(device_id=seat.device_id, seat=None, ended=seat, at=snapshot.began_at)
            draft.seats.apply(change)
            draft.do(ChangeSeat(change))
            _forget_agent(draft, seat.device_id, snapshot)


def _forget_agent(draft: UnitOfWork, device_id: str, snapshot: Snapshot) -> None:
    """Take the agent who left in the gap from the legs that the snapshot found."""
    for leg in draft.legs_at(device_id):
        if leg.connected_gateway_at >= snapshot.began_gateway_at and not leg.is_agent_stated:
            draft.put_leg(identified(draft, leg))
