"""Many rows are changed at once, each to values of its own, where the condition holds for the row as it is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bulk.updates import UpdateTable
from calls.models import Gap
from cti.models import CtiSource

pytestmark = [pytest.mark.django_db, pytest.mark.storage]

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
LOST = UpdateTable(Gap, ("ended_at", "legs_lost", "source"), "stored.ended_at IS NULL")


def test_each_row_gets_its_own_values_and_one_that_fails_the_condition_stays() -> None:
    pbx, other = (CtiSource.objects.create(slug=slug, kind="http") for slug in ("pbx", "other"))
    begins = [NINE + timedelta(minutes=number) for number in range(3)]
    first, second, ended = [Gap.objects.create(source=pbx, began_at=at) for at in begins]
    Gap.objects.filter(pk=ended.pk).update(ended_at=NINE)
    with CaptureQueriesContext(connection) as statements:
        LOST.update([(gap.pk, begins[2], 10 + gap.pk, other.pk) for gap in (first, second, ended)])

    assert connection.vendor != "postgresql" or len(statements.captured_queries) == 1
    kept = [*Gap.objects.order_by("began_at").values_list("ended_at", "legs_lost", "source")]
    assert kept[:2] == [(begins[2], 10 + gap.pk, other.pk) for gap in (first, second)]
    assert kept[2] == (NINE, ended.legs_lost, pbx.pk)


def test_no_rows_are_no_statement() -> None:
    with CaptureQueriesContext(connection) as statements:
        LOST.update([])

    assert not statements.captured_queries
