"""Handle Failed: who it names has left, and nobody had answered."""

from msgspec.structs import asdict, replace

from calls.core.answer_supervision import confirm, take_answer_back
from calls.core.call_end import remembered
from calls.core.dispatch import apply
from calls.core.handlers.connections import handle_connection_cleared
from calls.core.known_calls import located
from calls.core.ringing import rung_out
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import ConnectionCleared, Failed


@apply.register
def handle_failed(event: Failed, work: UnitOfWork) -> None:
    """A call could not be completed: nobody was connected by it.

    1. The device that it names has left, as if its ``ConnectionCleared`` had been reported.
    2. Where the far end failed, who was taken as connected since the call reached the network dials still.
    3. Where nobody talks in the call then, rings or waits, it is over if nothing else is heard of it for as long as a
       call that is over is kept: who dialled hears the busy tone, and need not be reported as having left.
    """
    call, device_id = located(work, event)
    confirm(work, call.incarnation)
    party = call.parties.get(device_id)
    if party is None:
        call = rung_out(work, work.calls[call.incarnation], event)
    if not _is_inside(work, party):
        take_answer_back(work, call.incarnation, event)
    if _has_left(call, party, event):
        handle_connection_cleared(ConnectionCleared(**asdict(event)), work)
    call = work.calls[call.incarnation]
    is_ringing = any(one.is_talking or one.state is PartyState.ALERTING for one in call.parties.values())
    if not is_ringing and call.waits_since is None and call.reached_gateway_at is None:
        work.put_call(replace(call, failed_gateway_at=event.at, due=event.at + remembered(work)))


def _is_inside(work: UnitOfWork, party: Party | None) -> bool:
    """Say whether an extension failed that is in the call: that says nothing of the far end of another one."""
    return party is not None and party.is_here and not party.outside and work.site.is_extension(party.device_id)


def _has_left(call: CallState, party: Party | None, event: Failed) -> bool:
    """Say whether a device is in a call, or is the queue or phone at which that waits, and was by then."""
    if party is None:
        is_there = event.data.device_id in (call.waits_at, call.awaited_at)
        since = call.waits_since if is_there else None
        return since is not None and since <= event.time
    return party.is_here and (party.since is None or party.since <= event.time)
