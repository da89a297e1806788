"""What a promise is: its budget, what of it is spent, and how fast."""

from datetime import date

import pytest

from calls.objectives.promises import Objective, Promise, PromiseCount, Standing
from calls.objectives.targets import months_before
from calls.objectives.text import budget_legs, budget_text, standing_text

FLAGGED = Objective(Promise.FLAGGED, 99.0)


@pytest.mark.parametrize(
    ("whole", "bad", "is_kept", "spent"),
    [
        (10_000, 60, True, 60),
        (10_000, 100, True, 100),
        (10_000, 101, False, 101),
        (100, 1, True, 100),
        (0, 0, None, None),
    ],
)
def test_a_promise_is_kept_until_its_budget_is_spent(
    whole: int, bad: int, is_kept: bool | None, spent: float | None
) -> None:
    standing = Standing(FLAGGED, PromiseCount(whole, bad))
    assert (standing.is_kept, standing.spent_percent) == (is_kept, spent)


def test_a_target_with_decimals_loses_no_leg_to_arithmetic() -> None:
    assert Standing(Objective(Promise.FLAGGED, 99.9), PromiseCount(1_000, 1)).is_kept


def test_the_burn_rate_says_how_fast_the_last_day_spent() -> None:
    standing = Standing(FLAGGED, PromiseCount(10_000, 60), PromiseCount(1_000, 30))
    assert (standing.burn_rate, Standing(FLAGGED, PromiseCount(1, 0)).burn_rate) == (3, None)
    assert "Burn rate of the last 24 hours: 3.0" in budget_text(standing)


def test_a_share_is_never_rounded_up() -> None:
    assert PromiseCount(100_000, 1).percent == 99.99
    assert standing_text(Standing(FLAGGED, PromiseCount(1, 0))).startswith("Kept: 100.00 % of 1 leg; 0 were not.")


def test_a_target_of_all_has_no_budget_and_is_kept_by_none_lost() -> None:
    every = Objective(Promise.FLAGGED, 100.0)
    assert [Standing(every, PromiseCount(50, bad), PromiseCount(5, bad)).is_kept for bad in (0, 1)] == [True, False]
    assert standing_text(Standing(every, PromiseCount(50, 1))) == (
        "Broken: 98.00 % of 50 legs; 1 was not. There is no error budget: the target is 100 %."
    )


@pytest.mark.parametrize(
    ("whole", "said"),
    [(1_170, "11.7 legs"), (1_199, "11.9 legs"), (99, "0.9 legs"), (100, "1 leg"), (100_000, "1,000 legs")],
)
def test_a_budget_is_written_by_one_rule_and_never_rounded_up(whole: int, said: str) -> None:
    """Before: "12 legs" in the report's table and "11.7 legs" in the page."""
    standing = Standing(FLAGGED, PromiseCount(whole, 1))

    assert budget_legs(standing) == said
    assert f"of the error budget of {said} is spent" in budget_text(standing)


def test_the_months_of_a_trend_cross_the_year() -> None:
    months = months_before(date(2026, 2, 1), 13)
    assert (months[0], months[-1], len(months)) == (date(2025, 2, 1), date(2026, 2, 1), 13)
