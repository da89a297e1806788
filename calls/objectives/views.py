"""The page "Objectives", and the monthly report as a file."""

from datetime import date, datetime

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

import clock
from calls.objectives.files import CONTENT_TYPES, month_file, shown
from calls.objectives.months import month_report
from calls.objectives.targets import TREND_MONTHS, months_before
from calls.objectives.text import action_text
from calls.report.causes import causes
from clock.text import site_time


class BadMonth(ValueError):
    """The text names no month that can be reported; it says what would do. Never worth a retry."""


def read_month(text: str, now: datetime) -> date:
    """Read a month such as 2026-11; empty is the present one. Raises ``BadMonth``."""
    present = site_time(now).date().replace(day=1)
    if not text:
        return present
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise BadMonth("A month is written like 2026-11.") from None
    if not month.year >= 2000 or month > present:
        raise BadMonth("That month has not begun yet, or is too long ago.")
    return month


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def objectives_page(request: HttpRequest) -> HttpResponse:
    """Say whether the promises of a month were kept."""
    now = clock.now()
    context = {**admin.site.each_context(request), "title": "Objectives"}
    try:
        month = read_month(request.GET.get("month", ""), now)
    except BadMonth as error:
        return TemplateResponse(request, "calls/objectives.html", {**context, "error": str(error)}, status=400)
    months = months_before(site_time(now).date().replace(day=1), TREND_MONTHS)[::-1]
    months += [] if month in months else [month]  # An older one that was asked for by its address.
    report = month_report(month, now)
    context |= {"months": months, **shown(report)}
    # Of a cause of which no leg of the last days is there is no page.
    pages = {(one.outcome, one.reason_code): one.address for one in causes(now)}
    context["losses"] = [
        (one, action_text(one), pages.get((one.outcome, one.reason_code), "")) for one in report.losses
    ]
    return TemplateResponse(request, "calls/objectives.html", context)


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def objectives_download(request: HttpRequest, kind: str) -> HttpResponse:
    """Return the report of a month as a file."""
    if kind not in CONTENT_TYPES:
        return HttpResponseBadRequest("The report is HTML or a PDF.")
    try:
        month = read_month(request.GET.get("month", ""), clock.now())
    except BadMonth as error:
        return HttpResponseBadRequest(str(error))
    disposition = {"Content-Disposition": f'attachment; filename="objectives-{month:%Y-%m}.{kind}"'}
    file = month_file(month_report(month, clock.now()), kind)
    return HttpResponse(file, content_type=CONTENT_TYPES[kind], headers=disposition)
