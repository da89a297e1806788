"""The page of the search box, and the list that opens below the box."""

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from gateway_site.find.results import find


@never_cache
@require_GET
@staff_member_required
def find_page(request: HttpRequest) -> HttpResponse:
    """Show what a term finds; with ``list`` the results alone."""
    term = request.GET.get("q", "")
    found = {"groups": find(term, request), "term": term.strip()}
    if "list" in request.GET:
        return TemplateResponse(request, "gateway_site/find_results.html", found)
    context = {**admin.site.each_context(request), "title": "Search", **found}
    return TemplateResponse(request, "gateway_site/find.html", context)
