"""Statements of constant text take and give the same values on either database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bulk.statements import changed, fetched, moment, one_of
from calls.models import Gap
from cti.models import CtiSource

pytestmark = [pytest.mark.django_db, pytest.mark.storage]

BEGAN = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)


def test_a_time_comes_back_from_a_column_and_from_an_expression() -> None:
    Gap.objects.create(source=CtiSource.objects.create(slug="pbx", kind="http"), began_at=BEGAN)
    here = BEGAN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    text = "SELECT began_at, CASE WHEN began_at > %s THEN %s ELSE began_at END FROM calls_gap WHERE began_at = %s"
    ((column, expression),) = fetched(text, [here, here, here])

    assert [moment(column), moment(expression)] == [BEGAN, BEGAN]


def test_a_statement_says_how_many_rows_it_changed() -> None:
    Gap.objects.create(source=CtiSource.objects.create(slug="pbx", kind="http"), began_at=BEGAN)
    text = "UPDATE calls_gap SET legs_lost = %s, ended_at = %s WHERE began_at = %s"

    assert [changed(text, [3, BEGAN, at]) for at in (BEGAN, BEGAN + timedelta(seconds=1))] == [1, 0]
    assert [(gap.legs_lost, gap.ended_at) for gap in Gap.objects.all()] == [(3, BEGAN)]


def test_rows_are_found_by_any_of_many_numbers_or_texts() -> None:
    awkward = ["pl'ain", 'quo"ted', "back\\slash", "com,ma", "{}", "NULL", "ü"]
    keys = {slug: CtiSource.objects.create(slug=slug, kind="http").pk for slug in [*awkward, "other"]}
    others = [max(keys.values()) + more for more in range(1, 2000)]

    for column, wanted in (("slug", awkward), ("id", [*(keys[slug] for slug in awkward), *others])):
        condition, listed = one_of(wanted)
        found = fetched(f"SELECT slug FROM cti_ctisource WHERE {column} {condition}", [listed])
        assert sorted(slug for (slug,) in found) == sorted(awkward)
