"""The calls in progress: each open leg with who speaks, since when, and how the search for its recording stands."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec
from django.db.models import Q, QuerySet

from calls.core.result_events import WHY
from calls.models import Leg, RecordingSearch, SearchState, is_open
from calls.stats.queue_names import of_queue, queue_of
from calls.ui.leg_page import length_text

#: Maximum number of legs shown: the newest.
MAXIMUM_SHOWN = 200
#: Counting ends here: a page that asks every two seconds must not count without end.
MAXIMUM_COUNTED = 20_000
#: Shown in place of a caller that the account may not see.
HIDDEN = "hidden"


class Guid(StrEnum):
    """How the search for a leg's recording stands."""

    FOUND = "found"
    ASKING = "asking"
    MISSED = "missed"
    NOT_SOUGHT = "not sought"


class GuidState(msgspec.Struct, frozen=True):
    """The same with its reason; ``deadline`` is set while the window is open."""

    kind: Guid
    text: str
    deadline: datetime | None = None


class LiveFilter(msgspec.Struct, frozen=True):
    """Which of the calls in progress are wanted; empty: all. ``agent`` is an id or a name."""

    extension: str = ""
    agent: str = ""
    queue: str = ""

    def __bool__(self) -> bool:
        """Say whether anything is filtered."""
        return bool(self.extension or self.agent or self.queue)


class LiveLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One leg in progress."""

    key: int
    source: str
    extension: str
    agent: str
    queue: str
    caller: str
    since: datetime
    guid: GuidState


class Live(msgspec.Struct, frozen=True):
    """The calls in progress at a moment; ``sentence`` says how many there are and how many are shown."""

    now: datetime
    sentence: str
    legs: list[LiveLeg]


def live_calls(wanted: LiveFilter, now: datetime, *, may_see_callers: bool) -> Live:
    """Return the newest calls in progress, in three queries that an index of the open legs serves."""
    found = _found(wanted)
    newest = found.select_related("source").defer("facts", "trace").order_by("-connected_at", "-id")
    rows = list(newest[:MAXIMUM_SHOWN])
    count = len(rows) if len(rows) < MAXIMUM_SHOWN else found.order_by()[: MAXIMUM_COUNTED + 1].count()
    searches = _latest_searches(row.pk for row in rows)
    return Live(
        now,
        live_sentence(count, bool(wanted)),
        [_live_leg(row, searches.get(row.pk), now, may_see_callers=may_see_callers) for row in rows],
    )


def _found(wanted: LiveFilter) -> QuerySet[Leg]:
    found = Leg.objects.filter(is_open(), is_canary=False)
    if wanted.extension:
        found = found.filter(device_id=wanted.extension)
    if wanted.agent:
        found = found.filter(Q(agent_id=wanted.agent) | Q(agent_name=wanted.agent))
    return found.filter(of_queue(wanted.queue)) if wanted.queue else found


def _latest_searches(legs: Iterable[int]) -> Mapping[int, RecordingSearch]:
    """Return each leg's last search."""
    return {one.leg_id: one for one in RecordingSearch.objects.filter(leg_id__in=list(legs)).order_by("ordinal")}


def live_sentence(count: int, is_filtered: bool) -> str:
    """Say how many calls are in progress, and how many of them are shown."""
    if not count:
        return "No call in progress fits the filter." if is_filtered else "No call is in progress."
    number = f"{count:,}" if count <= MAXIMUM_COUNTED else f"More than {MAXIMUM_COUNTED:,}"
    fit = " fit the filter" if is_filtered else ""
    calls = "1 call" if count == 1 else f"{number} calls"
    shown = f", {MAXIMUM_SHOWN} shown, the newest" if count > MAXIMUM_SHOWN else ""
    return f"{calls} in progress{fit.replace('fit', 'fits') if count == 1 else fit}{shown}."


def _live_leg(row: Leg, search: RecordingSearch | None, now: datetime, *, may_see_callers: bool) -> LiveLeg:
    caller = " ".join(part for part in (row.caller_name, row.calling_number) if part)
    return LiveLeg(
        key=row.pk,
        source=row.source.slug,
        extension=row.device_id,
        queue=queue_of(row.queue_name),
        since=row.connected_at,
        agent=f"{row.agent_name} ({row.agent_id})" if row.agent_name else row.agent_id,
        caller=caller if may_see_callers or not caller else HIDDEN,
        guid=guid_state(row, search, now),
    )


def guid_state(leg: Leg, search: RecordingSearch | None, now: datetime) -> GuidState:
    """Say how the search for a leg's recording stands, by the leg and its last search."""
    if search is not None and search.state == SearchState.OPEN:
        return _asking(leg, search, now)
    if leg.recording_guid or (search is not None and search.state == SearchState.FOUND):
        return GuidState(Guid.FOUND, _found_after(search))
    if search is not None and search.state == SearchState.MISSED:
        return GuidState(Guid.MISSED, f"{WHY.get(leg.reason_code or search.why, WHY['none'])} {search.error}".strip())
    return GuidState(Guid.NOT_SOUGHT, leg.reason)


def _asking(leg: Leg, search: RecordingSearch, now: datetime) -> GuidState:
    asked = f"{search.attempts} attempts" if search.attempts != 1 else "1 attempt"
    text = f"{asked}, no answer with a recording yet" if search.attempts else search.error or "not asked yet"
    if leg.recording_guid:
        text = f"found before the transfer; is it still the same? {text}"
    if now >= search.deadline:
        return GuidState(Guid.ASKING, f"the window is over; {text}")
    return GuidState(Guid.ASKING, text, search.deadline)


def _found_after(search: RecordingSearch | None) -> str:
    if search is None or search.state != SearchState.FOUND or search.answered_at is None:
        return ""
    return f"after {length_text((search.answered_at - search.connected_at).total_seconds())}"
