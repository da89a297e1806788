"""The rules as delivered; each ``migrate`` adds those that are new and leaves what people changed."""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Rule:
    """A rule as delivered. ``causes``: keys of rules whose incidents explain one of this and are reported for both."""

    key: str
    name: str
    after_seconds: int = 60
    threshold: float | None = None
    is_urgent: bool = False
    causes: tuple[str, ...] = ()


RULES = (
    Rule("link", "CTI link down", 60, is_urgent=True),
    Rule("silence", "No events although there should be", 0, threshold=20, causes=("link",)),
    Rule("journal", "Events wait to be folded", 60, threshold=10, is_urgent=True),
    Rule("work", "A worker or beat is not running", 60, is_urgent=True),
    Rule("service", "Recording Service fails", 120, is_urgent=True),
    Rule("missed", "Recording searches missed, percent of the last hour", 300, threshold=5, causes=("service", "work")),
    Rule("waiting", "Flag writes wait", 600, causes=("service", "work")),
    Rule("refused", "Flag writes refused or given up", 0),
    Rule("target", "Flagged share below target", 900, causes=("link", "service", "work", "missed", "users")),
    Rule("users", "QMS users not loaded", 300, causes=("service",)),
    Rule("shift", "Pre-shift check found calls that cannot be flagged", 0),
    Rule("findings", "Comparison with QMS stopped, or open critical findings, number", 0, threshold=0),
    Rule(
        "canary",
        "Canary call failed, or none was made",
        0,
        is_urgent=True,
        causes=("link", "journal", "service", "work"),
    ),
    Rule("bound", "A source is beyond one of its bounds", 0),
    Rule("evidence", "Evidence cannot be sealed, or does not fit its seals", 0),
    Rule("loss", "Restore or data loss noticed", 0, is_urgent=True),
    Rule("disk", "Disk nearly full, percent used", 60, threshold=90, is_urgent=True),
    Rule("certificate", "A certificate ends, days left", 0, threshold=21),
    Rule("delivery", "Alarms cannot be sent", 300),
)
BY_KEY = {rule.key: rule for rule in RULES}


def add_new_rules(**_: Any) -> None:
    """Add the rules that are not there yet. A receiver of ``post_migrate``."""
    from gateway_site.alarms.models import AlarmRule  # noqa: PLC0415  (this module is pure but for this)

    if AlarmRule._meta.db_table not in connection.introspection.table_names():  # noqa: SLF001  (documented by Django)
        return  # Migrated back to before there were alarms.

    for rule in RULES:
        AlarmRule.objects.get_or_create(
            key=rule.key,
            defaults={
                "name": rule.name,
                "after_seconds": rule.after_seconds,
                "threshold": rule.threshold,
                "is_urgent": rule.is_urgent,
            },
        )
        AlarmRule.objects.filter(key=rule.key).exclude(name=rule.name).update(name=rule.name)
