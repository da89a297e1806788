"""The filters of the list of legs. Their choices come from closed lists and small tables, never from the legs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from unfold.contrib.filters.admin import RangeDateTimeFilter, TextFilter

import clock
from agents.api import NO_TEAM, load_teams
from calls.core.outcomes import UNCOUNTED, Outcome
from calls.core.result_events import WHY
from calls.models import KEPT_RECORDING, NO_VALUE, HourlyCount, Leg, RecordingSearch, SearchState, is_missed, is_open
from calls.stats.queue_names import of_queue
from calls.stats.team_legs import team_condition
from calls.storage.codec import SHIFT
from clock.text import site_time
from cti.models import CtiSource
from qms.models import RecordingService

#: Reasons that came in the last days are offered, besides the closed list of missed searches.
REASON_DAYS = 31
#: All filters that an address of the list may name.
LEG_LOOKUPS = frozenset(
    (
        "when",
        "reason",
        "extension",
        "agent",
        "queue",
        "team",
        "service",
        "flagged",
        "source",
        "canary",
        "phase",
        "outcome__exact",
        "agent_name__exact",
        "connected_at_from_0",
        "connected_at_from_1",
        "connected_at_to_0",
        "connected_at_to_1",
    )
)


FLAGGED_CHOICES = {"no": "Not flagged", "yes": "Flagged", "decided": "Decided (not waiting, not in shadow mode)"}
#: Every outcome of a leg that is decided and not flagged.
UNFLAGGED = tuple(one.value for one in Outcome if one not in (Outcome.FLAGGED, *UNCOUNTED))


def flagged_legs(legs: QuerySet[Leg], choice: str) -> QuerySet[Leg]:
    """Keep the legs of a choice of ``FLAGGED_CHOICES``; "" keeps all."""
    if choice == "no":
        return legs.filter(outcome__in=UNFLAGGED)
    if choice == "yes":
        return legs.filter(outcome=Outcome.FLAGGED.value)
    return legs.exclude(outcome__in=UNCOUNTED) if choice == "decided" else legs


class WhenFilter(SimpleListFilter):
    """Legs that were connected today, yesterday, lately; any other time by "from" and "to"."""

    title = "connected"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [
            ("today", "Today"),
            ("yesterday", "Yesterday"),
            ("week", "The last 7 days"),
            ("month", "The last 30 days"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        span = _span(self.value() or "", clock.now())
        return queryset.filter(connected_at__gte=span[0], connected_at__lt=span[1]) if span else queryset


def _span(word: str, now: datetime) -> tuple[datetime, datetime] | None:
    midnight = site_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    spans = {
        "today": (midnight, midnight + 2 * day),
        "yesterday": (midnight - day, midnight),
        "week": (midnight - 6 * day, midnight + 2 * day),
        "month": (midnight - 29 * day, midnight + 2 * day),
    }
    return spans.get(word)


class ConnectedFilter(RangeDateTimeFilter):  # type: ignore[misc]  # unfold has no types
    """Legs connected from one moment to another, by the site's clock; a date alone means its midnight."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        begin, end = self._asked_time("from"), self._asked_time("to")
        queryset = queryset.filter(connected_at__gte=begin) if begin else queryset
        return queryset.filter(connected_at__lte=end) if end else queryset

    def _asked_time(self, which: str) -> datetime | None:
        name = f"{self.parameter_name}_{which}"
        day, clock = (str(self.used_parameters.get(f"{name}_{part}") or "").strip() for part in (0, 1))
        try:
            moment = parse_datetime(f"{day}T{clock or '00:00'}") if day else None
        except ValueError as error:
            raise IncorrectLookupParameters from error
        if day and moment is None:
            raise IncorrectLookupParameters
        if moment is None or timezone.is_aware(moment):
            return moment
        return timezone.make_aware(moment, timezone.get_default_timezone())


class ReasonFilter(SimpleListFilter):
    """Legs with a reason, as the dashboard counts it."""

    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        since = clock.now() - timedelta(days=REASON_DAYS)
        counted = HourlyCount.objects.filter(hour__gte=since).exclude(reason_code="")
        codes = set(counted.order_by().values_list("reason_code", flat=True).distinct())
        asked = {self.used_parameters.get(self.parameter_name, "")} - {""}
        return [(code, WHY.get(code, code)) for code in sorted(codes | asked | set(WHY))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        return queryset.filter(reason_code=self.value()).exclude(reason_code="") if self.value() else queryset


class SourceFilter(SimpleListFilter):
    """Legs of one CTI source: a stretch of the primary key."""

    title = "CTI source"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(str(one.pk), str(one)) for one in CtiSource.objects.order_by("slug")]

    def has_output(self) -> bool:
        """Offer one source's filter too: its links stay valid."""
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        value = self.value() or ""
        if not value.isdecimal() or len(value) > 7:
            return queryset.none() if value else queryset
        return queryset.filter(id__gte=int(value) << SHIFT, id__lt=(int(value) + 1) << SHIFT)


class PhaseFilter(SimpleListFilter):
    """Legs in progress, or over and not yet settled."""

    title = "progress"
    parameter_name = "phase"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [
            ("open", "In progress"),
            ("closed", "Over, still being decided"),
            ("delivering", "Over, flags on their way to QMS"),
            ("settled", "Settled"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        if self.value() == "open":
            return queryset.filter(is_open())
        return queryset.filter(phase=self.value()) if self.value() else queryset


class CanaryFilter(SimpleListFilter):
    """Canary calls are listed by themselves: the list's other choices agree with the counts, which leave them out."""

    title = "canary calls"
    parameter_name = "canary"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("only", "Canary calls alone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        return queryset.filter(is_canary=self.value() == "only")


class ExactFilter(TextFilter):  # type: ignore[misc]  # unfold has no types
    """Legs with exactly this text in an indexed column, or with none for ``NO_VALUE``."""

    column = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        value = (self.value() or "").replace("\0", "").strip()
        return queryset.filter(**{self.column: "" if value == NO_VALUE else value}) if value else queryset


class ExtensionFilter(ExactFilter):
    """Legs of an extension."""

    title, parameter_name, column = "extension", "extension", "device_id"


class AgentFilter(ExactFilter):
    """Legs of an agent, by id."""

    title, parameter_name, column = "agent id", "agent", "agent_id"


class QueueFilter(ExactFilter):
    """Legs of a queue, by name in any spelling; a partial index serves those that are over."""

    title, parameter_name, column = "queue", "queue", "queue_name"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        value = (self.value() or "").replace("\0", "").strip()
        return queryset.filter(of_queue(value)) if value else queryset


class TeamFilter(SimpleListFilter):
    """Legs of a team: of the extensions of a QMS department's users."""

    title = "team (QMS department)"
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(name, name) for name in (*load_teams().names, NO_TEAM)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        return queryset.filter(team_condition(load_teams(), self.value() or "")) if self.value() else queryset


class ServiceFilter(SimpleListFilter):
    """Legs whose recording a service holds."""

    title = "Recording Service"
    parameter_name = "service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        services = RecordingService.objects.order_by("slug").values_list("pk", "slug")
        return [*((str(key), slug) for key, slug in services), ("0", "none")]

    def has_output(self) -> bool:
        """Offer one service's filter too: its links stay valid."""
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        value = self.value() or ""
        if not value.isdecimal() or len(value) > 17:
            return queryset.none() if value else queryset
        return queryset.filter(service=int(value) or None)


class FlaggedFilter(SimpleListFilter):
    """Legs that are flagged, that are not for whatever reason, or of which that is decided."""

    title = "flagged"
    parameter_name = "flagged"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return list(FLAGGED_CHOICES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Leg]) -> QuerySet[Leg]:
        return flagged_legs(queryset, self.value() or "")


class SearchStateFilter(SimpleListFilter):
    """Recording searches by the state that people count; see ``RecordingSearch.ended_as``."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return list(SearchState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[RecordingSearch]) -> QuerySet[RecordingSearch]:
        kept = Q(why__in=KEPT_RECORDING) & ~Q(known_guid="")
        if self.value() == SearchState.UNCHANGED:
            return queryset.filter(is_missed()).filter(kept)
        if self.value() == SearchState.MISSED:
            return queryset.filter(is_missed()).exclude(kept)
        return queryset.filter(state=self.value()) if self.value() else queryset


class WhyFilter(SimpleListFilter):
    """Recording searches that missed for a reason."""

    title = "why"
    parameter_name = "why"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return list(WHY.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[RecordingSearch]) -> QuerySet[RecordingSearch]:
        return queryset.filter(is_missed(), why=self.value()) if self.value() else queryset
