"""The page "Why was this recording not flagged?".

A question is posted: who types a caller's number leaves it in no address. The address of an answer can be passed on, so
a question that names a leg, an extension or a call is led to one.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

import clock
from calls.explain.answers import MAXIMUM_LEGS, Question, answers
from calls.explain.texts.leg_outcome import Explanation

#: Accepted range of times; anything else is a typing error.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class QuestionForm(forms.Form):
    """What is asked."""

    text = forms.CharField(max_length=255)
    at = forms.DateTimeField(
        required=False,
        validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
        input_formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": "A date with a time of day is needed, for example 2026-03-02 09:07."},
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
@permission_required("calls.view_leg", raise_exception=True)
def why_page(request: HttpRequest) -> HttpResponse:
    """Show the form, and with ``text`` the answers."""
    asked = request.POST if request.method == "POST" else request.GET
    form = QuestionForm(asked) if "text" in asked else QuestionForm()
    found = _answers(form) if form.is_bound and form.is_valid() else []
    if request.method == "POST" and any(one.links for one in found):
        return redirect(f"{request.path}?{urlencode({name: asked[name] for name in form.fields if asked.get(name)})}")
    context = {
        **admin.site.each_context(request),
        "title": "Why was this recording not flagged?",
        "form": form,
        "answers": found,
        "is_cut": len(found) == MAXIMUM_LEGS,
        "zone": timezone.get_current_timezone_name(),
    }
    return TemplateResponse(request, "calls/why.html", context)


def _answers(form: QuestionForm) -> list[Explanation]:
    return answers(Question(form.cleaned_data["text"], form.cleaned_data["at"]), clock.now())
