"""The page of the search box, and the list that opens below the box."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

import clock
from calls.api import CALLER, CallerViewKind, record_view, term_hash
from gateway_site.find.results import HitGroup, find


@never_cache
@require_http_methods(["GET", "POST"])
@staff_member_required
def find_page(request: HttpRequest) -> HttpResponse:
    """Show what a term finds; with ``list`` the results alone.

    The boxes post it, for it may be a caller's number. By GET, an address that was passed on, it finds no callers.
    """
    given = request.POST if request.method == "POST" else request.GET
    term = given.get("q", "")
    groups = find(term, request)
    _record_callers(request, term, groups)
    found = {"groups": groups, "term": term.strip()}
    if "list" in given:
        return TemplateResponse(request, "gateway_site/find_results.html", found)
    context = {**admin.site.each_context(request), "title": "Search", **found}
    return TemplateResponse(request, "gateway_site/find.html", context)


def _record_callers(request: HttpRequest, term: str, groups: list[HitGroup]) -> None:
    """Record the search where it found callers."""
    shown = sum(len(one.hits) for one in groups if one.name == CALLER)
    if shown:
        record_view(request.user, CallerViewKind.SEARCH, clock.now(), term_hash=term_hash(term), shown=shown)
