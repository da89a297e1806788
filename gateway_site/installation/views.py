"""The page "Test the installation": the steps of ``check_installation``, followed, with a file for support."""

from typing import Any

import msgspec
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

import clock
from gateway_site.installation.runs import ShownRun, begin_run, latest
from gateway_site.installation.steps import InstallationStep, StepState


class SupportReport(msgspec.Struct, frozen=True):
    """What was tested; it holds no secrets, no callers and no agents."""

    steps: list[InstallationStep]


@staff_member_required
@permission_required("qms.view_recordingservice", raise_exception=True)
@require_http_methods(["GET", "POST"])
def test_installation(request: HttpRequest) -> HttpResponse:
    """Show the last test and the button, which begins another; ``download`` gives what is known as one JSON file."""
    if request.method == "POST":
        run: ShownRun | None = begin_run(request.user.get_username(), clock.now())
        if run is not None and run.is_running:
            return HttpResponseRedirect(reverse("test-installation"))
    else:
        run = latest(clock.now())
    if run is not None and "download" in request.GET:
        return _file(run)
    context = {**admin.site.each_context(request), "title": "Test the installation", **_result(run)}
    return TemplateResponse(request, "gateway_site/installation.html", context)


@staff_member_required
@permission_required("qms.view_recordingservice", raise_exception=True)
@require_GET
def installation_steps(request: HttpRequest) -> HttpResponse:
    """Return the steps of the last test alone."""
    return TemplateResponse(request, "gateway_site/installation_steps.html", _result(latest(clock.now())))


def _file(run: ShownRun) -> HttpResponse:
    body = msgspec.json.format(msgspec.json.encode(SupportReport(run.steps)))
    headers = {"Content-Disposition": 'attachment; filename="installation.json"'}
    return HttpResponse(body, content_type="application/json", headers=headers)


def _result(run: ShownRun | None) -> dict[str, Any]:
    taken = run.steps if run else []
    failed = sum(step.state is StepState.FAIL for step in taken)
    waiting = sum(step.state is StepState.NOT_YET for step in taken)
    return {"run": run, "failed": failed, "waiting": waiting, "passed": len(taken) - failed - waiting}
