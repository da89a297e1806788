"""Rows to several tables at once: each is inserted or updated, as by a statement of its own."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bulk.tables import UpsertTable, upsert_all
from calls.models import HourlyCount, HourlyLatency
from cti.models import CtiSource

pytestmark = [pytest.mark.django_db, pytest.mark.storage]

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
COUNT_KEY, LATENCY_KEY = ("hour", "source", "outcome", "reason_code"), ("hour", "source", "measure", "bucket_ms")
COUNTS = UpsertTable(HourlyCount, (*COUNT_KEY, "legs"), COUNT_KEY, ["legs"])
LATENCIES = UpsertTable(HourlyLatency, (*LATENCY_KEY, "legs"), LATENCY_KEY, ["legs"])


def test_rows_of_several_tables_are_added_to_what_is_there_and_nothing_is_no_statement() -> None:
    source = CtiSource.objects.create(slug="pbx", kind="http")
    with CaptureQueriesContext(connection) as statements:
        upsert_all([COUNTS.of([]), LATENCIES.of([])])
    assert not statements.captured_queries
    flagged, missed = (HOUR, source.pk, "flagged", ""), (HOUR, source.pk, "window_missed", "late")
    for legs in (1, 2):
        latencies = LATENCIES.of([(HOUR, source.pk, "guid", 50, legs)])
        with CaptureQueriesContext(connection) as statements:
            upsert_all([COUNTS.of([(*flagged, legs), (*missed, 1)]), latencies])
        assert connection.vendor != "postgresql" or len(statements.captured_queries) == 1
        upsert_all([COUNTS.of([(*missed, 5)]), LATENCIES.of([])])

    assert set(HourlyCount.objects.values_list("outcome", "legs")) == {("flagged", 3), ("window_missed", 12)}
    assert [*HourlyLatency.objects.values_list("bucket_ms", "legs")] == [(50, 3)]
