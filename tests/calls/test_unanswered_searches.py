"""Why a leg has no recording whose search is still open as the extension's next call begins."""

import pytest

from calls.core.outcomes import Outcome
from calls.core.result_events import WHY
from tests.calls.switchboard import Switchboard, moment, with_site

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("next_at", "why"),
    [(12, "next_call"), (15, "next_call"), (20, "next_call"), (20.1, "late"), (300, "late")],
)
def test_where_the_window_was_long_over_as_the_next_call_began_the_gateway_was_too_slow(
    next_at: float, why: str
) -> None:
    """QMS names a recording for 10 s after 5.0, and the search is settled by 20.0 unless nobody works at it."""
    board = Switchboard(with_site(guid_window_seconds=10)).call("Established", 5, "C1", "2001")
    board.call("ConnectionCleared", 9, "C1", "2001").call("Established", next_at, "C2", "2001")

    leg = board.legs[0]
    assert (leg.outcome, leg.reason_code) == (Outcome.WINDOW_MISSED, why)
    assert WHY[why] in leg.reason


@pytest.mark.parametrize("why", ["none", "late", "unreachable"])
def test_a_legs_trace_says_why_qms_named_no_recording_and_how_often_it_was_asked(why: str) -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").missed(16, 1, why, asked=15)

    step = board.leg.trace[-1]
    assert (step.at, step.what) == (moment(16), "missed")
    assert step.text.startswith(WHY[why])
    assert "5" in step.text
