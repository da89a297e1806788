"""The page "Replays": ask for one, see how far it is, read what would be different."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminTextareaWidget,
)

import clock
from clock.text import shown
from cti.models import CtiSource
from gateway_site.config.apply import apply
from gateway_site.config.declaration import ConfigError, read
from gateway_site.config.moment_field import SiteMomentField
from gateway_site.replays.models import ReplayRun
from gateway_site.replays.panel import replay_panel
from gateway_site.replays.reach import how_far_back, is_before, reaches_back_to, what_is_cut
from gateway_site.replays.runs import TooManyReplays, ask, cancel, wake
from gateway_site.replays.source_field import NONE_MEANS_ALL, SourceNamesField, is_too_many_for_boxes
from history.admin import RecordedAdmin

#: Maximum size of the settings to try, in bytes: TOML takes long to read where it is made to.
MAXIMUM_SETTINGS_BYTES = 262_144
#: Who may try settings: whoever may make them.
TRY_PERMISSION = "cti.change_ctisource"
PASTED = "pasted"
#: Maximum number of sources that are named in the list and in the history.
MAXIMUM_NAMES = 10
_ASKED = ("sources", "begin", "end")
_TRIED = ("file", "text")
_SHOWN = ("source_names", "begin", "end", "settings_shown", "asked_by", "asked_at")


class ReplayForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """What to replay by today's settings."""

    class Meta:
        model = ReplayRun
        fields = _ASKED
        field_classes = {"begin": SiteMomentField, "end": SiteMomentField}
        widgets = {"sources": UnfoldAdminCheckboxSelectMultipleWidget}
        help_texts = {
            "sources": NONE_MEANS_ALL,
            "end": "Up to this moment, which is not included; at the latest now.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "sources" in self.fields and is_too_many_for_boxes():
            self.fields["sources"] = SourceNamesField()
        self.oldest = reaches_back_to() if "begin" in self.fields else None
        if "begin" in self.fields:
            self.fields["begin"].help_text = f"Calls that were connected since then.{how_far_back(self.oldest)}"

    def clean(self) -> dict[str, Any] | None:
        """Accept a period that began; what is to come of it is left out."""
        cleaned = super().clean() or {}
        if not CtiSource.objects.exists():
            self.add_error("sources", "There is no CTI source yet, so there are no events to replay.")
        if {"begin", "end"} <= cleaned.keys():
            cleaned["end"] = min(cleaned["end"], clock.now())
            if cleaned["begin"] >= cleaned["end"]:
                self.add_error("end", "There is nothing to replay: begin before the end, and before now.")
            elif self.oldest is not None and cleaned["end"] <= self.oldest:
                self.add_error("end", is_before(self.oldest))
        return cleaned


class TrialForm(ReplayForm):
    """What to replay, and by which settings."""

    file = forms.FileField(
        required=False,
        label="File with settings to try",
        help_text="As for apply_config (TOML); it needs only what changes. Empty: today's settings.",
        widget=UnfoldAdminFileFieldWidget,
    )
    text = forms.CharField(
        required=False,
        max_length=MAXIMUM_SETTINGS_BYTES,
        label="Or the settings as text",
        help_text='For example: [[flags]], name = "QueueName", enabled = false, each on a line of its own.',
        widget=UnfoldAdminTextareaWidget,
    )

    def clean(self) -> dict[str, Any] | None:
        """Accept settings that could be applied, and note what they would change."""
        cleaned = super().clean() or {}
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        if file is not None and text.strip():
            self.add_error("text", "Give a file or a text, not both.")
        elif not self.errors:
            self._take_settings(file, text)
        return cleaned

    def _take_settings(self, file: Any, text: str) -> None:
        try:
            text = text if file is None else _decoded(file)
            if text.strip():
                self.instance.changes = apply(read(text), check=True).changes
                self.instance.settings_text = text
                self.instance.settings_name = PASTED if file is None else str(file.name)[:200]
        except ConfigError as error:
            self.add_error("text" if file is None else "file", ValidationError([str(one) for one in error.problems]))


def _decoded(file: Any) -> str:
    """Return the text of an upload. Raises ``ConfigError``."""
    if file.size > MAXIMUM_SETTINGS_BYTES:
        raise ConfigError([f"The file is longer than {MAXIMUM_SETTINGS_BYTES:,} bytes."])
    try:
        return str(file.read().decode())
    except UnicodeDecodeError as error:
        raise ConfigError(["The file is not text in UTF-8."]) from error


@admin.register(ReplayRun)
class ReplayRunAdmin(RecordedAdmin):
    """Ask for a replay, and see what it came to."""

    form = ReplayForm
    list_display = (
        "asked_at",
        "source_names",
        "begin",
        "end",
        "settings_shown",
        "state",
        "compared",
        "different",
        "asked_by",
    )
    change_form_outer_before_template = "replays/above_run.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A run is the worker's."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Runs are kept as long as the legs of their time."""
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        """Fetch the sources at once, and no results: the list shows none."""
        return super().get_queryset(request).prefetch_related("sources").defer("result", "settings_text")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Take settings to try only from who may make them."""
        if obj is None and request.user.has_perm(TRY_PERMISSION):
            options["form"] = TrialForm
        form = super().get_form(request, obj, change, **options)
        if (sources := form.base_fields.get("sources")) is not None:
            sources.widget.can_add_related = sources.widget.can_change_related = sources.widget.can_view_related = False
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for settings only where the person may try some."""
        if obj is not None:
            return _SHOWN
        return (*_ASKED, *_TRIED) if request.user.has_perm(TRY_PERMISSION) else _ASKED

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Note who asked, and when."""
        run = super().save_form(request, form, change)
        run.asked_at, run.asked_by, run.end = clock.now(), request.user.get_username()[:150], form.cleaned_data["end"]
        return run

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> str:
        """Name what was asked for; the secrets of tried settings are in none of the lines."""
        run: ReplayRun = form.instance
        period = f"from {shown(run.begin)} to {shown(run.end)}"
        sources = "all sources" if run.all_sources else self.source_names(run)
        return " ".join(
            [
                f"Asked for a replay of {sources} {period} by {self.settings_shown(run)} settings.",
                *run.changes,
            ]
        )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Begin a replay; where too many wait, say so."""
        try:
            buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
            return super().add_view(request, form_url, {**buttons, **(extra_context or {})})  # type: ignore[no-any-return]  # unfold has no types
        except TooManyReplays as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:replays_replayrun_changelist"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the run, and say what of it is not kept; a worker is woken when it is there for all."""
        ask(obj, form.cleaned_data["sources"])
        if line := what_is_cut(obj.begin, form.oldest):
            messages.warning(request, line)
        transaction.on_commit(wake)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Lead to the run, where its progress stands."""
        return HttpResponseRedirect(reverse("admin:replays_replayrun_change", args=[obj.pk]))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Add the result to the page of a run."""
        run = self.get_object(request, object_id or "")
        extra: dict[str, Any] = {"zone": settings.TIME_ZONE}
        if run is not None:
            extra["panel"] = replay_panel(run, settings.ARCHIVE_DAYS)
        return super().changeform_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the panel and of the button."""
        panel = self.admin_site.admin_view(require_GET(self.panel_view))
        stop_run = self.admin_site.admin_view(require_POST(self.cancel_view))
        return [
            path("<int:run_id>/panel/", panel, name="replays_panel"),
            path("<int:run_id>/cancel/", stop_run, name="replays_cancel"),
            *super().get_urls(),
        ]

    def panel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Return the result alone: it asks for itself while the run is under way."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(ReplayRun, pk=run_id)
        context = {"panel": replay_panel(run, settings.ARCHIVE_DAYS), "may_cancel": self.has_add_permission(request)}
        return TemplateResponse(request, "replays/panel.html", context)

    def cancel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """End a run that waits or is under way."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        run = get_object_or_404(ReplayRun, pk=run_id)
        if cancel(run, request.user.get_username(), clock.now()):
            LogEntry.objects.log_actions(
                request.user.pk or 0, [run], CHANGE, "Cancelled the replay.", single_object=True
            )
            messages.success(request, "The replay is cancelled.")
        return HttpResponseRedirect(reverse("admin:replays_replayrun_change", args=[run_id]))

    @display(description="CTI sources")
    def source_names(self, run: ReplayRun) -> str:
        """Name the sources, the first of many."""
        if run.all_sources:
            return "all"
        names = sorted(one.slug for one in run.sources.all())
        more = f" and {len(names) - MAXIMUM_NAMES} more" if len(names) > MAXIMUM_NAMES else ""
        return ", ".join(names[:MAXIMUM_NAMES]) + more

    @display(description="Settings")
    def settings_shown(self, run: ReplayRun) -> str:
        """Name the settings that were tried."""
        return run.settings_name or "today's"

    @display(description="State")
    def state(self, run: ReplayRun) -> str:
        """Say how far it is."""
        return replay_panel(run, settings.ARCHIVE_DAYS, with_result=False).state
