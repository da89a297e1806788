"""How long every table and stream is kept, and by what it is forgotten: the list behind the page and the manual."""

from datetime import datetime, timedelta

import msgspec
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import Model

from agents.models import AgentSessionRecord, ShiftCheck, UserRefresh
from calls.models import Gap
from cti.models import QuarantinedMessage

#: Rows deleted in one transaction.
AT_ONCE = 2000
#: Old rows are forgotten by a time column, where nothing else forgets them.
_BY_AGE: tuple[tuple[type[Model], str], ...] = (
    (LogEntry, "action_time"),
    (AgentSessionRecord, "until"),
    (ShiftCheck, "at"),
    (UserRefresh, "finished_at"),
    (Gap, "ended_at"),
    (QuarantinedMessage, "at"),
)


class Keeping(msgspec.Struct, frozen=True):
    """One kind of data: what it is, what it says of people, and how long it is kept."""

    what: str
    holds: str
    kept: str
    forgotten_by: str


def keepings() -> list[Keeping]:
    """Return the whole list, with the site's own figures."""
    days, hours = f"{settings.RETENTION_DAYS} days", f"{settings.JOURNAL_KEEP_HOURS} hours after they were used"
    setting = "RETENTION_DAYS, hourly"
    return [
        Keeping("Legs, recording searches, flag writes", "callers, agents", days, setting),
        Keeping("Evidence: what was decided and written", "extensions; values only as salted hashes", days, setting),
        Keeping("Evidence: hashes, daily seals, keys", "nobody", "for good", "nothing"),
        Keeping("Counts for dashboard and reports", "agents and queues, no callers", days, setting),
        Keeping("Journal of events (Redis)", "callers, agents", hours, "JOURNAL_KEEP_HOURS, hourly"),
        Keeping("Archive of the journal (files)", "callers, agents", _archive(), "ARCHIVE_DAYS, each minute"),
        Keeping(
            "Erased events: of which calls (Redis, archive)",
            "ids of calls alone",
            f"{_archive()}; in Redis the last 10,000 steps",
            "as the archive",
        ),
        Keeping("Call cache", "callers", "until the call is over, and a few minutes", "the consumer"),
        Keeping("Listeners' spools (files)", "callers, agents", "while Redis is away", "the listener"),
        Keeping("Quarantined messages", "callers, agents", days, setting),
        Keeping("Exports (files)", "callers, if asked for with them; agents", "7 days", "the export's own end, hourly"),
        Keeping("Agents and their names", "agents", "while the source exists", "deleting the source"),
        Keeping("Agent sessions, pre-shift checks", "agents", days, setting),
        Keeping("QMS users, user syncs", "agents", f"users while QMS has them; syncs {days}", setting),
        Keeping("Views of callers", "people of the gateway; searches as keyed hashes", days, setting),
        Keeping("History: changes, log-ins", "people of the gateway, addresses", days, setting),
        Keeping("Web sessions", "people of the gateway", f"{settings.SESSION_COOKIE_AGE // 3600} hours", "hourly"),
        Keeping("Counts of failed log-ins (Redis)", "names and addresses", "15 minutes", "Redis"),
        Keeping("Logs", "ids of calls and people; no callers", "as the machine keeps them", "journald, Docker"),
    ]


def _archive() -> str:
    if not settings.ARCHIVE_DAYS:
        return "not kept"
    return f"{settings.ARCHIVE_DAYS} days, at most {settings.ARCHIVE_MAX_BYTES / 1e9:,.1f} GB (ARCHIVE_MAX_BYTES)"


def forget_old(now: datetime) -> dict[str, int]:
    """Delete what is older than its keeping time, in small batches; return how many rows of each table."""
    before = now - timedelta(days=settings.RETENTION_DAYS)
    deleted = {str(model._meta.verbose_name_plural): _forget(model, column, before) for model, column in _BY_AGE}  # noqa: SLF001
    deleted["sessions"] = _forget(Session, "expire_date", now)
    return deleted


def _forget(model: type[Model], column: str, before: datetime) -> int:
    deleted = 0
    old = model._default_manager.filter(**{f"{column}__lt": before}).order_by()  # noqa: SLF001
    while keys := list(old.values_list("pk", flat=True)[:AT_ONCE]):
        deleted += model._default_manager.filter(pk__in=keys).delete()[0]  # noqa: SLF001
    return deleted


def tables() -> list[str]:
    """Return every table of the gateway, for the test that none is left out of the list above."""
    return sorted(model._meta.label for model in apps.get_models())  # noqa: SLF001
