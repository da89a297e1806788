"""From findings to incidents: begun, changed, ended; what another incident explains is reported with that one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from calls.models import Leg
from gateway_site.alarms.conditions import AlarmFinding, find
from gateway_site.alarms.messages import queue_messages
from gateway_site.alarms.models import AlarmMessage, AlarmRule, Incident, Occasion
from gateway_site.alarms.rules import BY_KEY

#: Legs of an incident are counted up to here.
MAXIMUM_COUNTED = 10_000
#: How long ended incidents and their messages are kept.
KEPT = timedelta(days=90)


def watch(now: datetime) -> None:
    """Look at what is wrong, keep the incidents, queue the messages. Raises ``DatabaseError``."""
    rules = {rule.key: rule for rule in AlarmRule.objects.filter(enabled=True)}
    findings = find(now, {key: rule.threshold for key, rule in rules.items()})
    with transaction.atomic():
        keep_incidents(findings, rules, now)
        AlarmMessage.objects.filter(created_at__lt=now - KEPT).delete()
        Incident.objects.filter(ended_at__lt=now - KEPT).delete()


def keep_incidents(findings: Sequence[AlarmFinding], rules: dict[str, AlarmRule], now: datetime) -> None:
    """Begin, change, open and end incidents. Belongs into a transaction.

    Of findings of the same rule and subject, such as two losses of data within an hour, the first is reported.
    """
    running = {
        (one.rule.key, one.subject): one
        for one in Incident.objects.filter(ended_at=None).select_related("rule").select_for_update(of=("self",))
    }
    first: dict[tuple[str, str], AlarmFinding] = {}
    for finding in findings:
        first.setdefault((finding.rule, finding.subject[:120]), finding)
    for key, finding in first.items():
        found = running.pop(key, None)
        _keep(found or _open_incident(finding, rules[finding.rule], now), finding)
    for gone in running.values():
        _end(gone, now)
    _open_due(now)


def _open_incident(finding: AlarmFinding, rule: AlarmRule, now: datetime) -> Incident:
    return Incident.objects.create(rule=rule, subject=finding.subject[:120], text=finding.text[:500], began_at=now)


def _keep(incident: Incident, finding: AlarmFinding) -> None:
    """Take over the newest sentence; its numbers may change each time, so that alone is no message."""
    if incident.text != finding.text[:500]:
        incident.text = finding.text[:500]
        incident.save(update_fields=["text"])


def _open_due(now: datetime) -> None:
    """Open what has lasted long enough; queue a message, unless an open incident explains it."""
    waiting = Incident.objects.filter(ended_at=None, opened_at=None).select_related("rule").order_by("id")
    due = [one for one in waiting if now - one.began_at >= timedelta(seconds=one.rule.after_seconds)]
    for incident in sorted(due, key=lambda one: len(BY_KEY[one.rule.key].causes)):
        incident.opened_at, incident.caused_by = now, _cause(incident)
        incident.save(update_fields=["opened_at", "caused_by"])
        if incident.caused_by is None:
            queue_messages(incident, Occasion.BEGIN, str(incident.text), now)
        else:
            queue_messages(incident.caused_by, Occasion.CHANGE, f"It also causes: {incident}. {incident.text}", now)


def _cause(incident: Incident) -> Incident | None:
    causes = BY_KEY[incident.rule.key].causes
    running = Incident.objects.filter(ended_at=None, rule__key__in=causes, caused_by=None).exclude(pk=incident.pk)
    return running.select_related("rule").order_by("began_at").first()


def _end(incident: Incident, now: datetime) -> None:
    """End an incident; one that was never opened is forgotten."""
    if incident.opened_at is None:
        incident.delete()
        return
    incident.ended_at, incident.legs_hit = now, _legs_hit(incident, now)
    incident.save(update_fields=["ended_at", "legs_hit"])
    if incident.caused_by_id is None:
        lasted = f"It lasted {_span(now - incident.began_at)}"
        legs = "1 leg was" if incident.legs_hit == 1 else f"{incident.legs_hit:,} legs were"
        queue_messages(incident, Occasion.END, f"{lasted}; {legs} not flagged meanwhile.", now)


def _legs_hit(incident: Incident, now: datetime) -> int:
    legs = Leg.objects.filter(connected_at__gte=incident.began_at, connected_at__lte=now, is_canary=False)
    return legs.exclude(outcome__in=("flagged", "waiting")).order_by()[:MAXIMUM_COUNTED].count()


def _span(lasted: timedelta) -> str:
    minutes = round(lasted.total_seconds() / 60)
    if minutes < 1:
        return f"{lasted.total_seconds():.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
