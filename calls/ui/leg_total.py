"""How many legs a list has in all, where the counts by day can say so: the legs themselves are never counted."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db.models import Q, Sum
from django.utils.dateparse import parse_date

from agents.api import Teams, load_teams
from calls.core.outcomes import Outcome
from calls.stats.daily_counts import FILTER_COLUMNS, counts_condition, daily_counts
from calls.ui.leg_filters import UNFLAGGED
from clock.text import site_time

DAY = timedelta(days=1)
#: How the list names filters of the counts, and those by time.
_TIMES = ("when", "connected_at_from_0", "connected_at_from_1", "connected_at_to_0", "connected_at_to_1")
_KNOWN = (*FILTER_COLUMNS, "flagged", "outcome__exact", "reason", *_TIMES)
#: Days back from today with which a choice of "connected" begins, and ends; None: it has no end.
_SPANS: Mapping[str, tuple[int, int | None]] = {
    "today": (0, None),
    "yesterday": (1, 1),
    "week": (6, None),
    "month": (29, None),
}


def decided_total(asked: Mapping[str, str], now: datetime) -> int | None:
    """Return how many decided legs the filters leave; None where the counts do not know."""
    asked = {name: value for name, value in asked.items() if value}
    days = _days(asked, site_time(now).date())
    if days is None or asked.keys() - set(_KNOWN) or asked.get("outcome__exact") == Outcome.WAITING.value:
        return None
    filters = {name: value for name, value in asked.items() if name in FILTER_COLUMNS}
    teams = load_teams() if "team" in filters else Teams({}, {})
    counts = daily_counts(("day", "outcome", "reason_code"), filters)
    found = counts.filter(days, counts_condition(filters, teams))
    return int(found.filter(_outcomes(asked)).aggregate(legs=Sum("legs"))["legs"] or 0)


def _outcomes(asked: Mapping[str, str]) -> Q:
    """Return the condition of the filters by outcome, reason and "flagged"."""
    columns = {"outcome": asked.get("outcome__exact"), "reason_code": asked.get("reason")}
    found = Q(**{column: value for column, value in columns.items() if value})
    decided = Q(outcome__in=(*UNFLAGGED, Outcome.FLAGGED.value))
    flagged = {"no": Q(outcome__in=UNFLAGGED), "yes": Q(outcome=Outcome.FLAGGED.value), "decided": decided}
    return found & flagged.get(asked.get("flagged", ""), Q())


def _days(asked: Mapping[str, str], today: date) -> Q | None:
    """Return the condition of the filters by time; None where they are not whole days."""
    found = Q()
    if when := asked.get("when"):
        if when not in _SPANS:
            return None
        first, last = _SPANS[when]
        found &= Q(day__gte=today - first * DAY) & (Q(day__lte=today - last * DAY) if last is not None else Q())
    for which, lookup, clocks in (("from", "day__gte", ("", "00:00:00")), ("to", "day__lte", ("23:59:59.999999",))):
        text, clock = (asked.get(f"connected_at_{which}_{part}", "") for part in (0, 1))
        if text or clock:
            day = _date(text)
            if day is None or clock not in clocks:
                return None
            found &= Q(**{lookup: day})
    return found


def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
