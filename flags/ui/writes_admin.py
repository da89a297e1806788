"""The flag writes for an operator: where each is, why, and what can be done about it. Nothing here can be edited."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextInputWidget

import clock
from clock.text import exact, shown
from flags.call_lookup import call_lookup
from flags.catalogue.redaction import shown_values
from flags.models import RETRIABLE, SETTLED, UNSETTLED, FlagWrite, WriteState, state_is_one_of
from flags.outbox.alerts import is_open, open_alerts
from flags.outbox.error_texts import REASONS, in_plain_words
from flags.outbox.operator_actions import acknowledge, acknowledge_oldest, give_up_for, retry_all_of, retry_now
from flags.ui.write_panels import AlertPanel, RetryPanel, alert_panel, retry_panel, run_sentence
from history.admin import ReadOnlyAdmin

#: Who may see callers' names and numbers.
PRIMARY_KEY = re.compile("[0-9]{1,9}")
SEE_CALLERS = "calls.view_caller"
#: Maximum of rows per action; for more there is the button for a whole reason.
AT_ONCE = 1000

_COLOURS = {
    "queued": "info",
    "sending": "info",
    "unclear": "warning",
    "written": "success",
    "refused": "danger",
    "gone": "warning",
    "conflict": "danger",
    "given_up": "danger",
    "shadow": "info",
}
_LABELS = {WriteState(state).label: colour for state, colour in _COLOURS.items()}


class StateFilter(admin.SimpleListFilter):
    """Where writes are; the condition is in the words of the partial indexes, so that they serve."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the states, and their two groups that matter."""
        return [("waiting", "on its way"), ("ended_badly", "failed"), *WriteState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> QuerySet[FlagWrite]:
        """Keep what is in the state."""
        value = self.value()
        if value is None:
            return queryset
        for name, states in (("waiting", UNSETTLED), ("ended_badly", RETRIABLE)):
            if value == name or value in states:
                queryset = queryset.filter(state_is_one_of(states))
        return queryset.filter(state=value) if value in WriteState.values else queryset


class WriteReasonFilter(admin.SimpleListFilter):
    """The last error; its codes are known, so that the table is not searched for them."""

    title, parameter_name = "reason", "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the reasons."""
        return [(code, code) for code in REASONS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> QuerySet[FlagWrite]:
        """Keep what met the error last."""
        return queryset.filter(error_code=self.value()) if self.value() else queryset


class AlertFilter(admin.SimpleListFilter):
    """What the gateway itself ended badly and nobody has acknowledged; a partial index serves."""

    title, parameter_name = "alert", "alert"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Name the one kind that is looked for."""
        return [("open", "not acknowledged")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> QuerySet[FlagWrite]:
        """Keep the open alerts."""
        return queryset.filter(is_open()) if self.value() == "open" else queryset


class GiveUpForm(forms.Form):
    """Why writes are given up."""

    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}))


@admin.register(FlagWrite)
class FlagWriteAdmin(ReadOnlyAdmin):
    """Each intention to write flags to a recording: where it is, and why."""

    list_display = ("state_label", "recording_guid", "flags", "service", "attempts", "next_try", "last_error", "alert")
    list_display_links = ("recording_guid",)
    list_filter = (StateFilter, WriteReasonFilter, AlertFilter, "service")
    list_select_related = ("service",)
    list_per_page = 50
    list_before_template = "flags/above_writes.html"
    updates_itself = True
    search_fields = ("recording_guid__exact",)
    search_help_text = "The recording's GUID, exactly."
    ordering = ("-id",)
    sortable_by = ()
    paginator = InfinitePaginator  # counts nothing: there may be millions
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_disable_select_all = True
    actions = ("retry_selected", "acknowledge_selected", "give_up_selected")
    fields = (
        "state_label",
        "last_error",
        "leg",
        "recording_guid",
        "written_at",
        "service",
        "values",
        "attempts",
        "next_try",
        "created",
        "settled",
        "retried",
        "alert",
    )

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Require the change permission for actions."""
        return bool(request.user.has_perm("flags.change_flagwrite"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlagWrite]:
        """Load the names of the flags with the page's rows."""
        queryset: QuerySet[FlagWrite] = super().get_queryset(request)
        return queryset.prefetch_related("values")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show callers' values only to those who may see callers."""
        shown = "values" if request.user.has_perm(SEE_CALLERS) else "values_without_callers"
        return tuple(shown if name == "values" else name for name in self.fields)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> FlagWrite | None:
        """Return the write that a page shows; who may see callers sees its values, and that is recorded."""
        write: FlagWrite | None = super().get_object(request, object_id, from_field)
        if write is not None and request.user.has_perm(SEE_CALLERS):
            call_lookup().record_view(int(request.user.pk or 0), write.leg_id, clock.now())
        return write

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Disable editing."""
        return self.get_fields(request, obj)

    @display(description="State", label=_LABELS)
    def state_label(self, row: FlagWrite) -> str:
        """Say where the write is."""
        return str(row.get_state_display())

    @display(description="Flags")
    def flags(self, row: FlagWrite) -> str:
        """Name the flags; their values are on the row's own page."""
        return ", ".join(value.name for value in row.values.all())

    @display(description="Leg and call")
    def leg(self, row: FlagWrite) -> str:
        """Link the leg by its address: this app does not import the calls."""
        address = reverse("admin:calls_leg_change", args=[row.leg_id])
        return format_html('<a class="underline" href="{}">leg {}</a>', address, row.leg_id)

    @display(description="When written")
    def written_at(self, row: FlagWrite) -> str:
        """Say which of the leg's two writes it is."""
        return "at disconnect" if row.part == "base" else "after wrap-up"

    @display(description="Created")
    def created(self, row: FlagWrite) -> str:
        """Return when the write was created."""
        return exact(row.created_at)

    @display(description="Settled")
    def settled(self, row: FlagWrite) -> str:
        """Return when the write was settled, and how long after its creation."""
        return exact(row.settled_at, since=row.created_at)

    @display(description="Last retried by an operator")
    def retried(self, row: FlagWrite) -> str:
        """Return when an operator last put the write back."""
        return exact(row.retried_at)

    @display(description="Next try")
    def next_try(self, row: FlagWrite) -> str:
        """Say when it is tried next."""
        if row.state in SETTLED:
            return "none"
        if row.claimed_until and row.claimed_until > clock.now():
            return "under way"
        return "now" if row.not_before <= clock.now() else shown(row.not_before)

    @display(description="Last error")
    def last_error(self, row: FlagWrite) -> str:
        """Say in plain words what went wrong last; an operator's reason as it was given."""
        by_hand = row.state == WriteState.GIVEN_UP and row.error.startswith("Given up by ")
        return f"{row.error}." if by_hand else in_plain_words(row.error_code)

    @display(description="Alert")
    def alert(self, row: FlagWrite) -> str:
        """Say whether a person has taken note of a write that the gateway itself ended badly."""
        if row.acknowledged_at:
            return f"acknowledged by {row.acknowledged_by}, {shown(row.acknowledged_at)}"
        return f"not acknowledged, since {shown(row.alert_since)}" if row.alert_since else "none"

    @display(description="Flags")
    def values(self, row: FlagWrite) -> str:
        """Show each flag and its value."""
        return _lines(row, may_see_callers=True)

    @display(description="Flags")
    def values_without_callers(self, row: FlagWrite) -> str:
        """Show each flag, and its value unless it identifies the caller."""
        return _lines(row, may_see_callers=False)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show above the list what can be retried as a whole."""
        panels = {"retrying": self._panel(request), "alerting": self._alert_panel(request)}
        return super().changelist_view(request, {**panels, **(extra_context or {})})  # type: ignore[no-any-return]

    @admin.action(description="Retry now", permissions=["act"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> None:
        """Put the chosen writes back, and try waiting ones at once."""
        if keys := self._chosen(request, queryset):
            count = retry_now(keys, request.user, clock.now())
            self._report_count(
                request, count, len(keys), "are tried within seconds", "being sent, due already or written"
            )

    @admin.action(description="Acknowledge the alert", permissions=["act"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> None:
        """Take note of the chosen writes' alerts; the writes stay as they are."""
        if keys := self._chosen(request, queryset):
            count = acknowledge(keys, request.user, clock.now())
            self._report_count(request, count, len(keys), "are acknowledged", "without an open alert")

    @admin.action(description="Give up…", permissions=["act"])
    def give_up_selected(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> HttpResponse | None:
        """Ask for the reason, then give up the chosen writes that wait."""
        keys = self._chosen(request, queryset)
        if not keys:
            return None
        form = GiveUpForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            count = give_up_for(form.cleaned_data["reason"], keys, request.user, clock.now())
            self._report_count(request, count, len(keys), "are given up", "being sent at this moment or settled")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Give up flag writes",
            "form": form,
            "keys": keys,
            "opts": self.opts,
        }
        return TemplateResponse(request, "flags/give_up.html", context)

    def _chosen(self, request: HttpRequest, queryset: QuerySet[FlagWrite]) -> list[int]:
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(keys) > AT_ONCE:
            messages.error(request, f"Choose at most {AT_ONCE:,} at once; a whole reason has a button of its own.")
            return []
        return keys

    def _report_count(self, request: HttpRequest, count: int, chosen: int, done: str, left: str) -> None:
        rest = f" {chosen - count} are left as they are: {left}." if count < chosen else ""
        messages.add_message(request, messages.SUCCESS if count else messages.WARNING, f"{count} {done}.{rest}")

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address and the panel that refreshes itself."""
        own = [
            path("retry-all/", self.admin_site.admin_view(self.retry_all), name="flags_retry_all"),
            path("acknowledge-all/", self.admin_site.admin_view(self.acknowledge_all), name="flags_acknowledge_all"),
            path("retry-panel/", self.admin_site.admin_view(self.panel), name="flags_retry_panel"),
        ]
        return [*own, *super().get_urls()]

    @method_decorator(require_POST)
    def retry_all(self, request: HttpRequest) -> HttpResponse:
        """Begin to put back everything of a reason, whatever page or state is shown; beat carries it on."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        reason, service = request.POST.get("reason", ""), request.POST.get("service", "")
        if reason not in REASONS:
            messages.error(request, "Choose a reason first, in the filter.")
        elif service and not PRIMARY_KEY.fullmatch(service):
            messages.error(request, "Nothing is retried: the filter names no Recording Service.")
        else:
            run = retry_all_of(reason, int(service) if service else None, request.user, clock.now())
            messages.info(request, run_sentence(run))
        return HttpResponseRedirect(reverse("admin:flags_flagwrite_changelist"))

    @method_decorator(require_POST)
    def acknowledge_all(self, request: HttpRequest) -> HttpResponse:
        """Take note of the open alerts, of a great many the oldest, and tell how many are left."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        until = _parsed_time(request.POST.get("until", ""))
        if until is None:
            return HttpResponseBadRequest("Load the list again: the request does not say until when alerts were shown.")
        count, left = acknowledge_oldest(until, request.user, clock.now()), open_alerts()
        more = f" {left.words} are left, or came meanwhile." if left.count else ""
        messages.info(request, f"{count:,} are acknowledged.{more}")
        return HttpResponseRedirect(f"{reverse('admin:flags_flagwrite_changelist')}{'?alert=open' if more else ''}")

    def _alert_panel(self, request: HttpRequest) -> AlertPanel:
        is_filtered = request.GET.get("alert") == "open"
        return alert_panel(is_filtered=is_filtered, may_act=self.has_act_permission(request), now=clock.now())

    @method_decorator(require_GET)
    def panel(self, request: HttpRequest) -> HttpResponse:
        """Return the panel alone: it asks for itself while a run goes on."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(request, "flags/retry_panel.html", {"retrying": self._panel(request)})

    def _panel(self, request: HttpRequest) -> RetryPanel:
        """Offer a whole reason to those who may act, once one is chosen."""
        reason, service = request.GET.get("reason", ""), request.GET.get("service__id__exact", "")
        reason = reason if self.has_act_permission(request) else ""
        return retry_panel(reason, service if PRIMARY_KEY.fullmatch(service) else "", clock.now())


def _parsed_time(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _lines(row: FlagWrite, *, may_see_callers: bool) -> str:
    shown = shown_values(row, may_see_callers=may_see_callers)
    return format_html_join("", "<div><b>{}</b>: {}</div>", [(one.name, one.value) for one in shown])
