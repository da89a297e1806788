"""What to do about legs is said by the reason, and a month without legs does not claim that nothing was lost."""

from datetime import UTC, date, datetime

import pytest

from calls.core.outcomes import Outcome
from calls.objectives.months import month_report
from calls.objectives.text import nothing_lost_text
from calls.ui.leg_page import ADVICE, advice_of


def test_each_reason_of_a_missed_window_has_its_own_advice() -> None:
    """Before: "Look at the health of the Recording Service" where the next call had begun, too."""
    said = [advice_of(Outcome.WINDOW_MISSED, reason) for reason in ("late", "next_call", "undecided", "heard_late")]

    assert len(set(said)) == len(said)
    assert ADVICE[Outcome.WINDOW_MISSED] not in said
    assert advice_of(Outcome.WINDOW_MISSED, "a reason of a later release") == ADVICE[Outcome.WINDOW_MISSED]


def test_the_advice_on_what_was_reported_too_late_names_each_source_with_its_legs() -> None:
    said = advice_of(Outcome.WINDOW_MISSED, "heard_late", {"shop": 6, "edge": 1063})

    assert "Look at CTI sources edge (1,063), shop (6):" in said
    assert "The delay came before the gateway had the event" in said
    assert "not the gateway's" not in said  # Its web server may have stood still.


def test_the_advice_on_a_recording_that_began_late_names_the_clock_of_the_source_too() -> None:
    said = advice_of(Outcome.WINDOW_MISSED, "began_late", {"edge": 3})

    assert "compare the clocks of CTI source edge" in said


@pytest.mark.django_db
def test_a_month_without_legs_does_not_say_that_nothing_was_lost() -> None:
    report = month_report(date(2026, 11, 1), datetime(2026, 11, 20, 12, tzinfo=UTC))

    assert nothing_lost_text(report) == (
        "No leg was decided in this month: there were no calls to flag, or the gateway did not run."
    )
