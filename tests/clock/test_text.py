"""How moments are written: one format, the zone named, and how long ago for the last day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from clock.text import ago, exact, shown, site_time, time_of_day

NOW = datetime(2026, 3, 2, 21, 5, 7, 89_000, UTC)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=2, seconds=59), "2 min ago"),
        (timedelta(hours=3, minutes=4), "3 h 4 min ago"),
    ],
)
def test_a_moment_of_the_last_day_says_how_long_ago_and_keeps_the_exact_time(before: timedelta, words: str) -> None:
    text = ago(NOW - before, NOW)

    assert f">{words}</time>" in text
    assert f'title="{shown(NOW - before)}"' in text


def test_an_older_moment_or_one_to_come_is_written_out() -> None:
    assert ago(NOW - timedelta(days=2), NOW) == "2026-02-28 21:05:07 UTC"
    assert ago(NOW + timedelta(minutes=1), NOW) == "2026-03-02 21:06:07 UTC"
    assert ago(None, NOW) == "never"


def test_moments_follow_the_readers_zone_and_days_the_sites() -> None:
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert shown(NOW) == "2026-03-03 06:05:07 JST"
        assert exact(NOW) == "2026-03-03 06:05:07.089 JST"
        assert time_of_day(NOW) == "06:05:07 JST"
        assert f"{site_time(NOW):%Y-%m-%d %H:%M}" == "2026-03-02 21:05"
