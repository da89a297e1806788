"""The page "Exports": ask for one from the list of legs, see how far it is, download it. Each person sees their own."""

from typing import Any

import msgspec
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

import clock
from calls.access_log import record_view
from calls.broker import send
from calls.export.filters import FilterUnreadable, LegFilter, in_words, read_filter
from calls.export.jobs import KEEP, TooManyExports, path_of, request_export
from calls.models import CallerViewKind, ExportJob, ExportKind, ExportState
from calls.ui.live_views import SEE_CALLERS

#: Maximum number of exports in the list.
MAXIMUM_SHOWN = 50
UNDER_WAY = (ExportState.QUEUED, ExportState.RUNNING)


class Shown(msgspec.Struct, frozen=True):
    """A job with its filter in words."""

    job: ExportJob
    wanted: str


@never_cache
@require_http_methods(["GET", "POST"])
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def export_page(request: HttpRequest) -> HttpResponse:
    """Show the person's exports; with POST begin one of the legs that the list's address ``query`` shows."""
    if request.method == "POST":
        _request_export(request)
        return redirect("exports")
    context = {**admin.site.each_context(request), "title": "Exports", "days": KEEP.days, **_panel(request)}
    return TemplateResponse(request, "calls/exports.html", context)


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def export_panel(request: HttpRequest) -> HttpResponse:
    """Return the list alone: it asks for itself while an export runs."""
    return TemplateResponse(request, "calls/export_panel.html", _panel(request))


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def export_download(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """Give the file to the one who asked for it; callers only to who may still see them."""
    job = get_object_or_404(ExportJob, pk=job_id, user_id=_who(request), state=ExportState.DONE)
    if job.with_callers and not request.user.has_perm(SEE_CALLERS):
        return _refuse(request, "This file contains callers, which your account may no longer see.")
    try:
        file = path_of(job).open("rb")
    except FileNotFoundError:
        return _refuse(request, "The file is not on this machine (var/exports): ask for the export again.")
    _note(request, job, CHANGE, "Downloaded the export.")
    name = f"legs-{timezone.localtime(job.asked_at):%Y-%m-%d-%H%M%S}.{job.kind}"
    return FileResponse(file, as_attachment=True, filename=name)


def _refuse(request: HttpRequest, text: str) -> HttpResponse:
    messages.error(request, text)
    return redirect("exports")


def _request_export(request: HttpRequest) -> None:
    now = clock.now()
    kind = request.POST.get("kind", "")
    if kind not in ExportKind.values:
        messages.error(request, "An export is a CSV or an XLSX.")
        return
    may_see = request.user.has_perm(SEE_CALLERS)
    try:
        wanted = read_filter(request.POST.get("query", ""), now, _who(request))
        job = request_export(_who(request), kind, wanted, now, with_callers=may_see)
    except (FilterUnreadable, TooManyExports) as error:
        messages.error(request, str(error))
        return
    callers = "with callers" if may_see else "without callers"
    _note(request, job, ADDITION, f"Asked for an export of legs as {kind}: {in_words(wanted)}, {callers}.")
    if may_see:
        record_view(request.user, CallerViewKind.EXPORT, now)
    send("calls.tasks.export", job.pk, "default")


def _note(request: HttpRequest, job: ExportJob, action: int, text: str) -> None:
    LogEntry.objects.log_actions(_who(request), [job], action, text, single_object=True)


def _who(request: HttpRequest) -> int:
    """Return the key of the one who asks; the views let nobody in who has none."""
    assert request.user.pk is not None
    return request.user.pk


def _panel(request: HttpRequest) -> dict[str, Any]:
    jobs = ExportJob.objects.filter(user_id=_who(request)).order_by("-id")[:MAXIMUM_SHOWN]
    shown = [Shown(job, in_words(msgspec.json.decode(job.wanted, type=LegFilter))) for job in jobs]
    return {"exports": shown, "is_running": any(one.job.state in UNDER_WAY for one in shown)}
