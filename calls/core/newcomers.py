"""Who came into a call just before all others left it, where it is not known what happened before what.

So it is on a link without times of its own, whose monitors may report out of order within a second; and within one
second of a source whose times have no fractions. The PBX may have used the call's id again meanwhile: it cannot be
known whether a device that comes in joined the call, or is in the next one under its id, and the end of the call is
reported late. Nothing of the call is given to it, and nothing that was stated since to the call.

A link that is one ordered stream has no such doubt (``settle_seconds`` 0: Asterisk).
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from calls.core.call_facts import states_what_was_known
from calls.core.clocks import GRACE, TICK, has_whole_seconds
from calls.core.left_outside import is_led_on
from calls.core.leg_data import data_of
from calls.core.origins import Origin
from calls.core.outside_parties import is_outside, is_queue
from calls.core.state import CallState, LegState, Party, Reconnection, TimedValue, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Queued

#: Maximum difference in arrival between the reports of both ends of one connection where nothing stalls.
SOON = timedelta(milliseconds=100)


class _Coming(msgspec.Struct, frozen=True, order=True):
    """When a device, or the wait in a queue, came into a call: heard, and by the source's clock."""

    heard_at: datetime
    since: datetime


def doubtful_from(work: UnitOfWork, at: datetime) -> datetime | None:
    """Return from when on what was heard before an event of a moment may be of after it; None: the times say it all."""
    if work.site.settle_seconds <= 0:
        return None
    if not work.site.has_source_times:
        return at - GRACE
    return at if has_whole_seconds(work) else None


def reported_again(work: UnitOfWork, party: Party, at: datetime) -> Reconnection | None:
    """Return a report just before a moment that a device was connected again under an id, perhaps in the next call.

    A second report of one connection has the same time; without times of the source, it comes within a second.
    """
    since, earliest = party.since, doubtful_from(work, at)
    if since is None or earliest is None:
        return None
    first = since if work.site.has_source_times else since + GRACE
    reports = party.reported_after(max(first, earliest - TICK))
    return next((one for one in reports if one.at <= at and one.at > first), None)


def may_be_overtaken(work: UnitOfWork) -> bool:
    """Say whether events may be reported out of order without showing it."""
    return not work.site.has_source_times and work.site.settle_seconds > 0


def newcomers_since(work: UnitOfWork, call: CallState, at: datetime) -> datetime | None:
    """Return when those came into a call who are not safely of it, where the last other extension left just now.

    Example: 2001 talks in call 100; 2002 is connected in it at 20.2, of which nothing was announced, and at 20.8 it is
    reported that 2001 has left. Then 2002 has nothing of what was known of the call before 20.2.
    """
    if not may_be_overtaken(work) or call.moved_to is not None or is_handed_on(call, at):
        return None
    led_away = call if call.waits_at else replace(call, waits_since=None)  # By who leaves, with Diverted.
    moments = _moments(_without_answers(work, led_away))
    since = min(moments) if moments and min(moments) >= at - GRACE else None
    has_talked_before = [one for one in _left_since(call, at) if one.since and since and one.since < since]
    return since if has_talked_before else None


def _without_answers(work: UnitOfWork, call: CallState) -> CallState:
    """Return a call without the outside parties that rang and answered as an extension had dialled: they are of it."""
    legs = [(call.parties.get(leg.device_id), leg.connected_source_at) for leg in work.legs_in(call.incarnation)]
    spans = [(one.since, until) for one, until in legs if one is not None and one.has_dialled and one.since]
    parties = {
        name: one
        for name, one in call.parties.items()
        if not is_outside(work, call, one) or not _is_within(one.since, spans)
    }
    return call if len(parties) == len(call.parties) else replace(call, parties=parties)


def _is_within(moment: datetime | None, spans: list[tuple[datetime, datetime]]) -> bool:
    return moment is not None and any(since <= moment <= until for since, until in spans)


def newcomers_before_clearing(work: UnitOfWork, call: CallState, at: datetime) -> datetime | None:
    """Return when those came who came less than a second before a call was cleared: that may be another call's end."""
    if not may_be_overtaken(work) or is_handed_on(call, at):
        return None
    moments = _moments(_without_answers(work, call))
    since = min((one for one in moments if one >= at - GRACE), default=None)
    return since if since is not None and call.born_at < since - GRACE else None


def newcomers_before_leaving(
    work: UnitOfWork, call: CallState, at: datetime, announced: Collection[str]
) -> datetime | None:
    """Return when those came, other than who is announced, who came less than a second before a call was handed on."""
    if not may_be_overtaken(work) or is_handed_on(call, at):
        return None
    since = min((one.since for one in _comings(work, call, at, announced) if one.since >= at - GRACE), default=None)
    return since if since is not None and call.born_at < since else None


def _comings(work: UnitOfWork, call: CallState, at: datetime, announced: Collection[str]) -> list[_Coming]:
    """Return when devices came into a call that are in it, but for the announced; when one came again; and its wait."""
    others = [one for name, one in call.parties.items() if name not in announced and _lasts(one, at)]
    others = [one for one in others if not one.is_vouched]
    if announced and not any(work.site.is_extension(one.device_id) and not one.outside for one in others):
        others = []
    comings = [_Coming(one.heard_at or one.since, one.since) for one in others if one.since is not None]
    again = [reported_again(work, one, at) for one in call.parties.values()]
    comings += [_Coming(one.gateway_at, one.at) for one in again if one is not None]
    is_own = call.is_wait_vouched or _is_announced_wait(call, announced)
    if call.waits_since is not None and not is_own:
        comings.append(_Coming(call.waits_heard_at or call.waits_since, call.waits_since))
    named = () if is_own and call.waits_since == at else call.facts.get("queue_name", ())
    queued = [one for one in named if one.value and one.heard_at is not None]
    comings += [_Coming(one.heard_at or at, at) for one in queued if one.at == at]
    known = [leg.connected_gateway_at for leg in work.legs_in(call.incarnation) if leg.device_id in announced]
    return [one for one in comings if not known or one.heard_at > max(known) + SOON]


def _is_announced_wait(call: CallState, announced: Collection[str]) -> bool:
    """Say whether a call waits in the queue to which it is handed on, or that was dialled in it before."""
    since, queue = call.waits_since, call.waits_at
    if since is None or not queue or not announced:
        return False
    dialled = call.facts.get("called_number", ())
    return queue in announced or any(one.value == queue and one.at < since for one in dialled)


def _lasts(party: Party, at: datetime) -> bool:
    """Say whether a device is in a call, or came at a moment and left later."""
    if party.is_here or party.cleared_at is None or party.heard_at is None:
        return party.is_here
    return party.since == at < party.cleared_at


def set_apart(
    work: UnitOfWork,
    call: CallState,
    at: datetime,
    announced: Collection[str] = (),
    *,
    ends_all: bool = True,
    own: Origin | None = None,
) -> CallState:
    """Let those who came in the second of a call's end, of whole seconds, have come after it, with what was stated.

    What was heard since the first of them came, with that second's time, is then of the next moment. None of the
    ``announced`` is. ``ends_all``: all who were in the call are out of it; else it goes on with who came before.
    ``own``: the end itself, whose values are of the call that ends.
    """
    if not has_whole_seconds(work) or work.site.settle_seconds <= 0 or is_handed_on(call, at):
        return call
    heard_at = _first_newcomer(work, call, at, announced, ends_all=ends_all)
    if heard_at is None:
        return call
    return apart(work, call, at, heard_at, announced, own)


def apart(
    work: UnitOfWork,
    call: CallState,
    at: datetime,
    heard_at: datetime,
    announced: Collection[str],
    own: Origin | None = None,
) -> CallState:
    """Let what was heard since a moment, with a time of one second, be of the next moment."""
    for leg in work.legs_in(call.incarnation):
        if leg.connected_source_at == at and leg.connected_gateway_at >= heard_at and leg.device_id not in announced:
            ended = leg.disconnected_source_at
            until = None if ended is None else max(ended, at + TICK)
            work.put_leg(replace(leg, connected_source_at=at + TICK, disconnected_source_at=until))
    is_wait = call.waits_since == at and call.waits_heard_at is not None and call.waits_heard_at >= heard_at
    call = work.put_call(
        replace(
            call,
            parties={
                name: _reports_apart(one if name in announced else _party_apart(one, at, heard_at), at, heard_at)
                for name, one in call.parties.items()
            },
            facts={name: _values_apart(known, at, heard_at, own) for name, known in call.facts.items()},
            waits_since=at + TICK if is_wait else call.waits_since,
        )
    )
    for leg in work.legs_in(call.incarnation):
        ended = leg.disconnected_source_at
        if ended == at and leg.base is WriteStatus.NONE and leg.device_id not in _coming_apart(call, at):
            work.put_leg(replace(leg, facts=data_of(work, call, leg)))
    return call


def _coming_apart(call: CallState, at: datetime) -> set[str]:
    return {name for name, one in call.parties.items() if one.since == at + TICK}


def _first_newcomer(
    work: UnitOfWork, call: CallState, at: datetime, announced: Collection[str], *, ends_all: bool
) -> datetime | None:
    """Return when the first was heard who came in the second of a call's end, after one who had talked in it."""
    known = call if is_led_on(call, at) else _without_trunks(work, call, at)
    comings = _comings(work, known, at, announced)
    comings = [one for one in comings if one.since >= at] if ends_all else comings
    first = min(comings, default=None)
    if first is None or first.since < at:
        return None
    if ends_all and call.born_at < at:
        return first.heard_at
    old = [leg for leg in work.legs_in(call.incarnation) if leg.disconnected_source_at or leg.device_id in announced]
    return first.heard_at if any(leg.connected_gateway_at + SOON < first.heard_at for leg in old) else None


def _without_trunks(work: UnitOfWork, call: CallState, at: datetime) -> CallState:
    """Return a call without the outside parties that talked in it before a second: their end need not be reported."""
    stay = [name for name, one in call.parties.items() if one.is_talking and is_outside(work, call, one)]
    stay = [name for name in stay if not is_queue(work, name) and (call.parties[name].since or at) < at]
    parties = {name: one for name, one in call.parties.items() if name not in stay}
    return replace(call, parties=parties) if stay else call


def _party_apart(party: Party, at: datetime, heard_at: datetime) -> Party:
    if party.since == at and party.heard_at is not None and party.heard_at >= heard_at:
        cleared_at = at + TICK if party.cleared_at == at else party.cleared_at
        return replace(party, since=at + TICK, cleared_at=cleared_at)
    return party


def _reports_apart(party: Party, at: datetime, heard_at: datetime) -> Party:
    repeats = tuple(_report_apart(one, at, heard_at) for one in party.repeats)
    again = _report_apart(party.again, at, heard_at) if party.again is not None else None
    return replace(party, repeats=repeats, again=again)


def _report_apart(report: Reconnection, at: datetime, heard_at: datetime) -> Reconnection:
    return replace(report, at=at + TICK) if report.at == at and report.gateway_at >= heard_at else report


def _values_apart(
    known: tuple[TimedValue, ...], at: datetime, heard_at: datetime, own: Origin | None
) -> tuple[TimedValue, ...]:
    values = [one if own is not None and one.origin == own else _value_apart(one, at, heard_at) for one in known]
    return tuple(sorted(values, key=lambda one: one.at))


def _value_apart(value: TimedValue, at: datetime, heard_at: datetime) -> TimedValue:
    is_later = value.at == at and value.heard_at is not None and value.heard_at >= heard_at
    return replace(value, at=at + TICK) if is_later else value


def may_have_rung_out(work: UnitOfWork, party: Party, leg: LegState, at: datetime) -> bool:
    """Say whether the end of a leg may be that of the ringing of its phone in a call before it, which is heard late.

    So it may where the leg began and ended in one second of whole ones, and the phone rang in an earlier one.
    """
    if not has_whole_seconds(work) or party.since is None or party.has_dialled or leg.is_unconfirmed:
        return False
    if party.is_vouched:
        return False
    return party.since < at <= leg.connected_source_at


def is_vouched(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether an event of whole seconds states what its call was known by before: it is of that one, not the next.

    That is its interaction, or its calling number.
    """
    return has_whole_seconds(work) and states_what_was_known(call, event)


def queues_another(work: UnitOfWork, call: CallState, event: CallEvent) -> bool:
    """Say whether a caller is queued in a call from which an extension left less than a second ago, and another stays.

    Nobody waits in it; the end of the other one is probably still to be reported.
    """
    if not isinstance(event, Queued) or not may_be_overtaken(work) or call.waits_since is not None:
        return False
    is_talking = any(party.is_talking and not party.outside for party in call.parties.values())
    return is_talking and not is_handed_on(call, event.time) and bool(_left_since(call, event.time - GRACE))


def _moments(call: CallState) -> list[datetime]:
    """Return since when devices are in a call or, having left it, were connected again, and since when it waits."""
    here = [party.since for party in call.parties.values() if party.is_here and party.since is not None]
    left = [party for party in call.parties.values() if not party.is_here and party.cleared_at is not None]
    here += [one.again.at for one in left if one.again is not None and one.again.at > (one.cleared_at or one.again.at)]
    return [*here, call.waits_since] if call.waits_since is not None else here


def _left_since(call: CallState, moment: datetime) -> list[Party]:
    parties = call.parties.values()
    return [
        party
        for party in parties
        if party.had_leg and not party.is_here and party.cleared_at is not None and party.cleared_at >= moment
    ]


def is_handed_on(call: CallState, at: datetime) -> bool:
    """Say whether a call was made by a transfer or conference just now: who comes into it is announced by that."""
    return call.main is not None and call.joined_at is not None and call.joined_at >= at - GRACE
