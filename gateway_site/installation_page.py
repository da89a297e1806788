"""The page "Test the installation": the steps of ``check_installation``, with a file for support."""

from typing import Any

import msgspec
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from gateway_site.installation import State, Step, steps


class Report(msgspec.Struct, frozen=True):
    """What was tested; it holds no secrets, no callers and no agents."""

    steps: list[Step]


@staff_member_required
@permission_required("qms.view_recordingservice", raise_exception=True)
@require_http_methods(["GET", "POST"])
def test_installation(request: HttpRequest) -> HttpResponse:
    """Show the button; with POST go through the steps, and with ``download`` give them as one JSON file."""
    taken = list(steps()) if request.method == "POST" else []
    if taken and "download" in request.POST:
        body = msgspec.json.format(msgspec.json.encode(Report(taken)))
        headers = {"Content-Disposition": 'attachment; filename="installation.json"'}
        return HttpResponse(body, content_type="application/json", headers=headers)
    return TemplateResponse(request, "gateway_site/installation.html", {**_frame(request), **_result(taken)})


def _frame(request: HttpRequest) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": "Test the installation"}


def _result(taken: list[Step]) -> dict[str, Any]:
    failed = sum(step.state is State.FAIL for step in taken)
    waiting = sum(step.state is State.NOT_YET for step in taken)
    return {"steps": taken, "failed": failed, "waiting": waiting, "passed": len(taken) - failed - waiting}
