"""The Flags of the site, what they carry, and the button that creates them in QMS."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display

import clock
from flags import admin_writes, proofs
from flags.catalogue import FIELD_NAMES, is_field
from flags.creation import BAD_STATES, Creation, check_flags, create_flags
from flags.models import FlagOnServer, FlagSetting, FlagValue
from flags.preview_panel import preview_panel
from flags.proof_panel import PROVE, pressing_panels, proof_panel
from flags.renaming import Renaming, after_rename, note_rename, renaming
from history.admin import RecordedAdmin
from qms.models import DataServer

__all__ = ["FlagSettingAdmin", "admin_writes"]  # Django looks for pages here alone.

LONGEST_VALUE = FlagValue._meta.get_field("value").max_length or 0  # noqa: SLF001  (documented by Django)

_KINDS = {
    FlagOnServer.State.CREATED: "success",
    FlagOnServer.State.EXISTS: "success",
    FlagOnServer.State.DIFFERS: "warning",
    FlagOnServer.State.REFUSED: "danger",
    FlagOnServer.State.MISSING: "danger",
}


class Table(msgspec.Struct):
    """A table as the admin's component takes it."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


class CreationPanel(msgspec.Struct):
    """What each Data Server last said of each Flag."""

    table: Table
    may_create: bool


class FlagSettingForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """A Flag that can be written as it is set."""

    class Meta:
        model = FlagSetting
        fields = ("name", "field", "enabled", "max_length", "privacy", "order")
        help_texts = {
            "name": "The name in QMS. Recordings that were flagged keep the old name: you will be asked to confirm.",
            "field": f"One of {', '.join(FIELD_NAMES)}, or query:KEY for one key of the query data.",
            "max_length": f"Longer values are cut visibly. At most {LONGEST_VALUE}, and no more than QMS holds.",
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
        if not 1 <= length <= LONGEST_VALUE:
            raise forms.ValidationError(f"Give a length from 1 to {LONGEST_VALUE}.")
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
        panel = CreationPanel(table=_answers(), may_create=_may_create(request))
        context = {"creation": panel, "proofs": pressing_panels(request), "preview": preview_panel(request),
                   **(extra_context or {})}  # fmt: skip
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:  # fmt: skip
        """Show below the form what the Flags would carry and the names that this one had; ask before a name changes."""
        edited = self.get_object(request, object_id) if object_id else None
        if edited and (asked := self._unconfirmed(request, edited.pk)):
            return self._ask(request, edited, asked)
        context = {"preview": preview_panel(request, edited), "is_adding": object_id is None,
                   "earlier": _earlier(edited), **(extra_context or {})}  # fmt: skip
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

    def _ask(self, request: HttpRequest, flag: FlagSetting, asked: Renaming) -> HttpResponse:
        """Show what a change of name means, with all that was typed, so that one press carries it out."""
        typed = [(key, value) for key in request.POST for value in request.POST.getlist(key)
                 if key not in ("csrfmiddlewaretoken", "confirmed_name", "confirmed_old")]  # fmt: skip
        context = {**self.admin_site.each_context(request), "title": f"Rename {asked.old} to {asked.new}?",
                   "opts": self.opts, "original": flag, "renaming": asked, "typed": typed}  # fmt: skip
        return TemplateResponse(request, "flags/confirm_rename.html", context)

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the button and of the preview."""
        return [
            path("create/", self.admin_site.admin_view(self.create), name="flags_create"),
            path("new/<int:server_id>/", self.admin_site.admin_view(self.new_flags), name="flags_new"),
            path("new/<int:server_id>/prove/", self.admin_site.admin_view(self.prove), name="flags_prove"),
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
        """Return a Data Server's panel alone: its page asks for it, and it for itself while a proof runs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        server = get_object_or_404(DataServer, pk=server_id)
        return TemplateResponse(request, "flags/proof_panel.html", {"panel": proof_panel(request, server)})

    @method_decorator(require_POST)
    def prove(self, request: HttpRequest, server_id: int) -> HttpResponse:
        """Have a worker prove that the new Flags work, or take somebody's word that QMS was restarted."""
        if not request.user.has_perm(PROVE):
            raise PermissionDenied
        server, guid = get_object_or_404(DataServer, pk=server_id), request.POST.get("guid", "")
        error = _prove(request, server, guid)
        if "HX-Request" in request.headers:
            panel = proof_panel(request, server, error, guid)
            return TemplateResponse(request, "flags/proof_panel.html", {"panel": panel})
        if error:
            messages.error(request, error)
        return HttpResponseRedirect(reverse("admin:flags_flagsetting_changelist"))

    @method_decorator(require_POST)
    def create(self, request: HttpRequest) -> HttpResponse:
        """Create the Flags on every Data Server, or only look which exist, and tell the answers."""
        if not _may_create(request):
            raise PermissionDenied
        act = check_flags if request.POST.get("only") == "check" else create_flags
        creations = [act(server) for server in DataServer.objects.all()]
        for creation in creations:
            level = messages.SUCCESS if creation.is_good else messages.ERROR
            messages.add_message(request, level, _summary(creation))
        if not creations:
            messages.warning(request, "There is no Data Server yet: add one, and a Recording Service that leads to it.")
        return HttpResponseRedirect(reverse("admin:flags_flagsetting_changelist"))


def _earlier(flag: FlagSetting | None) -> Table | None:
    """Return the names that a Flag had, newest first; None where there are none."""
    rows = [
        (f"{timezone.localtime(one.until):%Y-%m-%d %H:%M}", one.name, one.renamed_to, one.field, one.by)
        for one in (flag.earlier_names.all() if flag else ())
    ]
    return Table(("Until", "Name then", "Became", "Carried", "Renamed by"), rows) if rows else None


def _prove(request: HttpRequest, server: DataServer, guid: str) -> str:
    """Do what was pressed, and keep it in the history; returns why it was refused."""
    by, now = request.user.get_username(), clock.now()
    if request.POST.get("only") == "word":
        proofs.take_word(server, by, now)
        _keep(request, server, "Said that QMS was restarted; new Flags are not proved.")
        return ""
    try:
        proofs.ask(server, guid, by, now)
    except proofs.ProofRefused as refused:
        return str(refused)
    _keep(request, server, f"Asked for the proof of new Flags on the test recording {guid.strip()}.")
    return ""


def _keep(request: HttpRequest, server: DataServer, told: str) -> None:
    LogEntry.objects.log_actions(request.user.pk or 0, [server], CHANGE, told, single_object=True)


def _may_create(request: HttpRequest) -> bool:
    return request.user.has_perm("flags.add_flagonserver")


def _summary(creation: Creation) -> str:
    """Tell in a sentence how it went on one Data Server."""
    if creation.error:
        return f"{creation.data_server} was not reached. {creation.error}"
    words = [one.state.label for one in creation.answers]
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return f"{creation.data_server}: {counts or 'no Flag is switched on'}."


def _answers() -> Table:
    """Return every Flag that is switched on, with what each Data Server last said of it."""
    known = {(row.data_server_id, row.name): row for row in FlagOnServer.objects.all()}
    names = list(FlagSetting.objects.filter(enabled=True).values_list("name", flat=True))
    rows = [_answer_row(server, name, known.get((server.pk, name))) for server in DataServer.objects.all()
            for name in names]  # fmt: skip
    return Table(("Data Server", "Flag", "Answer", "When", "Remark"), rows)


def _answer_row(server: DataServer, name: str, row: FlagOnServer | None) -> Sequence[str]:
    if row is None:
        return (server.slug, name, "not asked yet", "", "Create it in QMS before calls are flagged.")
    label = render_to_string(
        "unfold/helpers/label.html", {"text": row.get_state_display(), "type": _KINDS[FlagOnServer.State(row.state)]}
    )
    return (server.slug, name, label, _ago(row.at), row.answer or _proved(row))


def _proved(row: FlagOnServer) -> str:
    """Tell whether it was shown that a Flag works."""
    if row.proved_at:
        what = "a call's" if row.is_proved_by_call else "a test"
        return f"Proved to work at {what} recording {_ago(row.proved_at)}."
    return "New: not proved to work yet." if row.new_since and row.state not in BAD_STATES else ""


def _ago(moment: datetime) -> str:
    now = clock.now()
    return "just now" if now - moment < timedelta(minutes=1) else f"{timesince(moment, now)} ago"
