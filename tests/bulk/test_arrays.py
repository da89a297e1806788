"""Columns as array texts: PostgreSQL reads back exactly what was written."""

import os
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk.arrays import array

IS_POSTGRESQL = bool(os.environ.get("GATEWAY_TEST_POSTGRESQL"))
pytestmark = [pytest.mark.django_db, pytest.mark.skipif(not IS_POSTGRESQL, reason="only PostgreSQL has arrays")]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MOMENT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def read_back(values: list[Any], kind: str) -> list[Any]:
    """Return the values as PostgreSQL understood them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM unnest(%s::{kind}[])", [array(values)])
        return [bytes(one) if isinstance(one, memoryview) else one for (one,) in cursor.fetchall()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(TEXT | st.none() | st.sampled_from(["", "NULL", "null", "{}", '"', "\\", " a,b ", "'", "\\x41"])))
def test_every_text_comes_back(values: list[str | None]) -> None:
    assert read_back(values, "text") == values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.binary() | st.none()))
def test_all_bytes_come_back(values: list[bytes | None]) -> None:
    assert read_back(values, "bytea") == values


def test_numbers_truths_and_moments_come_back() -> None:
    ahead = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert read_back([1, -(2**62), None], "bigint") == [1, -(2**62), None]
    assert read_back([True, False, None], "boolean") == [True, False, None]
    assert read_back([MOMENT, ahead, None], "timestamptz") == [MOMENT, MOMENT, None]
