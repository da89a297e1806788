"""Pages of the canary: how it stands, each call with its steps, and a button for one now."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

import clock
from calls.models import Leg
from clock.text import shown
from cti.models import CanaryWay, CtiSource
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import begin
from gateway_site.canary.standing import failed_step, standings
from gateway_site.canary.steps import CanaryVerdict, not_verified
from history.admin import ReadOnlyAdmin

MAKE = "canary.make_canarycall"
_LABELS = {"passed": "success", "RED": "danger", "under way": "info", "interrupted": "warning"}
_COLOURS = {
    CanaryVerdict.PASSED: "success",
    CanaryVerdict.FAILED: "danger",
    CanaryVerdict.UNVERIFIED: "info",
    CanaryVerdict.INTERRUPTED: "warning",
}


@admin.register(CanaryCall)
class CanaryCallAdmin(ReadOnlyAdmin):
    """Canary calls: what was tried, what it proved, what is broken."""

    list_display = ("began", "source", "extension", "service", "verdict", "found", "lasted", "how", "who")
    list_display_links = ("began",)
    list_filter = (("source", admin.RelatedOnlyFieldListFilter), "is_red")
    list_select_related = ("source", "service")
    list_before_template = "canary/standing.html"
    change_form_outer_before_template = "canary/call.html"
    fields = ("source", "extension", "service", "way", "who", "began_at", "ended_at", "call_id", "recording_guid")
    sortable_by = ()
    list_per_page = 50

    @display(description="Began")
    def began(self, call: CanaryCall) -> str:
        """Return when it began."""
        return shown(call.began_at)

    @display(description="Verdict", label=_LABELS)
    def verdict(self, call: CanaryCall) -> str:
        """Say in a word what came of it."""
        if call.ended_at is None:
            return "under way"
        if call.is_interrupted:
            return "interrupted"
        return "RED" if call.is_red else "passed"

    @display(description="What it found")
    def found(self, call: CanaryCall) -> str:
        """Say what is broken, or what could not be proved."""
        if end := failed_step(call):
            return end.where
        if call.ended_at is None:
            return f"It waits for: {call.get_step_display()}."
        unverified = not_verified(call.ends)
        return f"Not verified: {unverified}." if unverified else "Every part works."

    @display(description="Lasted")
    def lasted(self, call: CanaryCall) -> str:
        """Return how long it took."""
        return f"{((call.ended_at or clock.now()) - call.began_at).total_seconds():.0f} s"

    @display(description="Way")
    def how(self, call: CanaryCall) -> str:
        """Say in two words how it was made; its page says more."""
        return "real call" if call.way == CanaryWay.ORIGINATE else "events alone"

    @display(description="Asked for by")
    def who(self, call: CanaryCall) -> str:
        """Name who asked."""
        return call.asked_by or "the timetable"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Say above the list how each canary stands."""
        own = {"standings": standings(clock.now()), "may_make": request.user.has_perm(MAKE)}
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Add the steps."""
        call = self.get_object(request, object_id or "")
        steps = [{"end": one, "colour": _COLOURS[one.verdict]} for one in call.ends] if call else []
        failed = failed_step(call) if call else None
        extra = {
            "steps": steps,
            "failed": failed,
            "unverified": not_verified(call.ends) if call else "",
            "failed_colour": _COLOURS[failed.verdict] if failed else "",
            # A leg is kept for a shorter time than its canary call may be.
            "leg": Leg.objects.filter(pk=call.leg_id or 0).first() if call else None,
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        """Add the page of the button."""
        return [path("make/", self.admin_site.admin_view(self.make), name="canary_make"), *super().get_urls()]

    def make(self, request: HttpRequest) -> HttpResponse:
        """Ask for a confirmation, and begin a canary call; a worker carries it on."""
        if not request.user.has_perm(MAKE):
            raise PermissionDenied
        if request.method == "POST":
            return self._made(request)
        context = {**self.admin_site.each_context(request), "title": "Make a canary call now"}
        return TemplateResponse(request, "canary/confirm.html", {**context, "standings": standings(clock.now())})

    def _made(self, request: HttpRequest) -> HttpResponseRedirect:
        source = get_object_or_404(CtiSource, slug=request.POST.get("source", ""), enabled=True)
        extension = request.POST.get("extension", "")
        if extension not in map(str, source.canary_extensions):
            raise PermissionDenied
        call = begin(source, extension, request.user.get_username(), clock.now())
        if call is None:
            messages.info(request, "A canary call of this test extension is under way already.")
        else:
            LogEntry.objects.log_actions(request.user.pk or 0, [call], ADDITION, "Asked for now.", single_object=True)
            messages.success(request, "The canary call begins within seconds; its steps appear on its page.")
        return HttpResponseRedirect(reverse("admin:canary_canarycall_changelist"))
