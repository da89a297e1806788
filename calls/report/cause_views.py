"""The pages of causes: all of the last days, and each with what to do and what was decided."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

import clock
from calls.models import CauseDecision, CauseState
from calls.report.causes import DAYS, CauseReport, cause_report, causes

DECIDE = "calls.change_causedecision"


class DecisionForm(forms.Form):
    """What is decided about a cause, and why."""

    state = forms.ChoiceField(choices=CauseState.choices)
    reason = forms.CharField(max_length=200, error_messages={"required": "Give the reason: it is shown to all."})


@never_cache
@require_GET
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def cause_list(request: HttpRequest) -> HttpResponse:
    """List the causes of the last days, open ones first."""
    context = {**admin.site.each_context(request), "title": "Causes", "causes": causes(clock.now()), "days": DAYS}
    return TemplateResponse(request, "calls/causes.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def cause_page(request: HttpRequest, outcome: str) -> HttpResponse:
    """Show a cause, named by its outcome and ``reason``; with POST keep what is decided about it."""
    found = cause_report(outcome, request.GET.get("reason", "").replace("\0", "")[:40], clock.now())
    if found is None:
        raise Http404
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not request.user.has_perm(DECIDE):
            raise PermissionDenied
        if form.is_valid():
            _decide(request, found, form.cleaned_data["state"], form.cleaned_data["reason"].strip())
            return redirect(request.get_full_path())
    context = {
        **admin.site.each_context(request),
        "title": found.summary.name,
        "found": found,
        "form": form,
        "days": DAYS,
        "may_decide": request.user.has_perm(DECIDE),
        "trend": {"days": [f"{one.day}" for one in found.trend], "unflagged": [one.tally.legs for one in found.trend]},
    }
    return TemplateResponse(request, "calls/cause.html", context)


def _decide(request: HttpRequest, found: CauseReport, state: str, reason: str) -> None:
    """Keep a decision in place of the one before, and record it in the history."""
    row, _ = CauseDecision.objects.update_or_create(
        outcome=found.summary.outcome,
        reason_code=found.summary.reason_code,
        defaults={"state": state, "reason": reason, "by": request.user.get_username(), "at": clock.now()},
    )
    text = f"{CauseState(state).label.capitalize()}: {reason}"
    LogEntry.objects.log_actions(request.user.pk or 0, [row], CHANGE, text, single_object=True)
    messages.info(request, f"{found.summary.name.capitalize()} is {CauseState(state).label} now.")
