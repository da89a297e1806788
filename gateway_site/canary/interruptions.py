"""Say whether settings were saved during a canary call: a link that opens again for them is no broken part."""

from datetime import timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

from flags.models import FlagSetting
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.steps import CanaryStep, StepEnd, interrupted

#: Maximum duration from a change of settings until every process works by them and the link is up again.
SETTLES = timedelta(seconds=20)


def excused(call: CanaryCall, end: StepEnd) -> StepEnd:
    """Return a failed step as interrupted where settings of its source or service were saved; once in a row.

    The second call in a row is judged whatever was saved: settings that are saved again and again hide no fault. A
    missing QMS user is a fault at once: the database says so by the new settings as soon as they are saved, and no
    link or other process has to settle first.
    """
    if end.step is CanaryStep.MATCH and call.source.enabled:
        return end
    rows = [one for one in (call.source, call.service) if one is not None]
    saved = " and ".join(str(one) for one in rows if _was_saved(one, call))
    if not saved or _is_second(call):
        return end
    text = f"{end.text} The settings of {saved} were saved just then: this call shows nothing."
    return interrupted(end.step, text)


def were_flags_saved(call: CanaryCall) -> bool:
    """Say whether settings of Flags were saved during a canary call: what was written may be by those of before."""
    return _saved_since(Q(content_type=ContentType.objects.get_for_model(FlagSetting)), call)


def _is_second(call: CanaryCall) -> bool:
    before = CanaryCall.objects.filter(source=call.source_id, extension=call.extension, pk__lt=call.pk).first()
    return before is not None and before.is_interrupted


def _was_saved(row: Model, call: CanaryCall) -> bool:
    of_row = Q(content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk))
    return _saved_since(of_row, call)


def _saved_since(of_rows: Q, call: CanaryCall) -> bool:
    return LogEntry.objects.filter(of_rows, action_flag=CHANGE, action_time__gte=call.began_at - SETTLES).exists()
