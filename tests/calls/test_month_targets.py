"""Each month is judged by its own targets, and a leg that no service answered for counts for the one that was away."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from agents.models import Allocation, QmsUser
from bulk.tables import upsert_all
from calls.models import MonthTarget
from calls.objectives.files import month_file
from calls.objectives.months import month_report
from calls.objectives.targets import note_targets
from calls.objectives.text import first_line
from calls.stats.coarse_counts import coarse_counts
from calls.tasks import mail_reports
from qms.models import RecordingService
from tests.calls.test_objectives import NOVEMBER, NOW, CountedSite, site

__all__ = ["site"]
OCTOBER, DECEMBER = date(2026, 10, 1), datetime(2026, 12, 2, 12, tzinfo=UTC)


def test_a_changed_target_does_not_judge_a_month_that_is_over_again(site: CountedSite, settings: Any) -> None:
    settings.FLAGGED_TARGET_PERCENT, settings.GUID_TARGET_MS = 98.0, 4000
    note_targets(NOW)
    settings.FLAGGED_TARGET_PERCENT, settings.GUID_TARGET_MS = 99.5, 2500
    note_targets(DECEMBER)
    november = month_report(NOVEMBER, DECEMBER)

    assert [one.objective.target_percent for one in november.standings[:2]] == [98.0, 99.0]
    assert first_line(november) == "November 2026: all 3 promises are kept."
    december = month_report(date(2026, 12, 1), DECEMBER)
    assert [one.is_kept for one in december.trend[-2].standings] == [True, True, True]
    assert december.standings[0].objective.target_percent == 99.5


def test_a_target_that_is_changed_within_a_month_is_that_of_the_month(site: CountedSite, settings: Any) -> None:
    note_targets(NOW)
    settings.FLAGGED_TARGET_PERCENT = 99.5
    assert month_report(NOVEMBER, NOW).standings[0].is_kept is False
    note_targets(NOW)
    settings.FLAGGED_TARGET_PERCENT = 50.0
    assert month_report(NOVEMBER, DECEMBER).standings[0].is_kept is False


def test_the_timetable_keeps_the_targets_of_the_running_month(site: CountedSite, monkeypatch: Any) -> None:
    monkeypatch.setattr("clock.now", lambda: NOW)
    mail_reports()
    assert MonthTarget.objects.get(month=NOVEMBER).flagged_percent == 99.0


def test_months_before_the_first_note_keep_the_targets_of_then(site: CountedSite, settings: Any) -> None:
    note_targets(NOW)
    settings.FLAGGED_TARGET_PERCENT = 50.0
    note_targets(NOW)

    assert month_report(OCTOBER, NOW).standings[0].is_kept is False


def test_the_trend_names_the_target_of_a_month_that_had_another(
    site: CountedSite, settings: Any, admin_client: Client, monkeypatch: Any
) -> None:
    note_targets(datetime(2026, 10, 31, tzinfo=UTC))
    settings.FLAGGED_TARGET_PERCENT, settings.GUID_TARGET_MS = 85.0, 3000
    report = month_report(NOVEMBER, NOW)
    monkeypatch.setattr("clock.now", lambda: NOW)
    page = admin_client.get("/admin/objectives/?month=2026-11").content.decode()

    for text in (month_file(report, "html").decode(), page):
        assert "90.00 % (target 99 %)" in text
        assert "99.00 % (target" not in text, "November's own target is that of the table's head"
    assert month_file(report, "pdf").startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (99.5, "November 2026 so far: 1 of 3 promises is kept. Broken: flagged share, time to GUID."),
        (99.0, "November 2026 so far: 2 of 3 promises are kept. Broken: time to GUID."),
    ],
)
def test_one_promise_is_kept_and_two_are(site: CountedSite, settings: Any, target: float, line: str) -> None:
    settings.FLAGGED_TARGET_PERCENT = target
    assert first_line(month_report(NOVEMBER, NOW)) == line


def test_no_promise_is_kept(site: CountedSite, settings: Any) -> None:
    settings.FLAGGED_TARGET_PERCENT = 99.5
    site.times(date(2026, 11, 3), "flags", 20_000, 50)
    assert first_line(month_report(NOVEMBER, NOW)).startswith("November 2026 so far: none of 3 promises is kept.")


def away(site: CountedSite, extension: str, legs: int) -> None:
    """Count legs whose recording no service named."""
    key = (site.source.pk, 0, "Q1", "A1", extension, "window_missed", "unreachable")
    upsert_all(coarse_counts([(date(2026, 11, 8), *key, legs)]))


def by_service() -> dict[str, tuple[int, int]]:
    parts = dict(month_report(NOVEMBER, NOW).parts)["Flagged, by Recording Service"]
    return {part.name: (part.standing.count.whole, part.standing.count.bad) for part in parts}


def test_a_leg_without_recording_counts_for_the_service_of_its_extension(site: CountedSite) -> None:
    south = RecordingService.objects.create(slug="south", data_server=site.service.data_server, url="http://localhost")
    QmsUser.objects.create(service=south, user_id="2", extension="3001", loaded_at=NOW)
    for position, service in enumerate((site.service, south)):
        Allocation.objects.create(source=site.source, service=service, position=position)
    away(site, "2001", 3)
    away(site, "3001", 40)
    away(site, "4711", 5)

    assert by_service() == {"north": (1003, 13), "south": (40, 40), "no Recording Service known": (5, 5)}


def test_a_leg_without_recording_counts_for_the_only_service_of_its_source(site: CountedSite) -> None:
    Allocation.objects.create(source=site.source, service=site.service)
    away(site, "4711", 5)

    assert by_service() == {"north": (1005, 15)}
