"""The pages "Erase a caller" and "Retention"."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

import clock
from calls.access_log import term_hash
from calls.privacy.erase import ErasureCounts, erase, preview
from calls.privacy.keeping import keepings
from calls.privacy.subject import ErasureSubject, SubjectKind
from cti.api import ArchiveError, JournalUnavailable

KINDS = [(SubjectKind.NUMBER, "number"), (SubjectKind.NAME, "name"), (SubjectKind.INTERACTION, "interaction")]


class ErasureForm(forms.Form):
    """Who is to be erased. Never sent by GET: an address stays in histories and logs."""

    kind = forms.ChoiceField(choices=KINDS)
    value = forms.CharField(max_length=255)


@never_cache
@require_http_methods(["GET", "POST"])
@staff_member_required
@permission_required(["calls.erase_caller", "calls.view_caller"], raise_exception=True)
def erase_page(request: HttpRequest) -> HttpResponse:
    """Ask who, show what it would concern, and erase when that is confirmed."""
    form = ErasureForm(request.POST or None)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": "Erase a caller", "form": form}
    if form.is_bound and form.is_valid():
        subject = ErasureSubject(SubjectKind(form.cleaned_data["kind"]), form.cleaned_data["value"])
        context |= {"counts": _done(request, subject) if "erase" in request.POST else preview(subject)}
        context |= {"is_done": "erase" in request.POST}
    return TemplateResponse(request, "calls/erase_caller.html", context)


@never_cache
@require_GET
@staff_member_required
@permission_required("admin.view_logentry", raise_exception=True)
def retention_page(request: HttpRequest) -> HttpResponse:
    """Show how long everything is kept."""
    context = {**admin.site.each_context(request), "title": "Retention", "keepings": keepings()}
    return TemplateResponse(request, "calls/retention.html", context)


def _done(request: HttpRequest, subject: ErasureSubject) -> ErasureCounts | None:
    try:
        counts = erase(subject, clock.now())
    except JournalUnavailable:
        messages.error(request, "Nothing was erased: the journal's Redis does not answer. Try again when it does.")
        return None
    except ArchiveError as error:
        messages.error(
            request,
            f"Only the journal was searched, and the rest was left. {error}. Repeat this when that is corrected.",
        )
        return None
    record_erasure(int(request.user.pk or 0), subject, counts)
    return counts


def record_erasure(user_id: int, subject: ErasureSubject, counts: ErasureCounts) -> None:
    """Keep the act without the data: the kind and a keyed hash, by which a second request is recognised."""
    text = (
        f"Erased a caller by {subject.kind} (keyed hash {term_hash(subject.value)}): legs: {counts.legs}, "
        f"messages in quarantine: {counts.quarantine}, exports: {counts.exports}."
    )
    LogEntry.objects.create(user_id=user_id, action_flag=CHANGE, object_repr="Erased a caller", change_message=text)
