"""Agents, their sessions and matches; QMS users and their syncs. Pages only show; buttons post."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_POST
from unfold.admin import TabularInline
from unfold.decorators import display

import clock
from agents import manual_mappings, pre_shift_check
from agents.models import (
    Agent,
    AgentName,
    AgentSessionRecord,
    Allocation,
    MappingAct,
    QmsUser,
    RefreshState,
    ShiftCheck,
    ShiftTrouble,
    Trigger,
    UserChange,
    UserRefresh,
)
from agents.ui import panels
from agents.ui.user_file import user_file_page
from agents.users import schedule
from clock.text import ago
from history.admin import ReadOnlyAdmin, RecordedAdmin
from qms.models import RecordingService

REFRESH_LABELS = {
    RefreshState.RUNNING.label: "info",
    RefreshState.DONE.label: "success",
    RefreshState.FAILED.label: "danger",
    RefreshState.SUSPICIOUS.label: "warning",
}


class AgentsAdmin(ReadOnlyAdmin):
    """Read-only rows, without the checkboxes of actions."""

    list_disable_select_all = True
    actions = None


class ReadOnlyInline(TabularInline):
    """Rows below their parent that only the gateway writes."""

    extra = 0
    can_delete = False
    per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are read-only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are read-only."""
        return False


class AgentNameInline(ReadOnlyInline):
    """The names that an agent had."""

    model = AgentName
    fields = ("name", "since")
    verbose_name_plural = "names, newest first: recordings keep the name they were flagged with"


class MappingActInline(ReadOnlyInline):
    """What administrators said about the agent."""

    model = MappingAct
    fields = ("at", "by", "before_name", "after_name", "reason")
    readonly_fields = fields
    verbose_name_plural = "manual mappings, newest first"
    hide_title = True


@admin.register(Agent)
class AgentAdmin(AgentsAdmin):
    """Who takes calls; above the list, who is logged on and whose calls cannot be flagged."""

    list_display = ("name", "agent_id", "source", "last_seen")
    list_filter = ("source",)
    list_select_related = ("source",)
    list_before_template = "agents/logged_on_panel.html"
    search_fields = ("agent_id", "name")
    ordering = ("name", "agent_id")
    inlines = (AgentNameInline, MappingActInline)

    @display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, agent: Agent) -> str:
        """Return when a source last spoke of the agent."""
        return ago(agent.last_seen_at, clock.now())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show who is logged on, those in trouble first, above all agents."""
        own = {"logged_on": panels.logged_on_panel(request), "shift": panels.shift(request)}
        return super().changelist_view(request, {**own, **(extra_context or {})})  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the button "Check now"."""
        return [path("check/", self.admin_site.admin_view(self.check_now), name="agents_check"), *super().get_urls()]

    @method_decorator(require_POST)
    def check_now(self, request: HttpRequest) -> HttpResponse:
        """Match everybody who is expected today, at once."""
        if not request.user.has_perm("agents.add_shiftcheck"):
            raise PermissionDenied
        pre_shift_check.check(clock.now(), asked_by=request.user.get_username())
        return HttpResponseRedirect(reverse("admin:agents_agent_changelist") + "#shift")


@admin.register(AgentSessionRecord)
class AgentSessionRecordAdmin(AgentsAdmin):
    """Which agent was logged on at which extension, and when."""

    list_display = ("agent_id", "agent_name", "device_id", "state", "since", "until", "source")
    list_filter = ("source", ("until", admin.EmptyFieldListFilter), "state")
    list_select_related = ("source",)
    search_fields = ("=agent_id", "=device_id", "agent_name")
    show_full_result_count = False


@admin.register(Allocation)
class AllocationAdmin(RecordedAdmin):
    """Which Recording Services record a source's extensions, and which is asked first."""

    list_display = ("source", "service", "position")
    list_editable = ("position",)
    list_filter = ("source", "service")
    list_select_related = ("source", "service")


class MappingActForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """An act that changes something and can be used."""

    class Meta:
        model = MappingAct
        fields = ("agent", "after", "reason")

    def clean_reason(self) -> str:
        """Require a reason that is not blank."""
        return str(self.cleaned_data["reason"]).strip()

    def clean(self) -> dict[str, Any] | None:
        """Refuse what changes nothing or could never be used, with the reason at its field."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                manual_mappings.check(cleaned["agent"], cleaned.get("after"))
            except manual_mappings.MappingRefused as refused:
                self.add_error("after", str(refused))
        return cleaned


@admin.register(MappingAct)
class MappingActAdmin(AgentsAdmin):
    """Which agents an administrator mapped to a QMS user, and all that was said before: rows are only added."""

    form = MappingActForm
    list_display = ("at", "agent", "before_name", "after_name", "reason", "by", "holds")
    list_filter = ("agent__source", "by")
    list_select_related = ("agent",)
    list_before_template = "agents/mappings_explained.html"
    search_fields = ("=agent__agent_id", "agent__name", "before_name", "after_name", "reason")
    autocomplete_fields = ("agent", "after")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Require the add permission."""
        return request.user.has_perm("agents.add_mappingact")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Ask for three things; show all of an act that was done."""
        return ("agent", "before_name", "after_name", "reason", "by", "at") if obj else ("agent", "after", "reason")

    @display(description="Now", label={"holds": "success", "ended": "info", "replaced": "info"})
    def holds(self, act: MappingAct) -> str:
        """Say whether the act still counts."""
        if act.is_replaced:  # type: ignore[attr-defined]  # get_queryset adds it
            return "replaced"
        return "holds" if act.after_id else "ended"

    def get_queryset(self, request: HttpRequest) -> QuerySet[MappingAct]:
        """Add whether a later act took each one's place."""
        later = MappingAct.objects.filter(agent_id=OuterRef("agent_id"), number__gt=OuterRef("number"))
        queryset: QuerySet[MappingAct] = super().get_queryset(request)
        return queryset.annotate(is_replaced=Exists(later))

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add an act; where another administrator was quicker, say so and add none."""
        try:
            return super().add_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except manual_mappings.MappingRefused as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(reverse("admin:agents_mappingact_changelist"))

    def save_model(self, request: HttpRequest, obj: MappingAct, form: Any, change: bool) -> None:
        """Add the mapping and show its effect."""
        act = manual_mappings.map_agent(
            obj.agent, obj.after, reason=obj.reason, by=request.user.get_username(), now=clock.now()
        )
        obj.pk = act.pk
        obj.refresh_from_db()
        messages.info(request, panels.mapped(obj.agent))


@admin.register(QmsUser)
class QmsUserAdmin(AgentsAdmin):
    """The users as QMS last listed them, with the button that loads them again."""

    list_display = ("extension", "full_name", "agent_id", "service", "recording_service", "active", "licence", "listed")
    list_filter = ("service", ("gone_at", admin.EmptyFieldListFilter), "active", "licence", "recording_service")
    list_select_related = ("service",)
    list_before_template = "agents/refresh_panel.html"
    search_fields = ("=extension", "=agent_id", "user_name", "first_name", "last_name")
    ordering = ("extension", "last_name")

    @display(description="Name", ordering="last_name")
    def full_name(self, user: QmsUser) -> str:
        """Give the user's first and last name."""
        return f"{user.first_name} {user.last_name}".strip()

    @display(description="In QMS", label={"listed": "success", "gone": "danger"})
    def listed(self, user: QmsUser) -> str:
        """Say whether QMS still lists the user."""
        return "gone" if user.gone_at else "listed"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the state of the syncs above the users."""
        return super().changelist_view(request, {"refreshes": panels.refreshes(request), **(extra_context or {})})  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address and the panel that refreshes itself."""
        own = [
            path("refresh/", self.admin_site.admin_view(self.refresh), name="agents_refresh"),
            path("refresh-panel/", self.admin_site.admin_view(self.panel), name="agents_refresh_panel"),
            path("file/", self.admin_site.admin_view(user_file_page), name="agents_user_file"),
        ]
        return [*own, *super().get_urls()]

    @method_decorator(require_POST)
    def refresh(self, request: HttpRequest) -> HttpResponse:
        """Begin to load the users of one service, or of every enabled one; workers carry it out."""
        if not request.user.has_perm("agents.add_userrefresh"):
            raise PermissionDenied
        services = RecordingService.objects.filter(enabled=True)
        if re.fullmatch("[0-9]{1,9}", request.POST.get("service", "")):
            services = services.filter(pk=request.POST["service"])
        for service in services:
            schedule.request_refresh(service.pk, Trigger.BUTTON, asked_by=request.user.get_username())
        slugs = ", ".join(service.slug for service in services)
        messages.info(request, f"Loading the users of {slugs}." if slugs else "No Recording Service is enabled.")
        return HttpResponseRedirect(reverse("admin:agents_qmsuser_changelist"))

    @method_decorator(require_GET)
    def panel(self, request: HttpRequest) -> HttpResponse:
        """Return the panel alone: it polls while a sync runs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(request, "agents/refresh_panel.html", {"refreshes": panels.refreshes(request)})


class ShiftTroubleInline(ReadOnlyInline):
    """What a check found."""

    model = ShiftTrouble
    fields = ("source", "device_id", "agent", "kind", "reason")
    verbose_name_plural = "what it found"
    hide_title = True


@admin.register(ShiftCheck)
class ShiftCheckAdmin(AgentsAdmin):
    """The checks before the shifts, newest first."""

    list_display = ("at", "ready", "doubtful", "troubled", "asked_by")
    inlines = (ShiftTroubleInline,)
    exclude = ("due_at",)


class UserChangeInline(ReadOnlyInline):
    """What a sync changed."""

    model = UserChange
    fields = ("user_id", "kind", "field", "before", "after")
    verbose_name_plural = "what it changed"


@admin.register(UserRefresh)
class UserRefreshAdmin(AgentsAdmin):
    """Every user sync with its difference; a suspicious one can be confirmed."""

    list_display = ("started_at", "service", "how", "trigger", "asked_by", "loaded", "added", "changed", "gone")
    list_filter = ("service", "state", "trigger")
    list_select_related = ("service",)
    inlines = (UserChangeInline,)
    change_form_outer_before_template = "agents/confirm_refresh.html"
    exclude = ("accepts_down_to", "taken_at", "progress_at")

    @display(description="Result", label=REFRESH_LABELS)
    def how(self, refresh: UserRefresh) -> str:
        """Say how it went."""
        return str(refresh.get_state_display())

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the button "Take the smaller list"."""
        own = path("<path:object_id>/confirm/", self.admin_site.admin_view(self.confirm), name="agents_refresh_confirm")
        return [own, *super().get_urls()]

    @method_decorator(require_POST)
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Load again and take a list as small as this one was."""
        if not request.user.has_perm("agents.change_userrefresh"):
            raise PermissionDenied
        refresh = get_object_or_404(UserRefresh, pk=object_id, state=RefreshState.SUSPICIOUS)
        schedule.confirm(refresh, request.user.get_username())
        messages.info(request, f"Loading the users of {refresh.service}; {refresh.loaded} or more will be taken.")
        return HttpResponseRedirect(reverse("admin:agents_qmsuser_changelist"))
