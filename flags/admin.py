"""The Flags of the site, what they carry, and the button that creates them in QMS."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

import clock
from clock.text import shown
from flags.catalogue.renames import Renaming, after_rename, note_rename, renaming
from flags.catalogue.values import FIELD_NAMES, is_field
from flags.models import FlagSetting, FlagValue
from flags.provisioning import create_jobs, verify_jobs
from flags.ui.creation_panel import CreationTable, creation_panel, may_create
from flags.ui.preview_panel import preview_panel
from flags.ui.verification_panel import VERIFY_PERMISSION, pressing_panels, verification_panel
from flags.ui.writes_admin import FlagWriteAdmin
from history.admin import RecordedAdmin
from qms.models import DataServer

__all__ = ["FlagSettingAdmin", "FlagWriteAdmin"]  # Django looks for pages here alone.

MAXIMUM_VALUE = FlagValue._meta.get_field("value").max_length or 0  # noqa: SLF001  (documented by Django)


class FlagSettingForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """A Flag that can be written as it is set."""

    class Meta:
        model = FlagSetting
        fields = ("name", "field", "enabled", "max_length", "privacy", "order")
        help_texts = {
            "name": "The name in QMS. Recordings that were flagged keep the old name: you will be asked to confirm.",
            "field": f"One of {', '.join(FIELD_NAMES)}, or query:KEY for one key of the query data.",
            "max_length": f"Longer values are cut visibly. At most {MAXIMUM_VALUE}, and no more than QMS holds.",
        }

    def clean_field(self) -> str:
        """Accept only what a call has."""
        field = str(self.cleaned_data["field"]).strip()
        if not is_field(field):
            raise forms.ValidationError(f"A call has no such field. Use one of {', '.join(FIELD_NAMES)} or query:KEY.")
        return field

    def clean_max_length(self) -> int:
        """Accept only lengths that can be written and kept."""
        length = int(self.cleaned_data["max_length"])
        if not 1 <= length <= MAXIMUM_VALUE:
            raise forms.ValidationError(f"Give a length from 1 to {MAXIMUM_VALUE}.")
        return length


@admin.register(FlagSetting)
class FlagSettingAdmin(RecordedAdmin):
    """Which Flags are written, what each carries, and where it exists."""

    form = FlagSettingForm
    list_display = ("name", "field", "enabled", "max_length", "privacy", "order", "formerly")
    list_editable = ("enabled", "order")
    list_before_template = "flags/creation_panel.html"
    list_after_template = "flags/preview_panel.html"
    change_form_outer_after_template = "flags/below_form.html"

    @display(description="Earlier names")
    def formerly(self, flag: FlagSetting) -> str:
        """Name what recordings from before may carry instead."""
        return ", ".join(dict.fromkeys(one.name for one in flag.earlier_names.all() if one.name != flag.name)) or "none"

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlagSetting]:
        """Fetch the earlier names at once."""
        queryset: QuerySet[FlagSetting] = super().get_queryset(request)
        return queryset.prefetch_related("earlier_names")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show what the Data Servers answered above the Flags."""
        panels = {"creation": creation_panel(request), "verifications": pressing_panels(request)}
        context = {**panels, "preview": preview_panel(request), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show below the form what the Flags would carry and the names that this one had; ask before a name changes."""
        edited = self.get_object(request, object_id) if object_id else None
        if edited and (asked := self._unconfirmed(request, edited.pk)):
            return self._confirm_renaming(request, edited, asked)
        context = {
            "preview": preview_panel(request, edited),
            "is_adding": object_id is None,
            "earlier": _earlier(edited),
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, context)  # type: ignore[no-any-return]

    def save_model(self, request: HttpRequest, obj: FlagSetting, form: Any, change: bool) -> None:
        """Keep the name that a Flag had, and tell what is to be done about the new one."""
        old = FlagSetting.objects.get(pk=obj.pk) if change else None
        super().save_model(request, obj, form, change)
        if old and note_rename(obj, old, by=request.user.get_username(), at=clock.now()):
            messages.warning(request, after_rename(old.name, obj.name))

    def _unconfirmed(self, request: HttpRequest, key: int) -> Renaming | None:
        """Return the change of name that was posted without a word that it is meant; a form with faults comes first."""
        if request.method != "POST":
            return None
        stored = FlagSetting.objects.get(pk=key)
        form = FlagSettingForm(request.POST, instance=FlagSetting.objects.get(pk=key))
        if not self.has_change_permission(request, stored) or not form.is_valid():
            return None
        new = str(form.cleaned_data["name"])
        is_meant = request.POST.get("confirmed_name") == new and request.POST.get("confirmed_old") == stored.name
        return None if is_meant or new == stored.name else renaming(stored, new)

    def _confirm_renaming(self, request: HttpRequest, flag: FlagSetting, asked: Renaming) -> HttpResponse:
        """Show what a change of name means, with all that was typed, so that one press carries it out."""
        typed = [
            (key, value)
            for key in request.POST
            for value in request.POST.getlist(key)
            if key not in ("csrfmiddlewaretoken", "confirmed_name", "confirmed_old")
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Rename {asked.old} to {asked.new}?",
            "opts": self.opts,
            "original": flag,
            "renaming": asked,
            "typed": typed,
        }
        return TemplateResponse(request, "flags/confirm_rename.html", context)

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the button and of the preview."""
        return [
            path("create/", self.admin_site.admin_view(self.create), name="flags_create"),
            path("creation/", self.admin_site.admin_view(self.creation), name="flags_creation"),
            path("new/<int:server_id>/", self.admin_site.admin_view(self.new_flags), name="flags_new"),
            path("new/<int:server_id>/prove/", self.admin_site.admin_view(self.verify), name="flags_prove"),
            path("preview/", self.admin_site.admin_view(self.preview), name="flags_preview"),
            *super().get_urls(),
        ]

    @method_decorator(require_POST)
    def preview(self, request: HttpRequest) -> HttpResponse:
        """Show what the Flags would carry as one is typed now; saves nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        edited = self.get_object(request, request.POST.get("preview_flag", ""))
        form = FlagSettingForm(request.POST, instance=edited) if "field" in request.POST else None
        return TemplateResponse(request, "flags/preview_values.html", {"preview": preview_panel(request, edited, form)})

    @method_decorator(require_GET)
    def new_flags(self, request: HttpRequest, server_id: int) -> HttpResponse:
        """Return a Data Server's panel alone: its page asks for it, and it for itself while a verification runs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        server = get_object_or_404(DataServer, pk=server_id)
        return TemplateResponse(
            request, "flags/verification_panel.html", {"panel": verification_panel(request, server)}
        )

    @method_decorator(require_POST)
    def verify(self, request: HttpRequest, server_id: int) -> HttpResponse:
        """Have a worker verify that the new Flags work, or take somebody's word that QMS was restarted."""
        if not request.user.has_perm(VERIFY_PERMISSION):
            raise PermissionDenied
        server, guid = get_object_or_404(DataServer, pk=server_id), request.POST.get("guid", "")
        error = _request_verification(request, server, guid)
        if "HX-Request" in request.headers:
            panel = verification_panel(request, server, error, guid)
            return TemplateResponse(request, "flags/verification_panel.html", {"panel": panel})
        if error:
            messages.error(request, error)
        return HttpResponseRedirect(reverse("admin:flags_flagsetting_changelist"))

    @method_decorator(require_GET)
    def creation(self, request: HttpRequest) -> HttpResponse:
        """Return the panel of creations alone: it asks for itself while one runs, and brings what is new at the end."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        panel = creation_panel(request)
        verifications = {} if panel.is_running else {"verifications": pressing_panels(request), "is_over": True}
        return TemplateResponse(request, "flags/creation_panel.html", {"creation": panel, **verifications})

    @method_decorator(require_POST)
    def create(self, request: HttpRequest) -> HttpResponse:
        """Have workers create the Flags on every Data Server, or only look which exist; the page follows them."""
        if not may_create(request):
            raise PermissionDenied
        servers = list(DataServer.objects.all())
        for server in servers:
            _request_creation(request, server)
        if not servers:
            messages.warning(request, "There is no Data Server yet: add one, and a Recording Service that leads to it.")
        return HttpResponseRedirect(reverse("admin:flags_flagsetting_changelist"))


def _request_creation(request: HttpRequest, server: DataServer) -> None:
    """Do what was pressed, keep it in the history, and tell whoever pressed while it runs."""
    is_check = request.POST.get("only") == "check"
    try:
        create_jobs.request_creation(server, request.user.get_username(), clock.now(), is_check=is_check)
    except create_jobs.CreationRefused as refused:
        messages.warning(request, str(refused))
        return
    _keep(request, server, f"Asked to {'look which Flags exist' if is_check else 'create the Flags'} in QMS.")


def _earlier(flag: FlagSetting | None) -> CreationTable | None:
    """Return the names that a Flag had, newest first; None where there are none."""
    rows = [
        (shown(one.until), one.name, one.renamed_to, one.field, one.by)
        for one in (flag.earlier_names.all() if flag else ())
    ]
    return CreationTable(("Until", "Name then", "Became", "Carried", "Renamed by"), rows) if rows else None


def _request_verification(request: HttpRequest, server: DataServer, guid: str) -> str:
    """Do what was pressed, and keep it in the history; returns why it was refused."""
    by, now = request.user.get_username(), clock.now()
    if request.POST.get("only") == "word":
        verify_jobs.take_word(server, by, now)
        _keep(request, server, "Said that QMS was restarted; new Flags are not verified.")
        return ""
    try:
        verify_jobs.request_verification(server, guid, by, now)
    except verify_jobs.VerificationRefused as refused:
        return str(refused)
    _keep(request, server, f"Asked to verify new Flags on the test recording {guid.strip()}.")
    return ""


def _keep(request: HttpRequest, server: DataServer, message: str) -> None:
    LogEntry.objects.log_actions(request.user.pk or 0, [server], CHANGE, message, single_object=True)
