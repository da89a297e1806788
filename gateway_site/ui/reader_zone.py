"""The time zone in which a person reads: a preference of the browser; without one the site's.

Only how a moment is written follows it. A day, "today" and the ends of a filter are always those of the site's clock,
so that a link and a number mean the same to everybody.
"""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from gateway_site.middleware import Handler
from gateway_site.ui.preference import keep_preference

COOKIE = "time_zone"


class ReaderZone:
    """Writes the moments of a page in the reader's time zone."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(COOKIE, "")
        if not request.path_info.startswith("/admin/") or name not in _names():
            return self._get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self._get_response(request)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def zone_page(request: HttpRequest) -> HttpResponse:
    """Show and set the time zone in which this browser's pages write moments."""
    if request.method == "POST":
        return _chosen(request, request.POST.get("zone", ""))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Time zone",
        "site_zone": timezone.get_default_timezone_name(),
        "zones": sorted(_names()),
        "chosen": request.COOKIES.get(COOKIE, ""),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "gateway_site/zone.html", context)


def _chosen(request: HttpRequest, name: str) -> HttpResponse:
    answer = redirect("time-zone")
    if name in _names():
        keep_preference(answer, COOKIE, name)
        messages.success(request, f"Times are written in {name} in this browser.")
    elif name:
        messages.error(request, f"There is no time zone {name[:60]!r}; choose one of the list.")
    else:
        keep_preference(answer, COOKIE, "")
        messages.success(request, f"Times are written in the site's zone, {timezone.get_default_timezone_name()}.")
    return answer


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
