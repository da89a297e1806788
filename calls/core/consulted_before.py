"""Give who consulted a leg of the consultation where its answer is heard only after a conference under its id."""

from msgspec.structs import replace

from calls.core.connections import connection_of, open_before
from calls.core.doubts import overtake
from calls.core.incarnations import call_at
from calls.core.legs import put_party
from calls.core.result_events import WHY
from calls.core.state import Party
from calls.core.unit_of_work import UnitOfWork
from cti.events import Established

#: What is known of the conference, and not of the consultation alone.
_OF_CUSTOMER = (
    "queue_name",
    "caller_name",
    "caller_name_source",
    "calling_number",
    "called_number",
    "direction",
    "wrapup_template",
    "wrapup_result",
    "query_data",
)


def with_consultation(party: Party, there: Party | None) -> Party:
    """Return who goes on in a conference, with since when it dialled in the consultation that nobody answered yet."""
    is_unanswered = there is not None and there.has_dialled and not there.had_leg and not there.is_here
    return replace(party, dialled_since=there.since) if there is not None and is_unanswered else party


def connect_who_consulted(work: UnitOfWork, event: Established, incarnation: int) -> None:
    """Open and close the leg of who dialled the consultation that was answered before it became a conference.

    Example: 2001 dials at 32.5, and a conference goes on under the consultation's id at 34.6. That 2002 had answered at
    34.0 is heard last: 2001 consulted from 34.0 to 34.6, while it held the customer's call.
    """
    joined_at = work.calls[incarnation].joined_at
    for party in list(work.calls[incarnation].parties.values()):
        since, device_id = party.dialled_since, party.device_id
        if since is None or joined_at is None or not since <= event.time <= joined_at:
            continue
        origin = call_at(work, event.data.call_id or "", event.data.device_id or "", event.time)
        if origin is None or origin.incarnation == work.calls[incarnation].main:
            return  # It is an answer in the customer's call.
        call = put_party(work, work.calls[incarnation], replace(party, dialled_since=None))
        leg = open_before(work, call, call.parties[device_id], connection_of(event, device_id), joined_at)
        overtake(work, work.put_leg(replace(leg, withheld=_OF_CUSTOMER)), event.at, WHY["heard_late"], "heard_late")
