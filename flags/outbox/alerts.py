"""Alerts: flag writes that the gateway itself has ended badly, until an operator acknowledges or retries them.

An operator's own giving up raises none, nor does a recording that QMS no longer has: QMS deletes by rules of its own,
and nobody can do anything about it here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from django.db import connection
from django.db.models import Count, Q

from flags.models import AlertCount, FlagWrite, WriteState
from qms.models import RecordingService

#: The ends that a person has to know of.
ALERTING = (WriteState.REFUSED, WriteState.CONFLICT, WriteState.GIVEN_UP)
#: A Recording Service's key, and the code of the error.
Reason = tuple[int, str]
#: Counting ends here: the dashboard asks every few seconds.
MAXIMUM_COUNTED = 20_000


class Alerts(msgspec.Struct, frozen=True):
    """How many writes wait to be acknowledged, counted up to a limit, and their most frequent reason."""

    count: int = 0
    code: str = ""
    of_code: int = 0

    @property
    def words(self) -> str:
        """Say how many."""
        return f"{self.count:,}" if self.count <= MAXIMUM_COUNTED else f"more than {MAXIMUM_COUNTED:,}"


class OfReason(msgspec.Struct, frozen=True):
    """The alerts of one Recording Service for one reason."""

    service: str
    code: str
    count: int


def is_open() -> Q:
    """Return the condition of the alerts that nobody has acknowledged, as the partial index has it."""
    return Q(alert_since__isnull=False, acknowledged_at__isnull=True)


def count_alerts(raised: Mapping[Reason, int]) -> None:
    """Count alerts in the transaction that raises them, in one order for all: two never wait for each other."""
    rows = sorted((service_id, code, count) for (service_id, code), count in raised.items())
    if not rows:
        return
    table = connection.ops.quote_name(AlertCount._meta.db_table)  # noqa: SLF001  (documented by Django)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} (service_id, error_code, raised) VALUES (%s, %s, %s)"  # noqa: S608  (a model's name)
            f" ON CONFLICT (service_id, error_code) DO UPDATE SET raised = {table}.raised + excluded.raised",
            rows,
        )


def reasons_of(keys: Sequence[int]) -> Counter[Reason]:
    """Count writes by service and reason, but for those of canary calls."""
    return Counter(FlagWrite.objects.filter(pk__in=keys, is_canary=False).values_list("service_id", "error_code"))


def open_alerts() -> Alerts:
    """Return the alerts that nobody has acknowledged; reads a partial index, and not without end."""
    codes = FlagWrite.objects.filter(is_open()).order_by("id").values_list("error_code", flat=True)
    counts = Counter(codes[: MAXIMUM_COUNTED + 1])
    (code, of_code), *_ = counts.most_common(1) or [("", 0)]
    return Alerts(counts.total(), code, of_code)


def open_by_reason() -> list[OfReason]:
    """Count the alerts that nobody has acknowledged, by service and reason.

    The names are asked for apart: joined, SQLite reads every write of the service.
    """
    slugs = dict(RecordingService.objects.values_list("pk", "slug"))
    rows = FlagWrite.objects.filter(is_open()).values_list("service_id", "error_code").annotate(count=Count("id"))
    return [OfReason(slugs[service_id], code, count) for service_id, code, count in rows.order_by()]


def raised_by_reason() -> list[OfReason]:
    """Return how many alerts were ever raised, by service and reason."""
    return [OfReason(*row) for row in AlertCount.objects.values_list("service__slug", "error_code", "raised")]
