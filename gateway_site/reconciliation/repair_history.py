"""Who repaired a finding: the words that the history keeps, and what they say of one that was found again."""

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from clock.text import shown
from gateway_site.reconciliation.lapsed import why_lapsed
from gateway_site.reconciliation.models import ReconciliationFinding

_GAVE, _SENT = "Gave recording", "Sent the flags of recording"


def repair_act(finding: ReconciliationFinding) -> str:
    """Say what a repair of a finding did, for its history."""
    if finding.candidates:
        return f"{_GAVE} {finding.recording_guid} to leg {finding.candidates[0]}."
    return f"{_SENT} {finding.recording_guid} of leg {finding.leg_id} again."


def repaired_before(finding: ReconciliationFinding) -> str:
    """Say that a finding was repaired and found again; nothing of one that was not, or that stands as repaired."""
    if finding.repaired_at is not None:
        return ""
    if lapsed := why_lapsed(finding):
        return lapsed
    acts = LogEntry.objects.filter(
        Q(change_message__startswith=_GAVE) | Q(change_message__startswith=_SENT),
        content_type=ContentType.objects.get_for_model(ReconciliationFinding),
        object_id=str(finding.pk),
    )
    last = acts.select_related("user").order_by("-action_time", "-pk").first()
    if last is None:
        return ""
    return f"{last.user.get_username()} repaired it ({shown(last.action_time)}), and a later comparison found it again."
