"""The pages of comparisons: ask for one, see how far each is and what it came to."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.text import Truncator
from django.views.decorators.http import require_GET
from unfold.decorators import display

from gateway_site.reconciliation.models import ReconciliationRun
from gateway_site.reconciliation.panel import run_panel
from gateway_site.reconciliation.run_form import RunForm
from gateway_site.reconciliation.runs import share_right
from history.admin import RecordedAdmin

#: Maximum length of a reason in the list, in characters; the page of a comparison has the whole.
MAXIMUM_REASON = 80


def _unbroken(parts: Sequence[str]) -> str:
    """Write parts one after the other, where the line may break between them alone."""
    return format_html_join(" ", '<span class="qg-unbroken">{}</span>', ((part,) for part in parts))


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(RecordedAdmin):
    """Ask for a reconciliation, and see how far it is."""

    form = RunForm
    list_display = ("period", "service", "progress", "share_right", "found", "compared", "asker")
    list_select_related = ("service",)
    list_filter = ("service",)
    fields = ("service", "begin", "end")
    change_form_outer_before_template = "reconciliation/above_run.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A run is the worker's."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Runs are kept as long as legs are."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Note who asked, say what of the time is not compared, and ask for the other services' too."""
        for run in form.runs:
            run.asked_by = request.user.get_username()[:150]
        for line in form.cut:
            messages.warning(request, line)
        super().save_model(request, obj, form, change)
        obj.is_one_of_several = len(form.runs) > 1
        for run in form.runs[1:]:
            run.save()
            self.log_addition(request, run, self.construct_change_message(request, RunForm(instance=run), (), add=True))
        if obj.is_one_of_several:
            messages.success(request, f"{len(form.runs)} comparisons are asked for, one of each Recording Service.")

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Lead to the run, where its progress stands; of several services to the list."""
        if obj.is_one_of_several:
            return HttpResponseRedirect(reverse("admin:reconciliation_reconciliationrun_changelist"))
        return HttpResponseRedirect(reverse("admin:reconciliation_reconciliationrun_change", args=[obj.pk]))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Add what a run came to."""
        run = self.get_object(request, object_id or "")
        extra = {"zone": settings.TIME_ZONE, "panel": run_panel(run) if run is not None else None}
        return super().changeform_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the panel."""
        panel = self.admin_site.admin_view(require_GET(self.panel_view))
        return [path("<int:run_id>/panel/", panel, name="reconciliation_run_panel"), *super().get_urls()]

    def panel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Return what a run came to alone: it asks for itself while the run is under way."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        panel = run_panel(get_object_or_404(ReconciliationRun, pk=run_id))
        return TemplateResponse(request, "reconciliation/run_panel.html", {"panel": panel})

    @display(description="Time compared", ordering="begin")
    def period(self, run: ReconciliationRun) -> str:
        """Name the time in one cell, its day once."""
        begin, end = timezone.localtime(run.begin), timezone.localtime(run.end)
        same_day, same_zone = begin.date() == end.date(), begin.utcoffset() == end.utcoffset()
        first = f"{begin:%Y-%m-%d %H:%M}" if same_zone else f"{begin:%Y-%m-%d %H:%M %Z}"
        return _unbroken([first, f"to {end:%H:%M %Z}" if same_day else f"to {end:%Y-%m-%d %H:%M %Z}"])

    @display(description="Asked by", ordering="asked_by")
    def asker(self, run: ReconciliationRun) -> str:
        """Name who asked for it."""
        return run.asked_by or "the daily comparison"

    @display(description="Compared")
    def compared(self, run: ReconciliationRun) -> str:
        """Say of how many recordings and legs the figures are, and how many recordings could not be read."""
        unreadable = [f"{run.unreadable:,} not readable,"] if run.unreadable else []
        return _unbroken([f"{run.recordings:,} recordings,", *unreadable, f"{run.legs:,} legs"])

    @display(description="Findings", ordering="findings")
    def found(self, run: ReconciliationRun) -> str:
        """Return how many findings there were."""
        return f"{run.findings:,}"

    @display(description="Labelled right")
    def share_right(self, run: ReconciliationRun) -> str:
        """Say which share of the recordings has no critical or major finding; never rounded up."""
        return share_right(run)

    @display(description="Progress")
    def progress(self, run: ReconciliationRun) -> str:
        """Say how far it is, in percent of the time to compare, and why it stopped or tries again."""
        share = (run.compared_until - run.begin) / (run.end - run.begin)
        state = f"{share:.0%}" if run.done_at is None else "stopped" if run.error else "done"
        return f"{state}: {Truncator(run.error).chars(MAXIMUM_REASON)}" if run.error else state
