"""The panels above the list of flag writes: open alerts by cause, and retries of a whole reason."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.urls import reverse

from clock.text import shown
from flags.models import RetryRun
from flags.outbox.alerts import Alerts, OfReason, open_alerts, open_by_reason
from flags.outbox.error_texts import REASONS, in_plain_words
from flags.outbox.retry_runs import waiting_for
from qms.models import RecordingService

#: Maximum count.
MAXIMUM_COUNTED = 20_000
#: How long a finished run is shown above the list.
SHOWN_FOR = timedelta(minutes=10)
#: Maximum of causes shown above the list.
CAUSES = 8
#: Errors that are corrected on the page Flags; all others on that of the Recording Service.
FLAG_CODES = ("UnknownFlag", "ValueTooLong", "FlagAlreadyWritten")


class RetryOrder(msgspec.Struct, frozen=True):
    """An order to retry all of a reason, in a sentence."""

    text: str
    is_going_on: bool


class RetryPanel(msgspec.Struct, frozen=True):
    """What can be retried as a whole, and how such orders go."""

    reason: str
    service: str
    words: str
    count: str
    runs: Sequence[RetryOrder]

    @property
    def is_going_on(self) -> bool:
        """Say whether the panel asks for itself again."""
        return any(run.is_going_on for run in self.runs)


class AlertCause(msgspec.Struct, frozen=True):
    """The open alerts of one Recording Service for one reason: what it means, and where it is corrected."""

    service: str
    service_id: int
    code: str
    count: int
    words: str
    place: str
    address: str


class AlertPanel(msgspec.Struct, frozen=True):
    """The open alerts by cause, and whether the one who looks may act on them."""

    alerts: Alerts
    causes: Sequence[AlertCause]
    more: int
    is_filtered: bool
    may_act: bool
    at: str


def alert_panel(*, is_filtered: bool, may_act: bool, now: datetime) -> AlertPanel:
    """Return the open alerts, the most frequent cause first."""
    alerts = open_alerts()
    reasons = sorted(open_by_reason(), key=lambda one: -one.count) if alerts.count else []
    keys = dict(RecordingService.objects.values_list("slug", "pk"))
    causes = [_cause(one, keys[one.service]) for one in reasons[:CAUSES]]
    more = sum(one.count for one in reasons[CAUSES:])
    return AlertPanel(alerts, causes, more, is_filtered, may_act, now.isoformat())


def retry_panel(reason: str, service: str, now: datetime) -> RetryPanel:
    """Offer to retry everything of a known reason, and report the last runs; ``service``: a key, or "" for all."""
    is_offered = reason in REASONS
    return RetryPanel(
        reason=reason if is_offered else "",
        service=service,
        words=in_plain_words(reason) if is_offered else "",
        count=_counted(reason, int(service) if service else None) if is_offered else "",
        runs=[RetryOrder(run_sentence(run), run.finished_at is None) for run in _recent_runs(now)],
    )


def _cause(of: OfReason, service_id: int) -> AlertCause:
    """Describe alerts of one reason, with the page on which it is corrected."""
    if of.code in FLAG_CODES:
        place, address = "Flags", reverse("admin:flags_flagsetting_changelist")
    else:
        place, address = of.service, reverse("admin:qms_recordingservice_change", args=[service_id])
    words = in_plain_words(of.code)
    return AlertCause(of.service, service_id, of.code, of.count, words, place, address)


def _recent_runs(now: datetime) -> list[RetryRun]:
    newest = RetryRun.objects.select_related("service")[:5]
    return [run for run in newest if run.finished_at is None or now - run.finished_at < SHOWN_FOR]


def run_sentence(run: RetryRun) -> str:
    """Tell how far a run is."""
    of = f"{run.error_code}{f' at {run.service}' if run.service else ''}"
    order = f"{run.by} ordered at {shown(run.began_at)} to retry all of {of}"
    if run.finished_at is None:
        return f"{order}: {run.writes:,} are put back so far; it goes on by itself."
    return f"{order}: {run.writes:,} were put back."


def _counted(reason: str, service_id: int | None) -> str:
    count = waiting_for(reason, service_id).order_by()[: MAXIMUM_COUNTED + 1].count()
    return f"{count:,}" if count <= MAXIMUM_COUNTED else f"more than {MAXIMUM_COUNTED:,}"
