"""The panel of a Recording Service's page about its recording searches; it polls."""

from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

import clock
from calls.stats.search_summary import service_searches
from qms.models import RecordingService


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_recordingsearch", raise_exception=True)
def searches_panel(request: HttpRequest, service_id: int) -> HttpResponse:
    """Show a service's searches: asked, found, after how long, missed and why."""
    service = get_object_or_404(RecordingService, pk=service_id)
    context = {"service": service, "searches": service_searches(service.pk, clock.now())}
    return TemplateResponse(request, "calls/searches_panel.html", context)
