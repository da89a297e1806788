"""The page "Shadow comparison": how far two gateways agree, and the switch with its confirmation and history."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

import clock
from clock.text import shown
from flags.catalogue.redaction import HARMLESS, HIDDEN
from flags.models import FlagSetting, ShadowComparison, ShadowDifference
from flags.shadow.summary import examples_of, summary_of
from flags.shadow.verdicts import WORDS, ShadowVerdict, marked
from qms.models import RecordingService

SEE_CALLERS = "calls.view_caller"
SWITCH = "qms.switch_shadow"
#: Reasons that the examples can be chosen by.
REASONS = tuple(
    (str(one), words) for one, words in WORDS.items() if one not in (ShadowVerdict.SAME, ShadowVerdict.NOT_OURS)
)


class ShownDifference(msgspec.Struct, frozen=True):
    """A difference as a person may see it."""

    leg_id: int
    at: str
    name: str
    reason: str
    ours: str
    theirs: str


@never_cache
@require_GET
@staff_member_required
@permission_required("flags.view_flagwrite", raise_exception=True)
def shadow_page(request: HttpRequest) -> HttpResponse:
    """Show a service's comparison; without one chosen, the first that is in shadow mode."""
    now, context = clock.now(), {**admin.site.each_context(request), "title": "Shadow comparison"}
    services = list(RecordingService.objects.order_by("-shadow", "slug"))
    slug, flag, reason = (request.GET.get(key, "")[:64] for key in ("service", "flag", "reason"))
    chosen = next((one for one in services if one.slug == slug), services[0] if services else None)
    if chosen is not None:
        if slug and slug != chosen.slug:
            messages.warning(request, f"There is no Recording Service “{slug}”: this is {chosen.slug}.")
        reason = reason if reason in dict(REASONS) else ""
        context |= {
            "service": chosen,
            "summary": summary_of(chosen, now),
            "state": _state(chosen),
            "flag": flag,
            "reason": reason,
            "reasons": REASONS,
            "examples": _examples(request, chosen, flag, reason),
            "may_switch": request.user.has_perm(SWITCH),
        }
    return TemplateResponse(request, "flags/shadow.html", {**context, "services": services})


@require_POST
@staff_member_required
@permission_required(SWITCH, raise_exception=True)
def switch_shadow(request: HttpRequest, service_id: int) -> HttpResponse:
    """Ask once more, then begin or stop writing; the act stands in the service's history."""
    service = get_object_or_404(RecordingService, pk=service_id)
    is_wanted = request.POST.get("shadow") == "on"
    if request.POST.get("confirmed") != "yes":
        context = {
            **admin.site.each_context(request),
            "title": "Stop writing" if is_wanted else "Begin writing",
            "service": service,
            "is_wanted": is_wanted,
            "summary": summary_of(service, clock.now()),
        }
        return TemplateResponse(request, "flags/confirm_shadow.html", context)
    if _switch(service_id, request, is_wanted=is_wanted):
        messages.success(request, "It writes nothing from now on." if is_wanted else "It writes flags from now on.")
    return HttpResponseRedirect(f"{reverse('shadow')}?service={service.slug}")


@transaction.atomic
def _switch(service_id: int, request: HttpRequest, *, is_wanted: bool) -> bool:
    """Switch, and keep who did it. Returns False where another was quicker."""
    service = RecordingService.objects.select_for_update().get(pk=service_id)
    if service.shadow == is_wanted:
        return False
    service.shadow = is_wanted
    service.save(update_fields=["shadow"])
    said = "Shadow mode: it writes nothing from now on." if is_wanted else "It begins to write flags: no shadow mode."
    sentence = summary_of(service, clock.now()).sentence
    text = said if is_wanted else f"{said} {sentence}"
    LogEntry.objects.log_actions(request.user.pk or 0, [service], CHANGE, text, single_object=True)
    return True


def _state(service: RecordingService) -> str:
    if service.shadow:
        return "Shadow mode: this gateway writes nothing to it. Another gateway writes, and what it wrote is compared."
    if service.writing_since is None:
        return "This gateway writes the flags of its recordings. It was never in shadow mode."
    since = shown(service.writing_since)
    return (
        f"This gateway writes the flags of the legs that were connected since {since}. What was before stays as it is."
    )


def _examples(request: HttpRequest, service: RecordingService, flag: str, reason: str) -> Sequence[ShownDifference]:
    harmless = set(FlagSetting.objects.filter(field__in=HARMLESS).values_list("name", flat=True))
    sees_all = request.user.has_perm(SEE_CALLERS)
    return [_shown(one, may_see=sees_all or one.name in harmless) for one in examples_of(service, flag, reason)]


def _shown(one: ShadowDifference, *, may_see: bool) -> ShownDifference:
    comparison: ShadowComparison = one.comparison
    at: datetime = comparison.at
    ours, theirs = (text if may_see or not text else HIDDEN for text in (one.ours, one.theirs))
    if may_see and one.reason == ShadowVerdict.OTHER_FORMAT:
        ours, theirs = marked(ours), marked(theirs)
    return ShownDifference(comparison.write.leg_id, shown(at), one.name, WORDS[ShadowVerdict(one.reason)], ours, theirs)
