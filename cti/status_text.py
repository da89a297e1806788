"""How a source's link is, in sentences that an operator can act on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from clock.text import shown, site_time
from cti.bounds import Bound
from cti.journal.dedup import NEWEST, RecentIds
from cti.journal.lease import LeaseStanding
from cti.journal.refusals import Refusals
from cti.models import CtiSource, IntakeToken, LinkState, LinkStatus, Scope
from cti.sources.registry import has_session
from cti.working_hours import WorkingHours

#: A listener that has not reported for this time is dead, hung, or cut off from the database.
SILENT = timedelta(seconds=15)
NO_SECOND = "No second listener: if this one dies, events are missed until it is back."


def link_sentences(
    source: CtiSource, now: datetime, standing: LeaseStanding | None = None, lately: RecentIds | None = None
) -> list[str]:
    """Say how the link of a source is, the most important first.

    ``standing``: who leads by the lease, and who would if the leader died. ``lately``: what an HTTP source's
    journal took. None where Redis does not answer.
    """
    if not source.enabled:
        return ["This source is disabled: nothing is taken from it."]
    if not has_session(source.kind):
        return _intake(source, now, lately)
    status: LinkStatus | None = getattr(source, "status", None)
    if status is None or status.reported_at is None:
        return [f"No listener has reported yet. Start one: ./gateway manage listen {source.slug}"]
    return [
        _state(status, now),
        *_leader(status, standing),
        *_standbys(standing, now),
        *_lack(status, now),
        *_events(status, now),
        *_error(status),
        *_refused(status),
    ]


def bound_sentences(refusals: Iterable[Refusals], in_use: Iterable[tuple[Bound, int]]) -> list[str]:
    """Say what the bounds of a source refused or held up lately, why, and what to do; then how much is in use."""
    used = [f"{count:,} of {bound.maximum:,} {bound.what.removesuffix(' of a source')}" for bound, count in in_use]
    return [*map(_refusals, refusals), *([f"In use: {', '.join(used)}."] if used else [])]


def _refusals(one: Refusals) -> str:
    done = []
    if one.events:
        done.append("1 event was refused" if one.events == 1 else f"{one.events:,} events were refused")
    if one.held_seconds:
        done.append(f"the link was not read for {one.held_seconds:,.1f} s in all")
    what = " and ".join(done) or "requests were refused"
    times = f"from {_time_text(one.since)} to {_time_text(one.last)}"
    because = f"beyond the bound of {one.bound.maximum:,} {one.bound.what} ({one.bound.setting})"
    return f"{what[0].upper()}{what[1:]}, {times}: {because}. {one.bound.remedy}"


def _intake(source: CtiSource, now: datetime, lately: RecentIds | None) -> list[str]:
    tokens = source.tokens.filter(scope=Scope.WRITE)
    used = tokens.exclude(last_used_at=None).order_by("-last_used_at").first()
    quiet = quiet_intake_text(list(tokens), now)
    return [
        *([quiet] if quiet else []),
        _accepted(lately, is_sending=used is not None),
        _tokens(tokens.filter(revoked_at=None).exists(), used),
    ]


def _accepted(lately: RecentIds | None, *, is_sending: bool) -> str:
    if lately is None:
        return "Redis does not answer: what is posted now is refused with status 503, and has to be posted again."
    if lately.last_at is None and not is_sending:
        return "No program has sent an event yet."
    if lately.last_at is None:
        return "The journal has no event: none that was sent could be accepted, or Redis lost its data."
    return f"The last event was accepted {when(lately.last_at)}; {_rate(lately)}."


def _rate(lately: RecentIds) -> str:
    if lately.fresh < NEWEST:
        return f"{lately.fresh:,} came in the last minute"
    seconds = max(lately.within.total_seconds(), 0.001)
    return f"{NEWEST:,} or more came in the last minute, about {NEWEST / seconds:,.0f} a second now"


def _tokens(has_valid: bool, used: IntakeToken | None) -> str:
    posts = "This source posts its events to /api/events"
    if not has_valid:
        return f"{posts}, and has no token to do so: add one under Tokens, for the program that sends."
    if used is None or used.last_used_at is None:
        return f"{posts}; none of its tokens was used yet. Give one to the program that sends, with this address."
    return f"{posts}; a token ({used}) was last used {when(used.last_used_at)}."


def _state(status: LinkStatus, now: datetime) -> str:
    seen_at = status.reported_at or now
    if is_silent(status, now):
        return f"The listener {status.leader} last reported {when(seen_at)}. Is it still running?"
    since = f" since {_time_text(status.since)}" if status.since else ""
    if status.state == LinkState.SPOOLING:
        kept = "1 event waits" if status.spooled == 1 else f"{status.spooled} events wait"
        return f"The link is up, but Redis takes no events{since}; {kept} in its file, in order."
    words = {LinkState.UP: "The link is up", LinkState.DOWN: "The link is down", LinkState.CONNECTING: "Connecting"}
    return f"{words.get(LinkState(status.state), status.get_state_display())}{since}."


def _leader(status: LinkStatus, standing: LeaseStanding | None) -> list[str]:
    since = f" since {_time_text(status.leading_since)}" if status.leading_since else ""
    if standing is None:
        return [f"{status.leader} leads{since} by its own report; Redis does not say who leads now."]
    if not standing.leader:
        return [f"Nobody leads now: events of the PBX are missed. The last to lead was {status.leader}{since}."]
    if standing.leader != status.leader:
        return [f"{standing.leader} leads now, and has not reported yet; before it {status.leader} led{since}."]
    return [f"{standing.leader} leads{since}."]


def _standbys(standing: LeaseStanding | None, now: datetime) -> list[str]:
    if standing is None:
        return []
    present = [one for one in standing.standbys if one.is_present]
    if not present:
        return [" ".join([NO_SECOND, *(_gone(one.owner, now - one.silent_for) for one in standing.standbys[:1])])]
    return [
        f"{one.owner} stands by, last seen {when(now - one.silent_for)}; it leads within five seconds if the leader "
        "dies or hangs."
        for one in present
    ]


def _gone(owner: str, seen_at: datetime) -> str:
    return f"{owner} stood by until {_time_text(seen_at)}, and has not reported since."


def _events(status: LinkStatus, now: datetime) -> list[str]:
    if status.last_event_at is None:
        return ["No event has come since the listener started."]
    last = f"the last {when(status.last_event_at)}"
    if not status.events:
        return [f"No event has come since the listener began to lead; {last}."]
    rate = "" if is_silent(status, now) else f" {status.events_per_second:g} a second now,"
    events = "1 event" if status.events == 1 else f"{status.events} events"
    return [f"{events} since the listener began to lead,{rate} {last}."]


def _lack(status: LinkStatus, now: datetime) -> list[str]:
    return [text for text in (status.lack, quiet_text(status, now)) if text]


def quiet_text(status: LinkStatus, now: datetime) -> str:
    """Say that nothing of a call has come for too long in working hours; empty when all is well or the link is down.

    A link that is up while nothing of a call comes looks as one that works: rights, filters or devices may be wrong.
    """
    opening = _opening(now)
    if status.state != LinkState.UP or status.since is None or opening is None:
        return ""
    if now - max(status.since, opening, status.last_call_at or status.since) < _quiet_time():
        return ""
    last = f"the last event of a call came {when(status.last_call_at)}" if status.last_call_at else "none has ever come"
    return (
        f"The link is up, but nothing of a call has come for {_quiet_hours()}: {last}. "
        "Make a test call; if it is not seen, check the rights and filters of the gateway's user at the PBX, "
        "and the devices of this source."
    )


def quiet_intake_text(tokens: Iterable[IntakeToken], now: datetime) -> str:
    """Say of an HTTP source what ``quiet_text`` says of a link; empty while none of its tokens was ever used."""
    used = [one for one in tokens if one.last_used_at is not None]
    opening = _opening(now)
    if not used or opening is None:
        return ""
    last = max((one.last_call_at for one in used if one.last_call_at is not None), default=None)
    if now - max(opening, *(one.created_at for one in used), last or opening) < _quiet_time():
        return ""
    said = f"the last event of a call was accepted {when(last)}" if last else "none has ever been accepted"
    return (
        f"Nothing of a call has been posted for {_quiet_hours()}: {said}. "
        "Make a test call; if it is not seen, check the program that posts, and the quarantine of this source."
    )


def _opening(now: datetime) -> datetime | None:
    """Return when the working hours began; None outside them."""
    hours: WorkingHours | None = settings.WORKING_HOURS
    return hours.opening(site_time(now)) if hours else None


def _quiet_time() -> timedelta:
    return timedelta(hours=settings.QUIET_HOURS)


def _quiet_hours() -> str:
    return "1 hour" if settings.QUIET_HOURS == 1 else f"{settings.QUIET_HOURS:g} hours"


def _error(status: LinkStatus) -> list[str]:
    if not status.last_error or status.last_error_at is None:
        return []
    return [f"Last error, {when(status.last_error_at)}: {status.last_error}"]


def _refused(status: LinkStatus) -> list[str]:
    count = len(status.monitors_refused)
    if not count:
        return []
    devices = "1 device, whose" if count == 1 else f"{count:,} devices, whose"
    return [f"The PBX refuses to monitor {devices} calls are not seen and not flagged:"]


@dataclass(frozen=True)
class RefusedMonitor:
    """A device that the PBX refuses to monitor. ``again``: when it is asked for again, in words."""

    device: str
    reason: str
    again: str


def refused_monitors(status: LinkStatus, now: datetime) -> list[RefusedMonitor]:
    """Return the devices that are not monitored, in order."""
    return [
        RefusedMonitor(device, reason, _again(status.monitors_again.get(device), status, now))
        for device, reason in sorted(status.monitors_refused.items())
    ]


def _again(asked_at: str | None, status: LinkStatus, now: datetime) -> str:
    if asked_at is None or is_silent(status, now):
        return "not before the listener connects again"
    at = datetime.fromisoformat(asked_at)
    return f"asked again {when(at)}" if at > now else "being asked again"


def is_silent(status: LinkStatus, now: datetime) -> bool:
    """Say whether the listener has not reported for longer than a running one takes."""
    return status.reported_at is None or now - status.reported_at > SILENT


def when(moment: datetime) -> str:
    """Return a moment as the end of a sentence."""
    return f"at {_time_text(moment)}"


def _time_text(moment: datetime) -> str:
    """Return a moment as people read it."""
    return shown(moment)
