"""What troubled matches cost today is counted of the legs that nobody was matched with, and of today's alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.unmatched_calls import calls_at_risk
from calls.core.outcomes import Outcome
from calls.stats import unmatched_calls
from cti.models import CtiSource
from tests.calls.test_rest import leg

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(of: CtiSource, number: int, device: str, outcome: Outcome, moment: datetime = NOON) -> None:
    leg(of, number, device_id=device, outcome=outcome, connected_at=moment)


def test_the_unmatched_calls_of_today_are_reported_by_extension(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    pbx, other = (CtiSource.objects.create(slug=slug, kind="http") for slug in ("pbx", "other"))
    midnight = NOON.replace(hour=23) - timedelta(days=1)
    at(pbx, 1, "2001", Outcome.USER_UNMATCHED)
    at(pbx, 2, "2001", Outcome.EXTENSION_CONFLICT, midnight)
    at(pbx, 3, "2001", Outcome.USER_INACTIVE, midnight - timedelta(seconds=1))
    at(pbx, 4, "2001", Outcome.FLAGGED)
    at(pbx, 5, "2002", Outcome.NOT_RECORDED)
    at(other, 1, "2001", Outcome.USER_UNLICENSED)

    unmatched_calls.report_unmatched_calls(NOON)

    assert calls_at_risk(NOON.date()) == {(pbx.pk, "2001"): 2, (other.pk, "2001"): 1}


def test_the_count_reads_an_index_and_not_the_flagged_legs(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        unmatched_calls.report_unmatched_calls(NOON)
    counting = next(one["sql"] for one in queries if "GROUP BY" in one["sql"])
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {counting}")
            assert "calls_leg_outcome" in str(cursor.fetchall())
