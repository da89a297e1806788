"""When something happened by our clock: of each event the source's time and the receipt are known, and they differ."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.state import LegState
from calls.core.unit_of_work import UnitOfWork

#: Maximum difference between the clocks of QMS and the gateway, and between QMS's beginning and the PBX's Connected.
APART = timedelta(seconds=1)
#: Maximum difference in arrival between events of different monitors; within it their order means nothing.
GRACE = timedelta(seconds=1)
#: Maximum delay of an event, where the link or the journal stalls, that can be compensated.
STALL = timedelta(seconds=6)
#: Maximum difference between QMS's beginning and our Connected where nothing stalls.
CLOSE = timedelta(milliseconds=250)
#: Time for which an event received within ``APART`` of its time shows that the source's clock agrees with ours.
AGREEMENT = timedelta(minutes=15)
#: Minimum interval between two such events that are noted.
NOTING = timedelta(minutes=1)
#: The smallest step of time: just before, or just after.
TICK = timedelta(microseconds=1)
#: The step of a source's clock that has no fractions of a second.
WHOLE_SECOND = timedelta(seconds=1)


def clocks_agree(work: UnitOfWork, gateway_at: datetime) -> bool:
    """Say whether the source's clock is known to agree with ours: a time of long ago says that an event is late."""
    agreed = work.source.agreed_gateway_at
    return work.site.has_source_times and agreed is not None and gateway_at - agreed <= AGREEMENT


def note_agreement(work: UnitOfWork, at: datetime, gateway_at: datetime) -> None:
    """Note that an event was received within a second of its time, now and then: none is heard before it happens.

    So what has a much older time, later, is late.
    """
    agreed = work.source.agreed_gateway_at
    if (agreed is None or gateway_at - agreed >= NOTING) and abs(gateway_at - at) <= APART:
        work.source = replace(work.source, agreed_gateway_at=gateway_at)


def has_whole_seconds(work: UnitOfWork) -> bool:
    """Say whether a source's own times are in whole seconds: of two in the same one, neither is known to be earlier."""
    return work.site.has_source_times and not work.source.has_fractions


def as_stated(work: UnitOfWork, moment: datetime) -> datetime:
    """Return the time that a source of whole seconds stated of what was set apart in its second, a step after it."""
    return moment.replace(microsecond=0) if has_whole_seconds(work) else moment


def heard_order(work: UnitOfWork, gateway_at: datetime | None) -> datetime | None:
    """Return when an event was heard where its time does not say what was before it; else None, to keep nothing."""
    return gateway_at if has_whole_seconds(work) else None


def is_on_time(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a leg's Connected was received when it happened, as the source's own time of it shows."""
    lag = abs(leg.connected_gateway_at - leg.connected_source_at)
    return lag <= CLOSE and (work.site.has_source_times or bool(lag))


def moments_of(work: UnitOfWork, at: datetime, gateway_at: datetime) -> tuple[datetime, datetime]:
    """Return between when and when something happened by our clock.

    That is at the source's time of it, where this is a little before the receipt or the clocks are known to agree; a
    clock of whole seconds may be up to one second behind. Else it is at the receipt.
    """
    lag = gateway_at - at
    if lag < timedelta(0) or (lag > STALL and not clocks_agree(work, gateway_at)):
        return gateway_at, gateway_at
    if work.source.has_fractions or not work.site.has_source_times:
        return at, at
    return at, min(at + WHOLE_SECOND, gateway_at) if gateway_at > at else at + WHOLE_SECOND


def began_with_later(began: datetime, first: datetime, later: datetime) -> bool:
    """Say whether a recording began with the later of two moments: not before it, nor just with the first."""
    return began >= later - CLOSE and began > first + CLOSE


def began_near_end(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether a leg's recording began late in it, and less than a second before its end, by the source's own times.

    Sources report up to a second late, and a stall may hold that back for longer. Example: connected at 5.0, the
    recording began at 5.58, and the extension left at 5.65. It may have left at 5.3 and been connected again at 5.55,
    under the same id.
    """
    began, ended = leg.recording_began, ended_at(work, leg)
    if began is None or ended is None or leg.is_end_unknown or not work.site.has_source_times:
        return False
    first = moments_of(work, leg.connected_source_at, leg.connected_gateway_at)[1]
    return began > first + CLOSE and ended - began < APART


def ended_at(work: UnitOfWork, leg: LegState) -> datetime | None:
    """Return when a leg had ended by our clock, however late that was reported.

    Where its Connected was very late, that is at the source's time of the end if this was not, else at the receipt.
    """
    at, gateway_at = leg.disconnected_source_at, leg.disconnected_gateway_at
    if at is None or gateway_at is None or leg.is_end_unknown:
        return gateway_at
    if leg.connected_gateway_at - leg.connected_source_at > STALL:
        return moments_of(work, at, gateway_at)[0]
    return min(at, gateway_at) if work.source.has_fractions else moments_of(work, at, gateway_at)[1]


def was_over_when_heard(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether QMS could name a leg's recording no more when its Connected was heard of: its silence says nothing.

    By the source's own times, the leg had ended by then, or had lasted for longer than QMS names a recording. Events
    that are out of order by less than a second do not count.
    """
    if leg.received_at is not None:
        return was_received_late(work, leg)
    heard, ended = leg.connected_gateway_at, leg.disconnected_source_at
    began = moments_of(work, leg.connected_source_at, heard)[1]
    if not work.site.has_source_times or leg.is_unconfirmed or heard - began <= APART:
        return False
    heard_end = leg.disconnected_gateway_at if not leg.is_end_unknown else None
    is_over = ended is not None and heard_end is not None and moments_of(work, ended, heard_end)[1] <= heard
    return is_over or began + timedelta(seconds=work.site.guid_window_seconds) < heard


def was_received_late(work: UnitOfWork, leg: LegState) -> bool:
    """Say whether QMS could name a leg's recording no more, or hardly, when its Connected was received.

    Of events that say when they were received, well after their time. The leg was over by then, or so was the time in
    which QMS names a recording, but for what its clock may be ahead: whatever the gateway did then, it was too late.
    """
    if leg.received_at is None or leg.is_unconfirmed:
        return False
    ended = leg.disconnected_gateway_at if not leg.is_end_unknown else None
    last = leg.connected_gateway_at + timedelta(seconds=work.site.guid_window_seconds) - APART
    return leg.received_at >= last or (ended is not None and ended <= leg.received_at)
