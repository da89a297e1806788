"""Find legs among ten million: every column that is searched has an index by time, and each gives its newest.

One query over many columns would fetch and sort all that any of them finds; an extension alone may have a hundred
thousand legs. So each column is asked for one page, and the pages are merged.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from heapq import nlargest, nsmallest
from operator import attrgetter, or_

import msgspec
from django.db.models import BooleanField, F, Func, Q, QuerySet

from agents.models import Agent
from calls.models import Leg, has_recording, is_final, is_live
from calls.stats.queue_names import queue_of, spellings_of
from qms.guids import spellings

HELP = (
    "Exactly and with capitals as they are: extension, agent id, call reference, interaction, recording GUID or queue; "
    "an agent's name in any capitals."
)
HELP_WITH_CALLERS = f"{HELP} Also the caller's number or name, exactly."
#: A name that more agents bear says nothing.
NAMESAKES = 5
_EXACT = ("call_id", "device_id", "agent_id", "interaction_id")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadCursor(ValueError):
    """A cursor that no page gave. Never worth a retry."""


class Cursor(msgspec.Struct, frozen=True, order=True):
    """A leg's place in the list: when it was connected, and its key."""

    connected_at: datetime
    key: int

    def __str__(self) -> str:
        return f"{(self.connected_at - _EPOCH) // timedelta(microseconds=1)}.{self.key}"


def read_cursor(text: str) -> Cursor:
    """Read what ``str`` of a cursor gave. Raises ``BadCursor``."""
    micros, _, key = text.partition(".")
    if not (micros.isascii() and micros.isdecimal() and key.isascii() and key.isdecimal()) or len(text) > 40:
        raise BadCursor(text[:40])
    try:
        return Cursor(_EPOCH + timedelta(microseconds=int(micros)), int(key))
    except OverflowError as error:
        raise BadCursor(text[:40]) from error


def newest(
    found: QuerySet[Leg],
    arms: Sequence[Q],
    before: Cursor | None,
    limit: int,
    *,
    by_key: bool = False,
    outcomes: Sequence[str] = (),
    oldest_first: bool = False,
) -> list[Leg]:
    """Return the newest legs that are found, or the oldest, of those that meet one of the conditions (none: all).

    ``before``: only those further down the list. ``by_key``: in the order of their keys, which is that of time within
    one source, and which the primary key serves. ``outcomes``: legs of several outcomes are asked for one by one, for
    the index is by outcome and time.
    """
    parts = [found.filter(one) for one in arms] or [found]
    parts = [part.filter(outcome=one) for part in parts for one in outcomes] if outcomes else parts
    pages = [_page(part, before, limit, by_key=by_key, oldest_first=oldest_first) for part in parts]
    order = attrgetter("key") if by_key else None
    first = nsmallest if oldest_first else nlargest
    keys = [one.key for one in first(limit, {one for page in pages for one in page}, key=order)]
    rows = Leg.objects.select_related("source").defer("facts", "trace").in_bulk(keys)
    return [rows[key] for key in keys if key in rows]


def _page(arm: QuerySet[Leg], before: Cursor | None, limit: int, *, by_key: bool, oldest_first: bool) -> list[Cursor]:
    """Return the places of a page; an index of times or keys is read forwards or backwards."""
    sign, lookup = ("", "gt") if oldest_first else ("-", "lt")
    if by_key:
        arm = arm.filter(**{f"id__{lookup}": before.key}) if before else arm
        ordered = arm.order_by(f"{sign}id")
    else:
        arm = arm.filter(_beyond(before, lookup)) if before else arm
        ordered = arm.order_by(f"{sign}connected_at", f"{sign}id")
    return [Cursor(*row) for row in ordered.values_list("connected_at", "id")[:limit]]


def _beyond(cursor: Cursor, lookup: str) -> Q:
    """Return the condition of legs beyond a place; ``lookup``: "lt" for older ones, "gt" for newer ones."""
    at = cursor.connected_at
    return Q(**{f"connected_at__{lookup}e": at}) & (
        Q(**{f"connected_at__{lookup}": at}) | Q(**{f"id__{lookup}": cursor.key})
    )


def conditions(term: str, *, may_see_callers: bool) -> list[Q]:
    """Return a condition for each index that may hold a term; none for an empty term. Looks up agents by their name."""
    return list(_conditions(term, may_see_callers=may_see_callers)) if term else []


def _conditions(term: str, *, may_see_callers: bool) -> Iterator[Q]:
    for column in _EXACT:
        yield Q(**{column: term})
    for guid in sorted(spellings(term)):
        yield Q(has_recording(), recording_guid=guid)
    for agent_id in _agents_named(term):
        yield Q(agent_id=agent_id)
    for name in spellings_of(term) if queue_of(term) else ():
        yield from _filled("queue_name", name)
    for column in ("calling_number", "caller_name") if may_see_callers else ():
        yield from _filled(column, term)


def _filled(column: str, term: str) -> Iterator[Q]:
    yield Q(is_filled(column), is_final(), **{column: term})
    yield Q(is_live(), **{column: term})


def any_of(term: str, *, may_see_callers: bool) -> Q:
    """Return the condition that a term is in one of the columns searched."""
    return reduce(or_, conditions(term, may_see_callers=may_see_callers))


def is_filled(column: str) -> Func:
    """Return the condition as the partial index has it, with the word in it."""
    return Func(F(column), template="NOT (%(expressions)s = '')", output_field=BooleanField())


def _agents_named(name: str) -> list[str]:
    """Return the ids of the agents who bear a name, or bore it."""
    named = Agent.objects.filter(Q(name__iexact=name) | Q(names__name__iexact=name)).exclude(agent_id=name)
    return list(named.order_by().values_list("agent_id", flat=True).distinct()[:NAMESAKES])
