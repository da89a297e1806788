"""Moments read from the database are what they are by Django's own reader."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection

pytestmark = [pytest.mark.storage, pytest.mark.django_db]

MOMENTS = ("2026-11-24 03:10:11.123456+00", "2026-03-29 01:00:00+01", "1999-12-31 23:59:59.9+05:45")


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_read_in_utc_to_the_microsecond(text: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no moments of its own.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        (found,) = cursor.fetchone()

    assert found == datetime.fromisoformat(text)
    assert found.tzinfo is UTC
    assert found.isoformat() == datetime.fromisoformat(text).astimezone(UTC).isoformat()


def test_what_is_no_moment_of_ours_is_refused_as_by_djangos_reader() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no moments of its own.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'infinity'::timestamptz")
        with pytest.raises(DataError):
            cursor.fetchone()
