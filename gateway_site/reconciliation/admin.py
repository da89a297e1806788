"""Pages of the reconciliation: comparisons, and findings that are judged one by one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

import clock
from calls.api import SEE_CALLERS, CallerViewKind, NotAssignable, record_view
from calls.models import Leg
from gateway_site.reconciliation.beside import (
    lacking_flags,
    leg_beside,
    next_links,
    other_services,
    since_then,
    values_erased,
    values_to_write,
)
from gateway_site.reconciliation.filters import CauseFilter, FindingStateFilter
from gateway_site.reconciliation.models import STANDS, ReconciliationFinding
from gateway_site.reconciliation.panel import in_short, standing_causes
from gateway_site.reconciliation.repair import repair
from gateway_site.reconciliation.repair_history import repair_act, repaired_before
from gateway_site.reconciliation.runs import why_never_written
from gateway_site.reconciliation.runs_admin import ReconciliationRunAdmin
from gateway_site.reconciliation.side_by_side import SideBySide, differing_values
from gateway_site.reconciliation.texts import cause_words, text_of
from history.admin import ReadOnlyAdmin
from qms.api import connect
from qms.port import QmsError, RecordingNotFound, UnknownFlag

__all__ = ["ReconciliationFindingAdmin", "ReconciliationRunAdmin"]  # Django looks for pages here alone.

#: Maximum number of findings that are repaired at once.
MAXIMUM_REPAIRS = 200
#: Maximum number of recordings that are named for a reason why they could not be.
MAXIMUM_NAMED = 3
#: Maximum number of legs that are shown beside a recording.
MAXIMUM_LEGS = 20
#: Maximum number of findings that are acknowledged at once.
MAXIMUM_ACKNOWLEDGED = 5_000
_COLOURS = {"critical": "danger", "major": "warning", "minor": "info"}


def _refusal(reason: str, recordings: Sequence[str]) -> str:
    """Say why recordings were not repaired; the first of many are named."""
    named = ", ".join(recordings[:MAXIMUM_NAMED])
    more = len(recordings) - MAXIMUM_NAMED
    which = f"{len(recordings)} recordings were not repaired ({named}{f' and {more} more' if more > 0 else ''})"
    return f"{which if len(recordings) > 1 else named}: {reason}"


def _compared_value(one: SideBySide) -> tuple[int, str]:
    """Say what QMS and the gateway have of a flag, with the level of the message."""
    if one.is_erased:
        words = "{}: QMS has “{}”; what the gateway wrote is not known since the caller was erased."
        return messages.INFO, format_html(words, one.name, one.in_qms)
    level = messages.WARNING if one.differs else messages.SUCCESS
    return level, format_html("{}: QMS has “{}”, the gateway wrote “{}”.", one.name, one.in_qms, one.written)


@admin.register(ReconciliationFinding)
class ReconciliationFindingAdmin(ReadOnlyAdmin):
    """What differs between QMS and the gateway: what happened, why, and what to do."""

    list_display = ("grade_label", "kind", "cause_words", "extension", "began_at", "state")
    list_display_links = ("kind",)
    list_filter = (
        FindingStateFilter,
        ("withdrawn_at", admin.EmptyFieldListFilter),  # Reports that were sent have links with it.
        "grade",
        "kind",
        CauseFilter,
        "is_repairable",
        ("service", admin.RelatedOnlyFieldListFilter),
    )
    search_fields = ("recording_guid", "extension")
    # What stands comes first, then the worst: critical, major, minor is also the order of the words.
    ordering = (Case(When(STANDS, then=Value(0)), default=Value(1)), "grade", "-began_at", "-id")
    list_before_template = "reconciliation/above_findings.html"
    change_form_outer_before_template = "reconciliation/finding.html"
    actions = ("repair_selected", "acknowledge_selected")
    fields = (
        "service",
        "source",
        "extension",
        "began_at",
        "ended_at",
        "recording_guid",
        "found_at",
        "seen_at",
        "withdrawn_at",
    )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Say first what stands, by cause."""
        causes = standing_causes(ReconciliationFinding.objects.all(), {})
        return super().changelist_view(
            request, {"causes": causes, "in_short": in_short(causes), **(extra_context or {})}
        )

    @display(description="Grade", label=_COLOURS, ordering="grade")
    def grade_label(self, finding: ReconciliationFinding) -> str:
        """Name the grade."""
        return finding.grade

    @display(description="Cause", ordering="cause")
    def cause_words(self, finding: ReconciliationFinding) -> str:
        """Name the cause in words."""
        return cause_words(finding.cause)

    @display(description="State")
    def state(self, finding: ReconciliationFinding) -> str:
        """Say whether it still holds."""
        if finding.repaired_at is not None:
            return f"repaired by {finding.repaired_by}{', not in QMS yet' if finding.stands else ''}"
        if finding.withdrawn_at is not None:
            return "withdrawn"
        if finding.acknowledged_at is not None:
            return f"noted by {finding.acknowledged_by}"
        if finding.is_repairable and finding.cause == UnknownFlag.code:
            return "create the Flag in QMS, then repair"
        return "can be repaired" if finding.is_repairable else "open"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Add the sentences, and the legs that the recording may belong to."""
        finding = self.get_object(request, object_id or "")
        if finding is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        never = why_never_written(finding.service, finding.began_at)
        wanted = finding.candidates or ([finding.leg_id] if finding.leg_id else [])
        legs = Leg.objects.filter(id__in=wanted).order_by("connected_at")[:MAXIMUM_LEGS]
        extra = {
            "text": text_of(finding.kind, finding.cause),
            "legs": [leg_beside(leg, finding) for leg in legs],
            "since_then": since_then(finding),
            "erased": "" if finding.withdrawn_at else values_erased(finding),
            "repaired_before": repaired_before(finding),
            "links": next_links(finding),
            "may_acknowledge": self.has_repair_permission(request)
            and finding.stands
            and finding.acknowledged_at is None,
            "grade": finding.grade,
            "never_written": never,
            "other_services": "" if finding.withdrawn_at or never else other_services(finding),
            "lacking": lacking_flags(finding) if finding.cause == UnknownFlag.code else (),
            "lacks_flag": finding.cause == UnknownFlag.code,
            "may_repair": self.has_repair_permission(request) and finding.is_repairable and not never,
            "may_read": request.user.has_perm(SEE_CALLERS) and bool(finding.recording_guid),
            **(extra_context or {}),
        }
        return super().changeform_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the button."""
        read = self.admin_site.admin_view(require_POST(self.read_flags))
        repair_one = self.admin_site.admin_view(self.repair_finding)
        note = self.admin_site.admin_view(require_POST(self.acknowledge_finding))
        return [
            path("<int:finding_id>/acknowledge/", note, name="reconciliation_acknowledge"),
            path("<int:finding_id>/read/", read, name="reconciliation_read_flags"),
            path("<int:finding_id>/repair/", repair_one, name="reconciliation_repair"),
            *super().get_urls(),
        ]

    def has_repair_permission(self, request: HttpRequest) -> bool:
        """Say whether this person may give recordings to legs."""
        return request.user.has_perm("reconciliation.repair_finding")

    @admin.action(description="Repair: give recordings to their legs, send flags again", permissions=["repair"])
    def repair_selected(
        self, request: HttpRequest, queryset: QuerySet[ReconciliationFinding]
    ) -> TemplateResponse | None:
        """Ask once more, then repair each selected finding that can be, and say what came of the others."""
        wanted = list(queryset.filter(is_repairable=True).select_related("service")[:MAXIMUM_REPAIRS])
        if not wanted:
            messages.warning(request, "None of the selected findings can be repaired; the page of each says why.")
            return None
        if request.POST.get("confirmed") != "yes":
            return self._confirmation(
                request, wanted, {"action": "repair_selected", "selected": [one.pk for one in wanted]}
            )
        refused: dict[str, list[str]] = defaultdict(list)
        for finding in wanted:
            if reason := self._repair(request, finding):
                refused[reason].append(finding.recording_guid or str(finding))
        done = len(wanted) - sum(map(len, refused.values()))
        level = messages.SUCCESS if done else messages.WARNING
        follow = "; flags follow" if done else ""
        messages.add_message(request, level, f"{done} of {len(wanted)} recordings repaired{follow}.")
        for reason, recordings in refused.items():
            messages.error(request, _refusal(reason, recordings))
        return None

    @admin.action(description="Acknowledge: critical ones raise no alarm any more", permissions=["repair"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[ReconciliationFinding]) -> None:
        """Take note of the selected findings, which stay as they are."""
        count = self._acknowledge(request, queryset)
        messages.success(request, f"{count} acknowledged. They stay listed until a comparison no longer finds them.")

    def acknowledge_finding(self, request: HttpRequest, finding_id: int) -> HttpResponseRedirect:
        """Take note of one finding, from its page."""
        if not self.has_repair_permission(request):
            raise PermissionDenied
        finding = get_object_or_404(ReconciliationFinding, pk=finding_id)
        self._acknowledge(request, ReconciliationFinding.objects.filter(pk=finding.pk))
        messages.success(request, "Acknowledged: it raises no alarm. It stays until a comparison no longer finds it.")
        return HttpResponseRedirect(reverse("admin:reconciliation_reconciliationfinding_change", args=[finding_id]))

    def _acknowledge(self, request: HttpRequest, queryset: QuerySet[ReconciliationFinding]) -> int:
        rows = list(queryset.filter(acknowledged_at=None)[:MAXIMUM_ACKNOWLEDGED])
        noted = ReconciliationFinding.objects.filter(pk__in=[row.pk for row in rows])
        count = noted.update(acknowledged_at=clock.now(), acknowledged_by=request.user.get_username()[:150])
        LogEntry.objects.log_actions(request.user.pk or 0, rows, CHANGE, "Acknowledged the finding.")
        return count

    def repair_finding(self, request: HttpRequest, finding_id: int) -> HttpResponse:
        """Ask once more, then give one recording to its leg; the question that is loaded again leads to the finding."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:reconciliation_reconciliationfinding_change", args=[finding_id]))
        if not self.has_repair_permission(request):
            raise PermissionDenied
        finding = get_object_or_404(ReconciliationFinding.objects.select_related("service"), pk=finding_id)
        if finding.is_repairable and request.POST.get("confirmed") != "yes":
            return self._confirmation(request, [finding], {})
        if reason := self._repair(request, finding):
            messages.error(request, _refusal(reason, [finding.recording_guid or str(finding)]))
        else:
            messages.success(request, "Done; the flags are written in a moment.")
        return HttpResponseRedirect(reverse("admin:reconciliation_reconciliationfinding_change", args=[finding_id]))

    def _confirmation(
        self, request: HttpRequest, findings: Sequence[ReconciliationFinding], chosen: Mapping[str, object]
    ) -> TemplateResponse:
        """Ask whether to repair; ``chosen``: what the answer has to say beside the yes."""
        keys = {key for one in findings for key in (*one.candidates, one.leg_id) if key is not None}
        legs = Leg.objects.in_bulk(keys)
        may_see = request.user.has_perm(SEE_CALLERS)
        pairs = [
            (one, leg, values_to_write(one, leg, may_see_callers=may_see))
            for one in findings
            for leg in [legs.get((one.candidates or [one.leg_id])[0])]
        ]
        if may_see:
            for one, leg, _ in pairs:
                leg_id = leg.pk if leg else one.leg_id
                record_view(request.user, CallerViewKind.FLAGS, clock.now(), leg_id=leg_id, shown=1)
        context = {
            **self.admin_site.each_context(request),
            "title": "Repair 1 recording" if len(pairs) == 1 else f"Repair {len(pairs)} recordings",
            "pairs": pairs,
            "chosen": chosen,
        }
        return TemplateResponse(request, "reconciliation/confirm_repair.html", context)

    def _repair(self, request: HttpRequest, finding: ReconciliationFinding) -> str:
        """Repair a finding and record the act; return why it cannot be, or nothing."""
        by = request.user.get_username()
        try:
            repair(finding, by, connect, clock.now())
        except (NotAssignable, QmsError) as error:
            return str(error)
        LogEntry.objects.log_actions(request.user.pk or 0, [finding], CHANGE, repair_act(finding), single_object=True)
        return ""

    def read_flags(self, request: HttpRequest, finding_id: int) -> HttpResponseRedirect:
        """Read the recording's flags from QMS now, and show them beside what the gateway wrote."""
        if not (self.has_view_permission(request) and request.user.has_perm(SEE_CALLERS)):
            raise PermissionDenied
        finding = get_object_or_404(ReconciliationFinding.objects.select_related("service"), pk=finding_id)
        page = HttpResponseRedirect(reverse("admin:reconciliation_reconciliationfinding_change", args=[finding_id]))
        if not finding.recording_guid:
            messages.error(request, "The finding is of a leg without a recording: there are no flags to read.")
            return page
        record_view(request.user, CallerViewKind.FLAGS, clock.now(), leg_id=finding.leg_id, shown=1)
        try:
            for one in differing_values(finding.recording_guid, connect(finding.service)):
                messages.add_message(request, *_compared_value(one))
        except RecordingNotFound:
            messages.error(request, "QMS does not have this recording.")
        except QmsError as error:
            messages.error(request, f"The flags could not be read: {error}")
        return page
