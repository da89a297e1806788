"""How a source's link is, in sentences that an operator can act on."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from cti.models import CtiSource, Kind, LinkState, LinkStatus

#: A listener that has not reported for so long is dead, hung, or cut off from the database.
SILENT = timedelta(seconds=15)
SHOWN_DEVICES = 20


def link_sentences(source: CtiSource, now: datetime, standbys: Sequence[str] | None = None) -> list[str]:
    """Say how the link of a source is, the most important first.

    ``standbys``: the listeners that would lead if the leader died; None where that is not known.
    """
    if not source.enabled:
        return ["This source is disabled: nothing is taken from it."]
    if source.kind == Kind.HTTP:
        return _intake(source)
    status: LinkStatus | None = getattr(source, "status", None)
    if status is None or status.reported_at is None:
        return [f"No listener has reported yet. Start one: ./gateway manage listen {source.slug}"]
    return [
        _state(status, now), *_leader(status), *_standbys(standbys), *_events(status), *_error(status),
        *_refused(status),
    ]  # fmt: skip


def _intake(source: CtiSource) -> list[str]:
    last = source.tokens.exclude(last_used_at=None).order_by("-last_used_at").first()
    if last is None or last.last_used_at is None:
        return ["This source posts its events to /api/events; none of its tokens was used yet."]
    return [f"This source posts its events to /api/events; a token ({last}) was last used {_clock(last.last_used_at)}."]


def _state(status: LinkStatus, now: datetime) -> str:
    seen_at = status.reported_at or now
    if now - seen_at > SILENT:
        return f"The listener {status.leader} last gave a sign of life {_clock(seen_at)}. Is it still running?"
    since = f" since {_moment(status.since)}" if status.since else ""
    if status.state == LinkState.SPOOLING:
        kept = f"{status.spooled} events wait in its file, in order"
        return f"The link is up, but Redis takes no events{since}; {kept}."
    words = {LinkState.UP: "The link is up", LinkState.DOWN: "The link is down", LinkState.CONNECTING: "It connects"}
    return f"{words.get(LinkState(status.state), status.get_state_display())}{since}."


def _leader(status: LinkStatus) -> list[str]:
    since = f" since {_moment(status.leading_since)}" if status.leading_since else ""
    return [f"{status.leader} leads{since}."] if status.leader else []


def _standbys(standbys: Sequence[str] | None) -> list[str]:
    if standbys is None:
        return []
    if not standbys:
        return ["No second listener stands by: if this one dies, what the PBX tells until it is back is missed."]
    return [f"{', '.join(standbys)} stands by, and leads within five seconds if this one dies or hangs."]


def _events(status: LinkStatus) -> list[str]:
    if status.last_event_at is None:
        return ["No event has come since the listener started."]
    rate = f"{status.events_per_second:g} a second now"
    return [f"{status.events} events since the listener started, {rate}; the last {_clock(status.last_event_at)}."]


def _error(status: LinkStatus) -> list[str]:
    if not status.last_error or status.last_error_at is None:
        return []
    return [f"Last error, {_clock(status.last_error_at)}: {status.last_error}"]


def _refused(status: LinkStatus) -> list[str]:
    refused = sorted(status.monitors_refused.items())
    if not refused:
        return []
    shown = "; ".join(f"{device} ({reason})" for device, reason in refused[:SHOWN_DEVICES])
    more = f"; and {len(refused) - SHOWN_DEVICES} more" if len(refused) > SHOWN_DEVICES else ""
    return [f"The PBX refuses to monitor {len(refused)} devices, whose calls are not seen: {shown}{more}."]


def _clock(moment: datetime) -> str:
    return f"at {_moment(moment)}"


def _moment(moment: datetime) -> str:
    """Return a moment as people read it."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
