"""The page of the test call: asks for an extension, then follows the first call there by itself."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

import clock
from gateway_site.installation.trial_call import follow, is_over

#: Maximum length of an extension, in characters.
MAXIMUM_EXTENSION = 255


@staff_member_required
@permission_required(["qms.view_recordingservice", "calls.view_leg"], raise_exception=True)
@require_http_methods(["GET", "POST"])
def trial_call(request: HttpRequest) -> HttpResponse:
    """Ask for the extension; with POST say how far its call is, to htmx the part that changes alone."""
    extension = request.POST.get("extension", "").strip()[:MAXIMUM_EXTENSION]
    context = _call_context(extension, _since(request)) if extension else {}
    if "HX-Request" in request.headers:
        return TemplateResponse(request, "gateway_site/trial_call_steps.html", context)
    frame = {**admin.site.each_context(request), "title": "Test call"}
    return TemplateResponse(request, "gateway_site/trial_call.html", {**frame, **context})


def _call_context(extension: str, since: datetime) -> dict[str, Any]:
    steps, leg = follow(extension, since)
    return {"steps": steps, "leg": leg, "extension": extension, "since": since.isoformat(), "is_over": is_over(leg)}


def _since(request: HttpRequest) -> datetime:
    """Return when the following began: with the first POST."""
    try:
        since = parse_datetime(request.POST.get("since", ""))
    except ValueError:
        since = None
    return since if since is not None and since.tzinfo else clock.now()
