"""What is written to tables by arrays is prepared once a connection, where the connection has its session to itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from bulk.statements import fetched
from bulk.tables import UpsertTable
from calls.models import HourlyCount
from cti.models import CtiSource

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.storage]

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY = ("hour", "source", "outcome", "reason_code")
COUNTS = UpsertTable(HourlyCount, (*KEY, "legs"), KEY, ["legs"])


@pytest.fixture
def source() -> Iterator[CtiSource]:
    """Give a source, and a connection of its own."""
    connection.close()
    yield CtiSource.objects.create(slug="pbx", kind="http")
    connection.close()


def add(source: CtiSource, outcome: str) -> None:
    COUNTS.upsert([(HOUR, source.pk, outcome, "", 1)])


def legs() -> int:
    return sum(HourlyCount.objects.values_list("legs", flat=True))


def prepared() -> int:
    return len(fetched("SELECT name FROM pg_prepared_statements", []))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL prepares statements for a session")
def test_a_statement_that_comes_again_is_prepared_once(source: CtiSource) -> None:
    for _ in range(3):
        add(source, "flagged")

    assert (legs(), prepared()) == (3, 1)
    assert fetched("SELECT generic_plans, custom_plans FROM pg_prepared_statements", []) == [(3, 0)]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has such poolers")
def test_nothing_is_prepared_where_a_pooler_shares_the_session(source: CtiSource, monkeypatch: Any) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    for _ in range(3):
        add(source, "flagged")

    assert (legs(), prepared()) == (3, 0)


def test_a_statement_goes_on_after_a_transaction_that_was_rolled_back(source: CtiSource) -> None:
    add(source, "flagged")
    with transaction.atomic():
        add(source, "flagged")
        transaction.set_rollback(True)
    add(source, "flagged")

    assert legs() == 2


def test_what_the_database_refuses_raises_as_any_statement_does(source: CtiSource) -> None:
    for _ in range(2):
        with pytest.raises(IntegrityError), transaction.atomic():
            COUNTS.insert([(HOUR, source.pk, "flagged", "", 1), (HOUR, source.pk, "flagged", "", 1)])

    assert legs() == 0
