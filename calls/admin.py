"""Legs, gaps and searches for people: what happened, why, and what to do next. Nothing here can be edited."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

import clock
from calls.access_log import record_leg, record_list
from calls.core.outcomes import Outcome
from calls.core.result_events import WHY
from calls.models import CallerView, Checkpoint, Gap, Leg, QueueName, RecordingSearch, SearchState
from calls.ui.leg_evidence import leg_evidence
from calls.ui.leg_filters import (
    LEG_LOOKUPS,
    AgentFilter,
    CanaryFilter,
    ConnectedFilter,
    ExtensionFilter,
    FlaggedFilter,
    PhaseFilter,
    QueueFilter,
    ReasonFilter,
    SearchStateFilter,
    ServiceFilter,
    SourceFilter,
    TeamFilter,
    WhenFilter,
    WhyFilter,
)
from calls.ui.leg_list import SEE_CALLERS, LegChangeList
from calls.ui.leg_page import leg_page
from calls.ui.leg_search import any_of, conditions, newest
from calls.ui.sealed_search import SEALED, SealedSearchAdmin
from clock.text import exact, shown
from evidence.api import has_evidence
from history.admin import ReadOnlyAdmin

_COLOURS = {
    Outcome.FLAGGED: "success",
    Outcome.PARTLY_FLAGGED: "warning",
    Outcome.WAITING: "info",
    Outcome.WINDOW_MISSED: "danger",
    Outcome.REFUSED: "danger",
    Outcome.GIVEN_UP: "danger",
    Outcome.WRITE_UNKNOWN: "danger",
}


_SEARCH_LABELS = {
    SearchState.OPEN.label: "info",
    SearchState.FOUND.label: "success",
    SearchState.MISSED.label: "danger",
}
_LABELS = {outcome.value.replace("_", " "): colour for outcome, colour in _COLOURS.items()}


#: Maximum of legs, the newest found, whose searches are listed.
LEGS_SEARCHED = 500


def _searches_callers(request: HttpRequest) -> bool:
    """Say whether callers are searched too: for who may see them, and never by what stands plain in an address."""
    return SEALED in request.GET and request.user.has_perm(SEE_CALLERS)


class CallsAdmin(ReadOnlyAdmin):
    """Read-only rows of tables that grow large: no count of all of them."""

    show_full_result_count = False
    list_per_page = 50


@admin.register(Leg)
class LegAdmin(SealedSearchAdmin, CallsAdmin):
    """Each extension's part in a call, with its outcome and the reason for it."""

    list_display = (
        "connected",
        "lasted",
        "device_id",
        "agent",
        "queue_name",
        "caller",
        "call_id",
        "outcome_label",
        "reason",
    )
    list_filter = (
        FlaggedFilter,
        WhenFilter,
        ("connected_at", ConnectedFilter),
        "outcome",
        ReasonFilter,
        TeamFilter,
        QueueFilter,
        AgentFilter,
        ExtensionFilter,
        SourceFilter,
        ServiceFilter,
        PhaseFilter,
        CanaryFilter,
    )
    list_filter_submit = True
    search_fields = ("call_id",)  # Shows the box; what is searched says calls.ui.leg_search.
    search_help_text = "Search legs"
    sortable_by = ("connected",)  # Only the order of time has its indexes, which are read in both directions.
    ordering = ("-connected_at", "-id")
    change_form_template = "calls/leg.html"
    updates_itself = True
    list_before_template = "calls/export_offer.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LegChangeList]:
        return LegChangeList

    def offered_columns(self, request: HttpRequest) -> list[str]:
        may_see = request.user.has_perm(SEE_CALLERS)
        return [name for name in self.list_display if may_see or name != "caller"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Leg], search_term: str
    ) -> tuple[QuerySet[Leg], bool]:
        words = search_term.strip()
        if not words:
            return queryset, False
        return queryset.filter(any_of(words, may_see_callers=_searches_callers(request))), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the filters' own names: any other column has no index, and a guess at callers would be answered."""
        return lookup in LEG_LOOKUPS

    @display(description="Connected", ordering="connected_at")
    def connected(self, leg: Leg) -> str:
        return shown(leg.connected_at)

    @display(description="Lasted")
    def lasted(self, leg: Leg) -> str:
        if leg.end_unknown:
            return "end unknown"
        seconds = int(((leg.disconnected_at or clock.now()) - leg.connected_at).total_seconds())
        length = f"{seconds // 60}:{seconds % 60:02}"
        return length if leg.disconnected_at else f"{length}, in progress"

    @display(description="Agent")
    def agent(self, leg: Leg) -> str:
        return f"{leg.agent_name} ({leg.agent_id})" if leg.agent_name else leg.agent_id or "nobody logged on"

    @display(description="Caller")
    def caller(self, leg: Leg) -> str:
        return " ".join(part for part in (leg.caller_name, leg.calling_number) if part)

    @display(description="Outcome", label=_LABELS)
    def outcome_label(self, leg: Leg) -> str:
        return leg.outcome.replace("_", " ")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        leg = self.get_object(request, object_id)
        context = {**(extra_context or {}), "title": str(leg or "")}
        may_see = request.user.has_perm(SEE_CALLERS)
        if leg and may_see:
            record_leg(request.user, leg, clock.now())
        has_export = may_see and bool(leg and leg.recording_guid) and has_evidence(leg.recording_guid)
        context |= {"has_export": has_export}
        context |= {"page": leg_page(leg, may_see_callers=may_see) if leg else None, "may_see_callers": may_see}
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the evidence."""
        view = self.admin_site.admin_view(leg_evidence)
        return [path("<path:object_id>/evidence/", view, name="calls_leg_evidence"), *super().get_urls()]


@admin.register(RecordingSearch)
class RecordingSearchAdmin(SealedSearchAdmin, CallsAdmin):
    """What QMS was asked for each leg, how soon, and what it answered."""

    list_display = ("connected", "extension", "service", "state_label", "attempts", "after", "said", "leg_link")
    list_filter = (SearchStateFilter, "service", WhyFilter)
    search_fields = ("leg_id",)  # Shows the box; the legs are searched.
    search_help_text = "Search as in the list of legs"
    list_select_related = ("service",)
    updates_itself = True
    paginator = InfinitePaginator  # Counting ten million rows takes seconds.
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("leg_link", "call", "extension", "service", "state_label", "said", "attempts")}),
        ("Times", {"fields": ("connected", "first_asked", "asked", "answered", "after", "until")}),
        ("Recording", {"fields": ("recording_guid", "recording_began", "kept")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RecordingSearch], search_term: str
    ) -> tuple[QuerySet[RecordingSearch], bool]:
        words = search_term.strip()
        if not words:
            return queryset, False
        may_see = _searches_callers(request)
        legs = newest(Leg.objects.all(), conditions(words, may_see_callers=may_see), None, LEGS_SEARCHED)
        if may_see:
            record_list(request.user, (), words, clock.now())
        return queryset.filter(leg_id__in=[leg.pk for leg in legs]), False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return tuple(name for _, options in self.fieldsets for name in options["fields"])

    @display(description="Connected")
    def connected(self, search: RecordingSearch) -> str:
        return exact(search.connected_at)

    @display(description="First question sent")
    def first_asked(self, search: RecordingSearch) -> str:
        return exact(search.first_asked_at, since=search.connected_at)

    @display(description="Answered question sent")
    def asked(self, search: RecordingSearch) -> str:
        return exact(search.asked_at, since=search.connected_at)

    @display(description="Answer received")
    def answered(self, search: RecordingSearch) -> str:
        return exact(search.answered_at, since=search.connected_at)

    @display(description="Deadline")
    def until(self, search: RecordingSearch) -> str:
        return exact(search.deadline, since=search.connected_at)

    @display(description="Recording began (QMS clock)")
    def recording_began(self, search: RecordingSearch) -> str:
        return exact(search.recording_started_at, since=search.connected_at)

    @display(description="Recording before the transfer")
    def kept(self, search: RecordingSearch) -> str:
        return search.known_guid or "none"

    @display(description="State", label=_SEARCH_LABELS)
    def state_label(self, search: RecordingSearch) -> str:
        return str(search.ended_as.label)

    @display(description="Answered after")
    def after(self, search: RecordingSearch) -> str:
        if search.answered_at is None:
            return ""
        return f"{(search.answered_at - search.connected_at).total_seconds() * 1000:,.0f} ms"

    @display(description="Answer")
    def said(self, search: RecordingSearch) -> str:
        if search.ended_as is SearchState.UNCHANGED:
            return "The leg keeps the recording it had before the transfer."
        return search.recording_guid or search.error or WHY.get(search.why, search.why)

    @display(description="Leg")
    def leg_link(self, search: RecordingSearch) -> str:
        address = reverse("admin:calls_leg_change", args=[search.leg_id])
        return format_html('<a class="underline" href="{}">leg of {}</a>', address, search.extension)

    @display(description="Call")
    def call(self, search: RecordingSearch) -> str:
        call_id = Leg.objects.filter(pk=search.leg_id).values_list("call_id", flat=True).first()
        address = f"{reverse('admin:calls_leg_changelist')}?{urlencode({'q': call_id or ''})}"
        return format_html('<a class="underline" href="{}">{}</a>', address, call_id) if call_id else "no longer stored"


@admin.register(QueueName)
class QueueNameAdmin(CallsAdmin):
    """What queues are and were called, the latest change first."""

    list_display = ("device_id", "name", "since", "source")
    list_filter = ("source",)
    search_fields = ("device_id", "name")


@admin.register(Gap)
class GapAdmin(CallsAdmin):
    """The ledger of what each source may have missed."""

    list_display = ("source", "began_at", "ended_at", "extensions", "reason", "legs_saved", "legs_lost")
    list_filter = ("source",)
    list_before_template = "calls/gaps_before.html"

    @display(description="Extensions")
    def extensions(self, gap: Gap) -> str:
        """Name the extensions whose events were missed."""
        return gap.extensions


@admin.register(Checkpoint)
class CheckpointAdmin(CallsAdmin):
    """How far each source's journal is folded."""

    list_display = ("source", "last_id", "folded_at", "events")


@admin.register(CallerView)
class CallerViewAdmin(CallsAdmin):
    """Who saw which callers: legs, lists, live calls, messages and exports, and searches as keyed hashes."""

    list_display = ("at", "user", "kind", "shown", "leg_id", "message_id", "term_hash")
    list_filter = ("kind", "user")
    list_select_related = ("user",)
    search_fields = ("leg_id", "term_hash")
    search_help_text = "Search by a leg's number or by a search's keyed hash"
    sortable_by = ()
