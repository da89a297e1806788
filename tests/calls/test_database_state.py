"""What shows that a database went back in time is read by one statement, and noted in Redis only where it is news."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import Checkpoint
from calls.pipeline import restore_guard
from cti.api import remembered_database
from cti.models import CtiSource

pytestmark = [pytest.mark.django_db, pytest.mark.storage]

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def source(slug: str) -> CtiSource:
    return CtiSource.objects.create(slug=slug, kind="csta_xml", host="pbx.invalid", port=1)


def test_identity_and_folds_are_read_by_one_statement() -> None:
    assert restore_guard.database_state().folds == {}
    folded, fresh = source("pbx"), source("other")
    Checkpoint.objects.create(source=folded, version=7)

    with CaptureQueriesContext(connection) as asked:
        state = restore_guard.database_state()

    assert len([one for one in asked if "SAVEPOINT" not in one["sql"]]) == 1
    assert state.folds == {folded.pk: 7, fresh.pk: 0}
    assert state.identity == restore_guard._identity()


def test_what_the_server_refuses_is_read_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    known = restore_guard.database_state()
    monkeypatch.setattr(restore_guard, "_refused", [])
    monkeypatch.setattr(restore_guard, "SERVER", ("SELECT no_such_function()", restore_guard.SERVER[1]))

    state = restore_guard.database_state()

    assert state.folds == known.folds
    if connection.vendor == "postgresql":
        assert "unknown" in state.identity


def test_that_a_process_compares_is_noted_every_half_minute(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore_guard, "COMPARE_INTERVAL", 0.0)
    seen = []
    for seconds in (0, 29, 30, 5):  # At last the clock was set back.
        restore_guard.compare(NOW + timedelta(seconds=seconds))
        seen.append(remembered_database().seen_at)

    assert [moment and (moment - NOW).total_seconds() for moment in seen] == [0, 0, 30, 5]
