"""The page "Reports": figures of a period by a breakdown, their files, and the views that a person has saved."""

from typing import Any

import msgspec
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

import clock
from calls.models import SavedReport
from calls.report.figures import ReportFigures, report
from calls.report.files import CONTENT_TYPES, headers, report_file
from calls.report.pickers import SUGGESTIONS, pickers
from calls.report.query import PERIOD_NAMES, BadReport, Breakdown, Period, ReportQuery
from calls.report.text import filter_texts, sentence, title
from calls.stats.dimensions import local_day

#: Maximum of lines shown; the files hold all.
MAXIMUM_LINES = 100
#: Maximum length of what is typed to find a name.
MAXIMUM_TERM = 100
#: Maximum of views that a person can save.
MAXIMUM_SAVED = 50


class ReportChip(msgspec.Struct, frozen=True):
    """A filter of the report, and the address of the report without it."""

    name: str
    value: str
    without: str


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def report_page(request: HttpRequest) -> HttpResponse:
    """Show the report that the address asks for; the address can be passed on."""
    context = {
        **admin.site.each_context(request),
        "title": "Reports",
        "periods": PERIOD_NAMES,
        "breakdowns": list(Breakdown),
        "saved": SavedReport.objects.filter(user_id=_who(request)),
        "asked": request.GET,
        "zone": timezone.get_default_timezone_name(),
        "can_mail": settings.CAN_MAIL,
    }
    try:
        query = _read(request.GET)
    except BadReport as error:
        return TemplateResponse(request, "calls/report.html", {**context, "error": str(error)}, status=400)
    return TemplateResponse(request, "calls/report.html", {**context, **_shown(report(query))})


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def report_download(request: HttpRequest, kind: str) -> HttpResponse:
    """Return the report of the address as a file."""
    if kind not in CONTENT_TYPES:
        return HttpResponseBadRequest("A report is a CSV, an XLSX or a PDF.")
    try:
        query = _read(request.GET)
    except BadReport as error:
        return HttpResponseBadRequest(str(error))
    name = f"report-{query.by}-{query.days.first}-{query.days.last}.{kind}"
    file = report_file(report(query), kind)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(file, content_type=CONTENT_TYPES[kind], headers=disposition)


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def report_names(request: HttpRequest, name: str) -> HttpResponse:
    """Return what a filter's field may mean, as pairs of value and name."""
    if name not in SUGGESTIONS:
        raise Http404
    term = request.GET.get("q", "").replace("\0", "").strip()[:MAXIMUM_TERM]
    return JsonResponse({"names": SUGGESTIONS[name](term) if term else []})


@require_POST
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def report_save(request: HttpRequest) -> HttpResponse:
    """Save the shown report under a name, in place of one of that name; or delete a saved one."""
    mine = SavedReport.objects.filter(user_id=_who(request))
    if key := request.POST.get("delete", ""):
        get_object_or_404(mine, pk=key if key.isdecimal() and len(key) < 18 else 0).delete()
        return redirect("reports")
    name, address = request.POST.get("name", "").strip()[:80], request.POST.get("query", "")
    try:
        query = _read(QueryDict(address))
    except BadReport as error:
        return HttpResponseBadRequest(str(error))
    if not name or mine.exclude(name=name).count() >= MAXIMUM_SAVED:
        messages.error(request, f"A view needs a name, and {MAXIMUM_SAVED} can be saved.")
    else:
        weekly = settings.CAN_MAIL and "weekly" in request.POST
        mine.update_or_create(user_id=_who(request), name=name, defaults={"query": query.address(), "weekly": weekly})
        messages.info(request, f"Saved as “{name}”.{_mailing(request, weekly=weekly)}")
    return redirect(f"{reverse('reports')}?{query.address()}")


def _mailing(request: HttpRequest, *, weekly: bool) -> str:
    email = getattr(request.user, "email", "")
    if not weekly:
        return ""
    return f" It is mailed to {email} each Monday." if email else " Your account has no e-mail address: ask for one."


def _who(request: HttpRequest) -> int:
    """Return the key of the person; the views admit nobody without one."""
    return request.user.pk or 0


def _read(asked: QueryDict) -> ReportQuery:
    return ReportQuery.read(asked.dict(), local_day(clock.now()))  # type: ignore[arg-type]  # dict() gives strings


def _shown(found: ReportFigures) -> dict[str, Any]:
    query = found.query
    chips = [
        ReportChip(name, value, query.address(**{name: ""})) for name, value in filter_texts(query.filters).items()
    ]
    return {
        "report": found,
        "heading": title(query),
        "sentence": sentence(found),
        "headers": headers(found),
        "lines": found.lines[:MAXIMUM_LINES],
        "more_lines": max(len(found.lines) - MAXIMUM_LINES, 0),
        "chips": chips,
        "pickers": pickers(query, found.teams),
        "has_trend": any(one.tally.legs for one in found.trend),
        "address": query.address(),
        "is_cause": query.by is Breakdown.CAUSE,
        "is_own": query.period is Period.OWN,
        "trend": _trend(found),
    }


def _trend(found: ReportFigures) -> dict[str, list[Any]]:
    """Return the trend as the chart takes it; days without legs have no point."""
    return {
        "days": [f"{one.day}" for one in found.trend],
        "percent": [one.tally.percent for one in found.trend],
        "unflagged": [one.tally.unflagged for one in found.trend],
    }
