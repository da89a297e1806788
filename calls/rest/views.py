"""``GET /api/legs``: what became of the calls, as JSON, newest first."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET

from calls.core.outcomes import Outcome
from calls.models import Leg
from calls.stats.queue_names import queue_of
from calls.storage.codec import SHIFT
from cti.api import TokenRefusal, authenticate
from flags.api import written_flags

#: Default and maximum number of legs in one answer.
PAGE = 100
#: Maximum number of legs in one answer.
MAXIMUM_LIMIT = 1000
SINCE = "since: a time with an offset is needed, for example 2026-03-02T09:00:00Z"


class LegView(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A leg as the interface shows it."""

    id: str
    source: str
    call_id: str
    device_id: str
    interaction_id: str | None
    agent_id: str | None
    agent_name: str | None
    queue_name: str | None
    caller_name: str | None
    calling_number: str | None
    called_number: str | None
    direction: str | None
    connected_at: datetime
    disconnected_at: datetime | None
    end_unknown: bool
    recording_guid: str | None
    recording_service: str | None
    outcome: str
    reason: str | None
    flags: dict[str, str]


class BadQuery(ValueError):
    """A parameter cannot be read; the text names it. Never worth a retry."""


@require_GET
def legs(request: HttpRequest) -> HttpResponse:
    """Answer with a page of legs: ``{"legs": [...], "next": CURSOR or null}``.

    Parameters: ``source``, ``call``, ``extension``, ``outcome``, ``since`` (of connectedAt, ISO 8601 with an offset),
    ``limit`` (1 to 1000) and ``cursor`` (the ``next`` of the page before). A token sees its own source's legs.
    """
    token = authenticate(request)
    if isinstance(token, TokenRefusal):
        return token.response()
    try:
        page, following = _page(request, token.source_id)
    except BadQuery as error:
        return JsonResponse({"error": str(error)}, status=400)
    return HttpResponse(msgspec.json.encode({"legs": page, "next": following}), content_type="application/json")


def _page(request: HttpRequest, source_id: int) -> tuple[list[LegView], str | None]:
    limit = _limit(request)
    # A stretch of the primary key: by the source's number alone, PostgreSQL reads past every other source's legs.
    own = Leg.objects.filter(source_id=source_id, id__gte=source_id << SHIFT, id__lt=(source_id + 1) << SHIFT)
    found = _filtered(request, own.filter(is_canary=False))
    # The index of extensions has them by time: in the order of the keys, all legs of an extension would be sorted.
    order = ("-connected_at", "-id") if request.GET.get("extension") else ("-id",)
    rows = list(found.select_related("source", "service").order_by(*order)[: limit + 1])
    following = str(rows[limit - 1].pk) if len(rows) > limit else None
    return view_legs(rows[:limit]), following


def _limit(request: HttpRequest) -> int:
    text = request.GET.get("limit", str(PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= MAXIMUM_LIMIT:
        raise BadQuery(f"limit: a whole number from 1 to {MAXIMUM_LIMIT} is needed")
    return int(text)


def _filtered(request: HttpRequest, found: QuerySet[Leg]) -> QuerySet[Leg]:
    names = {"source": "source__slug", "call": "call_id", "extension": "device_id", "outcome": "outcome"}
    for name, column in names.items():
        if value := request.GET.get(name):
            if name == "outcome" and value not in set(Outcome):
                raise BadQuery(f"outcome: one of {', '.join(Outcome)} is needed")
            if "\0" in value:
                raise BadQuery(f"{name}: a NUL character is in no name")
            found = found.filter(**{column: value})
    if since := request.GET.get("since"):
        found = found.filter(connected_at__gte=_parsed_time(since))
    if cursor := request.GET.get("cursor"):
        if not cursor.isdecimal() or len(cursor) > 18:
            raise BadQuery("cursor: the value of next of the page before is needed")
        found = found.filter(_below(int(cursor), by_time=bool(request.GET.get("extension"))))
    return found


def _below(key: int, *, by_time: bool) -> Q:
    """Return the condition to stand below a leg in the list; where it is forgotten by now, its key must do."""
    at = Leg.objects.filter(id=key).values_list("connected_at", flat=True).first() if by_time else None
    if at is None:
        return Q(id__lt=key)
    return Q(connected_at__lte=at) & (Q(connected_at__lt=at) | Q(id__lt=key))


def _parsed_time(text: str) -> datetime:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadQuery(SINCE) from error
    raise BadQuery(SINCE)


def view_legs(rows: Sequence[Leg]) -> list[LegView]:
    """Show legs with the flags that were written to their recordings."""
    flags: dict[int, dict[str, str]] = defaultdict(dict)
    for flag in written_flags([row.pk for row in rows]):
        flags[flag.leg_id][flag.name] = flag.value
    return [_view(row, flags[row.pk]) for row in rows]


def _view(row: Leg, flags: dict[str, str]) -> LegView:
    plain: dict[str, Any] = {
        name: getattr(row, name) or None
        for name in (
            "interaction_id",
            "agent_id",
            "agent_name",
            "caller_name",
            "calling_number",
            "called_number",
            "direction",
            "recording_guid",
            "reason",
        )
    }
    return LegView(
        id=str(row.pk),
        source=row.source.slug,
        call_id=row.call_id,
        device_id=row.device_id,
        connected_at=row.connected_at,
        disconnected_at=row.disconnected_at,
        end_unknown=row.end_unknown,
        recording_service=row.service.slug if row.service else None,
        outcome=row.outcome,
        queue_name=queue_of(row.queue_name) or None,
        flags=flags,
        **plain,
    )
