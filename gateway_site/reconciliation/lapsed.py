"""Let repairs lapse that were not carried out: their findings stand as if nobody had repaired them, and say so."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from calls.api import CARRIED_OUT_WITHIN, lapse, lapsed_decision
from clock.text import shown
from gateway_site.reconciliation.models import ReconciliationFinding


@transaction.atomic
def lapse_late(now: datetime) -> None:
    """Let the repairs lapse that nobody carried out in time; they are offered again, for QMS is read before each."""
    late = ReconciliationFinding.objects.filter(repaired_at__lt=now - CARRIED_OUT_WITHIN, withdrawn_at=None)
    lapsed = lapse_repairs(list(late))
    ReconciliationFinding.objects.filter(pk__in=lapsed).update(is_repairable=True)


def lapse_repairs(findings: Sequence[ReconciliationFinding]) -> set[int]:
    """Let the repairs of findings lapse that were not carried out; return the keys of these findings."""
    legs = lapse([one.candidates[0] for one in findings if one.candidates])
    lapsed = {one.pk for one in findings if one.candidates and one.candidates[0] in legs}
    ReconciliationFinding.objects.filter(pk__in=lapsed).update(repaired_at=None, repaired_by="")
    return lapsed


def why_lapsed(finding: ReconciliationFinding) -> str:
    """Say of a finding whose last repair lapsed that nothing was written, and why; else nothing."""
    if finding.repaired_at is not None:
        return ""
    decision = lapsed_decision(finding.candidates, finding.recording_guid)
    if decision is None:
        return ""
    minutes = int(CARRIED_OUT_WITHIN.total_seconds() // 60)
    return (
        f"{decision.by} repaired it ({shown(decision.at)}), and nothing was written: within {minutes} minutes the"
        " repair was not carried out, or a comparison judged the recording otherwise, so that it lapsed."
    )
