"""The page "Live calls" and the fragment with which it updates itself."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

import clock
from calls.access_log import record_view
from calls.models import CallerViewKind
from calls.ui.live import Live, LiveFilter, live_calls

#: The permission to see who called; without it callers are hidden.
SEE_CALLERS = "calls.view_caller"
#: Maximum length of a filter's text, in characters.
MAXIMUM_TEXT = 255
#: The page fetches itself every two seconds; that somebody watches it is recorded this often, in seconds.
RECORD_SECONDS = 300
RECORDED_AT = "live_calls_recorded_at"


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def live_page(request: HttpRequest) -> HttpResponse:
    """Show the calls in progress; the page then fetches the fragment by itself."""
    context = {
        **admin.site.each_context(request),
        "title": "Live calls",
        "live": _live(request),
        "wanted": _wanted(request),
    }
    return TemplateResponse(request, "calls/live.html", context)


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def live_fragment(request: HttpRequest) -> HttpResponse:
    """Return what changes on the page, and nothing else."""
    return TemplateResponse(request, "calls/live_rows.html", {"live": _live(request)})


def _live(request: HttpRequest) -> Live:
    may_see, now = request.user.has_perm(SEE_CALLERS), clock.now()
    live = live_calls(_wanted(request), now, may_see_callers=may_see)
    shown = sum(bool(leg.caller) for leg in live.legs)
    if may_see and shown and now.timestamp() - request.session.get(RECORDED_AT, 0) >= RECORD_SECONDS:
        request.session[RECORDED_AT] = now.timestamp()
        record_view(request.user, CallerViewKind.LIVE, now, shown=shown)
    return live


def _wanted(request: HttpRequest) -> LiveFilter:
    """Read the filter; a NUL character is in no name and no database takes one."""
    texts = (request.GET.get(name, "").replace("\0", "").strip() for name in ("extension", "agent", "queue"))
    return LiveFilter(*(text[:MAXIMUM_TEXT] for text in texts))
