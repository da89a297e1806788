"""Who came into a call just before all others left it, on a link without times of its own.

Its monitors may report out of order within a second, and the PBX may have used the call's id again meanwhile. Then it
cannot be known whether a device that comes in joined the call, or is in the next one under its id, and the end of the
call is reported late. Nothing of the call is given to it.

A link that is one ordered stream has no such doubt (``settle_seconds`` 0: Asterisk).
"""

from datetime import datetime, timedelta

from calls.core.state import CallState, Party
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Queued

#: Maximum time by which such a link reports events out of order.
GRACE = timedelta(seconds=1)


def may_be_overtaken(work: UnitOfWork) -> bool:
    """Say whether events may be reported out of order without showing it."""
    return not work.site.has_source_times and work.site.settle_seconds > 0


def newcomers_since(work: UnitOfWork, call: CallState, at: datetime) -> datetime | None:
    """Return when those came into a call who are not safely of it, where the last other extension left just now.

    Example: 2001 talks in call 100; 2002 is connected in it at 20.2, of which nothing was announced, and at 20.8 it is
    reported that 2001 has left. Then 2002 has nothing of what was known of the call before 20.2.
    """
    if not may_be_overtaken(work) or call.moved_to is not None or _is_handed_on(call, at):
        return None
    moments = _moments(call)
    since = min(moments) if moments and min(moments) >= at - GRACE else None
    has_talked_before = [one for one in _left_since(call, at) if one.since and since and one.since < since]
    return since if has_talked_before else None


def newcomers_before_clearing(work: UnitOfWork, call: CallState, at: datetime) -> datetime | None:
    """Return when those came who came less than a second before a call was cleared: that may be another call's end."""
    if not may_be_overtaken(work) or _is_handed_on(call, at):
        return None
    since = min((one for one in _moments(call) if one >= at - GRACE), default=None)
    return since if since is not None and call.born_at < since - GRACE else None


def queues_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a caller is queued in a call from which an extension left less than a second ago, and another stays.

    Nobody waits in it; the end of the other one is probably still to be reported.
    """
    if not isinstance(event, Queued) or not may_be_overtaken(work) or call.waits_since is not None:
        return False
    is_talking = any(party.is_talking and not party.outside for party in call.parties.values())
    return is_talking and not _is_handed_on(call, event.time) and bool(_left_since(call, event.time - GRACE))


def _moments(call: CallState) -> list[datetime]:
    """Return since when devices are in a call, and since when it waits."""
    here = [party.since for party in call.parties.values() if party.is_here and party.since is not None]
    return [*here, call.waits_since] if call.waits_since is not None else here


def _left_since(call: CallState, moment: datetime) -> list[Party]:
    parties = call.parties.values()
    return [
        party
        for party in parties
        if party.had_leg and not party.is_here and party.cleared_at is not None and party.cleared_at >= moment
    ]


def _is_handed_on(call: CallState, at: datetime) -> bool:
    """Say whether a call was made by a transfer or conference just now: who comes into it is announced by that."""
    return call.main is not None and call.joined_at is not None and call.joined_at >= at - GRACE
