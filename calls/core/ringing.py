"""A phone that rings where it rang, dials or talks already: it is in another call by now."""

from msgspec.structs import replace

from calls.core.call_facts import states_its_number
from calls.core.clocks import GRACE
from calls.core.gaps import missed_since
from calls.core.newcomers import SOON, doubtful_from
from calls.core.outside_parties import is_queue
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Delivered


def rings_in_another(work: UnitOfWork, call: CallState, party: Party, event: CallEvent) -> bool:
    """Say whether a device of a call rings, as it can in another call alone."""
    return (
        _rings_again(work, call, party, event)
        or _rings_where_it_dials(work, party, event)
        or _rings_where_it_talks(work, party, event)
    )


def _rings_again(work: UnitOfWork, call: CallState, party: Party, event: CallEvent) -> bool:
    """Say whether a phone begins to ring again in a call that waits in no queue: it has stopped in between.

    So the call was over, and nobody said so. Other monitors report within a second. The caller's number vouches for it.
    """
    since = party.since
    is_ringing = isinstance(event, Delivered) and party.state is PartyState.ALERTING and since is not None
    if not is_ringing or call.waits_at or call.main is not None or states_its_number(call, event):
        return False
    return event.time > (since or event.time) + GRACE and not _is_found_ringing(work, event)


def _is_found_ringing(work: UnitOfWork, event: CallEvent) -> bool:
    """Say whether a snapshot states that a phone rings, and nothing may have been missed since it began to.

    Example: the gateway starts to listen at 0, 2001 begins to ring at 4, and the snapshot of 6 has it ringing.
    """
    is_missed = work.source.lost_at is not None or missed_since(work, event.data.device_id or "") is not None
    return work.source.snapshot is not None and not is_missed


def _rings_where_it_dials(work: UnitOfWork, party: Party, event: CallEvent) -> bool:
    """Say whether a device rings that dials in the call, by the source's own times: it is in another call by now."""
    is_later = party.since is not None and event.time > party.since
    return (
        isinstance(event, Delivered)
        and party.state is PartyState.ORIGINATED
        and work.site.has_source_times
        and is_later
    )


def _rings_where_it_talks(work: UnitOfWork, party: Party, event: CallEvent) -> bool:
    """Say whether a device rings that talks in the call: its end is still to be reported.

    Where the source's own times have fractions, it rings after its answer; a call on hold may return to its phone.
    """
    if not isinstance(event, Delivered) or not party.is_talking or party.since is None:
        return False
    earliest = doubtful_from(work, event.time)
    if earliest is not None:
        return party.since < earliest
    leg = work.legs.get(party.leg) if party.leg is not None else None
    is_certain = work.site.has_source_times and party.state is PartyState.CONNECTED
    return is_certain and leg is not None and event.time > leg.connected_source_at + SOON


def rung_out(work: UnitOfWork, call: CallState, event: CallEvent) -> CallState:
    """Return a call that was led away from a phone, or failed there, before it is heard that the phone rings."""
    device_id = event.data.device_id or ""
    if event.data.outside or not work.site.is_extension(device_id) or is_queue(work, device_id):
        return call
    return work.put_call(replace(call, rang_out={**call.rang_out, device_id: event.time}))


def has_rung_out(work: UnitOfWork, call: CallState, party: Party | None, event: CallEvent) -> bool:
    """Say whether a phone's ringing is heard after its end: without times of the source, within a second after it.

    Where that end was the first that was heard of the call, it is noted in what was taken for the id's call before. A
    phone that is known to have rung may ring again at once: there its ringing must be earlier by the source's times.
    """
    device_id, calls = event.data.device_id or "", [call, *work.incarnations_of(call.call_id)[-2:]]
    ends = [one.rang_out[device_id] for one in calls if device_id in one.rang_out]
    if party is not None:
        return work.site.has_source_times and not party.is_here and any(event.time < one for one in ends)
    return any(event.time <= (one if work.site.has_source_times else one + GRACE) for one in ends)
