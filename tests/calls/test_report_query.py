"""What a report's address means: periods with the one before, breakdowns, filters; anything else is refused."""

from datetime import date
from urllib.parse import parse_qsl

import pytest

from calls.report.query import BadReport, Breakdown, Days, ReportQuery

TODAY = date(2026, 3, 4)  # a Wednesday


@pytest.mark.parametrize(
    ("period", "days", "before"),
    [
        ("today", ("2026-03-04", "2026-03-04"), ("2026-03-03", "2026-03-03")),
        ("yesterday", ("2026-03-03", "2026-03-03"), ("2026-03-02", "2026-03-02")),
        ("week", ("2026-03-02", "2026-03-04"), ("2026-02-23", "2026-02-25")),
        ("last_week", ("2026-02-23", "2026-03-01"), ("2026-02-16", "2026-02-22")),
        ("last_month", ("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31")),
    ],
)
def test_a_period_is_compared_with_the_one_before(period: str, days: tuple[str, str], before: tuple[str, str]) -> None:
    query = ReportQuery.read({"period": period}, TODAY)

    assert (query.days, query.before) == (span(*days), span(*before))


def test_own_dates_are_compared_with_as_many_days_before() -> None:
    query = ReportQuery.read({"period": "own", "from": "2026-01-10", "to": "2026-01-12"}, TODAY)

    assert (query.days, query.before) == (span("2026-01-10", "2026-01-12"), span("2026-01-07", "2026-01-09"))


def test_without_a_question_it_is_why_legs_of_yesterday_were_not_flagged() -> None:
    query = ReportQuery.read({}, TODAY)

    assert (query.days.first, query.by) == (date(2026, 3, 3), Breakdown.CAUSE)


def test_the_address_of_a_report_gives_that_report() -> None:
    asked = {"period": "own", "from": "2026-01-10", "to": "2026-01-12", "by": "agent", "team": "Sales & more"}
    query = ReportQuery.read(asked, TODAY)

    assert ReportQuery.read(dict(parse_qsl(query.address())), TODAY) == query
    assert "team" not in query.address(team="")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"period": "someday"}, "no period 'someday'"),
        ({"by": "colour"}, "no breakdown 'colour'"),
        ({"period": "own"}, "Own dates need"),
        ({"period": "own", "from": "2026-02-30", "to": "2026-03-01"}, "Own dates need"),
        ({"period": "own", "from": "2026-03-02", "to": "2026-03-01"}, "must not be before"),
        ({"period": "own", "from": "2020-01-01", "to": "2026-01-01"}, "at most 366"),
        ({"period": "own", "from": "0001-01-01", "to": "0001-01-01"}, "must not be before"),
        ({"period": "last_month", "by": "hour"}, "at most the last 8 days"),
        ({"period": "own", "from": "2026-01-01", "to": "2026-01-01", "by": "hour"}, "at most the last 8 days"),
    ],
)
def test_what_no_report_has_is_refused_with_what_is_accepted(asked: dict[str, str], says: str) -> None:
    with pytest.raises(BadReport, match=says):
        ReportQuery.read(asked, TODAY)


def span(first: str, last: str) -> Days:
    return Days(date.fromisoformat(first), date.fromisoformat(last))
