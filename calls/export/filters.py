"""Which legs an export takes: the address of the list of legs, read into moments and exact values."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from msgspec.structs import replace

from agents.api import load_teams
from calls.core.outcomes import Outcome
from calls.core.state import LegPhase
from calls.models import NO_VALUE, Leg
from calls.stats.queue_names import of_queue
from calls.stats.team_legs import team_condition
from calls.ui.leg_filters import FLAGGED_CHOICES, flagged_legs
from calls.ui.leg_search import any_of
from calls.ui.sealed_search import SEALED, STALE, StaleSearch, unseal
from clock.text import shown, site_time
from cti.models import CtiSource

#: What an address may carry that says nothing about which legs are shown.
_LOOKS = frozenset(("before", "o", "p", "e", "all", "_changelist_filters"))
_NAMES = {
    "outcome__exact": "outcome",
    "outcome": "outcome",
    "reason": "reason",
    "phase": "phase",
    "phase__exact": "phase",
    "agent_name__exact": "agent_name",
    "extension": "extension",
    "agent": "agent",
    "queue": "queue",
    "team": "team",
    "flagged": "flagged",
    "canary": "canary",
    "q": "text",
}
_SOURCES = ("source", "source__id__exact")


class FilterUnreadable(ValueError):
    """The address holds a filter that an export does not know: it would give other legs than were seen."""

    retryable = False


class LegFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The legs that are wanted; empty: all. ``text`` stands exactly in one of the columns that the list searches."""

    since: datetime | None = None
    until: datetime | None = None
    outcome: str = ""
    reason: str = ""
    phase: str = ""
    source: int | None = None
    agent_name: str = ""
    extension: str = ""
    agent: str = ""
    queue: str = ""
    team: str = ""
    service: int | None = None
    flagged: str = ""
    canary: str = ""
    text: str = ""
    is_caller_searched: bool = False


def read_filter(address: str, now: datetime, user_id: int = 0) -> LegFilter:
    """Read the filter of the list's address; "today" becomes the moments that it means now.

    ``user_id``: whose list it is; only they can search by what is sealed in it. Raises ``FilterUnreadable``.
    """
    given = {name: str(value).strip() for name, value in QueryDict(address).items()}
    asked = {name: value for name, value in given.items() if value}
    spans = {"connected_at_from_0", "connected_at_from_1", "connected_at_to_0", "connected_at_to_1", "when"}
    if unknown := set(asked) - _LOOKS - set(_NAMES) - set(_SOURCES) - spans - {"service", SEALED}:
        raise FilterUnreadable(f"The export does not know the filter {min(unknown)!r}.")
    if any("\0" in value for value in asked.values()):
        raise FilterUnreadable("A NUL character is in no name.")
    since, until = _span(asked.get("when", ""), now)
    begin, end = _asked_time(asked, "from"), _asked_time(asked, "to")
    plain: dict[str, Any] = {field: asked[name][:1024] for name, field in _NAMES.items() if name in asked}
    found = LegFilter(
        since=max((one for one in (since, begin) if one), default=None),
        until=min((one for one in (until, end) if one), default=None),
        source=_source(asked),
        service=_key(asked.get("service", ""), "Recording Service"),
        **plain,
    )
    return _checked(_with_sealed(found, asked.get(SEALED, ""), user_id))


def _with_sealed(found: LegFilter, token: str, user_id: int) -> LegFilter:
    if not token:
        return found
    try:
        return replace(found, text=unseal(token, user_id), is_caller_searched=True)
    except StaleSearch as error:
        raise FilterUnreadable(STALE) from error


def _checked(found: LegFilter) -> LegFilter:
    if found.outcome and found.outcome not in set(Outcome):
        raise FilterUnreadable(f"There is no outcome {found.outcome!r}.")
    if found.phase and found.phase not in set(LegPhase):
        raise FilterUnreadable(f"There is no progress {found.phase!r}.")
    if found.flagged and found.flagged not in FLAGGED_CHOICES:
        raise FilterUnreadable(f"There is no choice {found.flagged!r} of flagged.")
    return found


def _span(word: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    midnight = site_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    spans: dict[str, tuple[datetime | None, datetime | None]] = {
        "": (None, None),
        "today": (midnight, None),
        "week": (midnight - 6 * day, None),
        "yesterday": (midnight - day, midnight - timedelta(microseconds=1)),
        "month": (midnight - 29 * day, None),
    }
    if word not in spans:
        raise FilterUnreadable(f"The export does not know the time {word!r}.")
    return spans[word]


def _asked_time(asked: dict[str, str], which: str) -> datetime | None:
    day, clock = (asked.get(f"connected_at_{which}_{part}", "") for part in (0, 1))
    if not day:
        return None
    try:
        moment = parse_datetime(f"{day}T{clock or '00:00'}")
    except ValueError as error:
        raise FilterUnreadable(f"{day} {clock} is no time.") from error
    if moment is None:
        raise FilterUnreadable(f"{day} {clock} is no time.")
    return timezone.make_aware(moment, timezone.get_default_timezone()) if timezone.is_naive(moment) else moment


def _source(asked: dict[str, str]) -> int | None:
    return _key(next((asked[name] for name in _SOURCES if name in asked), ""), "CTI source")


def _key(value: str, what: str) -> int | None:
    if value and not (value.isascii() and value.isdecimal() and len(value) < 8):
        raise FilterUnreadable(f"There is no {what} {value!r}.")
    return int(value) if value else None


def filtered(wanted: LegFilter, *, may_see_callers: bool) -> QuerySet[Leg]:
    """Return the legs that fit, in no order."""
    columns = {
        "connected_at__gte": wanted.since,
        "connected_at__lte": wanted.until,
        "outcome": wanted.outcome,
        "reason_code": wanted.reason,
        "phase": wanted.phase,
        "source_id": wanted.source,
        "agent_name": wanted.agent_name,
        "device_id": wanted.extension,
        "agent_id": wanted.agent,
    }
    chosen = {column: "" if value == NO_VALUE else value for column, value in columns.items() if value}
    found = Leg.objects.filter(is_canary=wanted.canary == "only", **chosen)
    found = found.filter(of_queue(wanted.queue)) if wanted.queue else found
    found = flagged_legs(found, wanted.flagged)
    found = found.filter(team_condition(load_teams(), wanted.team)) if wanted.team else found
    found = found.filter(service=wanted.service or None) if wanted.service is not None else found
    return found.filter(_text(wanted, may_see_callers=may_see_callers)) if wanted.text else found


def _text(wanted: LegFilter, *, may_see_callers: bool) -> Q:
    return any_of(wanted.text, may_see_callers=may_see_callers and wanted.is_caller_searched)


def in_words(wanted: LegFilter) -> str:
    """Say which legs are wanted, without the text that was searched: it may be a caller's."""
    source = CtiSource.objects.filter(pk=wanted.source or 0).values_list("slug", flat=True).first()
    parts = [
        f"from {_clock(wanted.since)}" if wanted.since else "",
        f"to {_clock(wanted.until)}" if wanted.until else "",
        f"of agent {wanted.agent_name}" if wanted.agent_name else "",
        f"at extension {wanted.extension}" if wanted.extension else "",
        f"of agent {wanted.agent}" if wanted.agent else "",
        f"of queue {wanted.queue}" if wanted.queue else "",
        f"of team {wanted.team}" if wanted.team else "",
        f"at Recording Service {wanted.service}" if wanted.service is not None else "",
        FLAGGED_CHOICES[wanted.flagged].lower() if wanted.flagged else "",
        "canary calls alone" if wanted.canary else "",
        wanted.outcome.replace("_", " "),
        f"reason {wanted.reason}" if wanted.reason else "",
        wanted.phase,
        f"source {source or wanted.source}" if wanted.source else "",
        "found by a search" if wanted.text else "",
    ]
    return ", ".join(part for part in parts if part) or "all legs"


def _clock(moment: datetime) -> str:
    return shown(moment)
