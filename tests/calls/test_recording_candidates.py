"""Which recordings a leg takes, and which it leaves because they could be of another call."""

import pytest

from calls.core.outcomes import Outcome
from tests.calls.switchboard import Switchboard, with_site
from tests.calls.test_call_events import queue_call

pytestmark = pytest.mark.core


def test_a_recording_that_was_asked_for_after_the_end_is_not_taken() -> None:
    board = queue_call(Switchboard()).call("ConnectionCleared", 6, "C1", "2001").found(7, 1, "G1", asked=6.5)

    assert (board.leg.outcome, board.leg.guid) == (Outcome.WINDOW_MISSED, "")


def test_a_recording_that_began_long_after_connected_is_not_taken() -> None:
    board = queue_call(Switchboard()).found(12, 1, "G1", started=11)

    assert (board.leg.outcome, board.leg.guid) == (Outcome.WINDOW_MISSED, "")


def test_a_recording_that_began_seconds_after_connected_is_not_taken_whatever_is_heard_of() -> None:
    """The call that began it may have lived within a gap: we never hear of it."""
    board = queue_call(Switchboard()).found(9, 1, "G2", started=6.8).call("ConnectionCleared", 30, "C1", "2001")

    assert (board.waits(60).leg.outcome, board.leg.reason_code) == (Outcome.WINDOW_MISSED, "began_late")


def test_a_recording_that_does_not_fit_may_be_that_of_a_call_that_is_over_already() -> None:
    """QMS goes on naming a recording for a moment after its call; what stalled reported both calls at once."""
    board = queue_call(Switchboard()).call("Held", 5.05, "C1", "2001").call("Established", 5.1, "C2", "2001")
    board.call("ConnectionCleared", 5.2, "C2", "2001").found(5.7, 1, "G2", started=3.3, asked=5.6)

    assert [leg.guid for leg in board.legs] == ["", ""]


def test_a_recording_that_began_as_two_calls_were_connected_is_nobodys() -> None:
    """The link had stalled: what the first leg received was the second's recording, by a very small margin."""
    board = queue_call(Switchboard()).found(5.4, 1, "G2", started=5.4)
    board.call("Held", 5.4, "C1", "2001").call("Established", 5.4, "C2", "2001")
    board.found(5.6, 2, "G2", started=5.4).call("ConnectionCleared", 9, "C1", "2001")
    board.call("ConnectionCleared", 9, "C2", "2001").waits(11)

    assert [(leg.guid, leg.outcome) for leg in board.legs] == [("", Outcome.WINDOW_MISSED)] * 2
    assert board.writes == []


@pytest.mark.parametrize(("began", "heard"), [(3.8, 6.9), (5.7, 7.5), (5.7, 11.6), (4.8, 5.6)])
def test_a_recording_that_does_not_fit_its_leg_is_nobodys_when_a_call_is_heard_of_soon_after(
    began: float, heard: float
) -> None:
    """The link or the journal had stalled: the second call had begun the recording, and was heard of too late."""
    board = (
        queue_call(Switchboard(with_site(has_source_times=False)))
        .found(13, 1, "G2", started=began)
        .call("Held", 6, "C1", "2001")
    )
    board.call("Established", heard, "C2", "2001").found(heard + 5, 2, "G2", started=began)
    board.call("ConnectionCleared", 30, "C2", "2001").call("ConnectionCleared", 40, "C1", "2001").waits(60)

    assert ([leg.guid for leg in board.legs], board.writes) == (["", ""], [])


@pytest.mark.parametrize(("began", "heard"), [(5.1, 7), (5.7, 11.8)])
def test_a_recording_that_fits_its_leg_or_began_long_before_the_next_call_stays(began: float, heard: float) -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1", started=began).call("Held", 6.5, "C1", "2001")
    board.call("Established", heard, "C2", "2001")

    assert [leg.guid for leg in board.legs] == ["G1", ""]


def test_the_flags_of_a_recording_that_does_not_fit_wait_until_no_other_call_can_be_heard_of() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1", started=5.7).call("ConnectionCleared", 7, "C1", "2001")

    assert board.waits(12.6).writes == []
    assert board.waits(12.8).writes == [(1, "base")]


def test_a_recording_that_began_with_the_second_call_is_taken_from_the_first() -> None:
    board = queue_call(Switchboard()).found(7.2, 1, "G2", started=7)
    board.call("Held", 7.1, "C1", "2001").call("Established", 7.2, "C2", "2001").found(7.4, 2, "G2", started=7)

    assert [leg.guid for leg in board.legs] == ["", "G2"]


def test_the_recording_of_a_held_call_is_not_taken_by_the_consultation() -> None:
    board = queue_call(Switchboard()).found(5.1, 1, "G1", started=5).call("Held", 20, "C1", "2001")
    board.call("Established", 22, "C2", "2001").found(22.1, 2, "G1", started=5)

    assert [leg.guid for leg in board.legs] == ["G1", ""]


def test_a_recording_that_outlives_its_leg_goes_to_the_next_call_before_any_flag_is_written() -> None:
    """The link was stalled: the first leg's question was answered with the recording of a call not heard of yet."""
    board = queue_call(Switchboard()).found(5.2, 1, "G2").call("ConnectionCleared", 5.3, "C1", "2001")
    board.call("Established", 5.4, "C2", "2001").found(5.6, 2, "G2", asked=5.5).waits(7)
    board.call("ConnectionCleared", 60, "C2", "2001").waits(62)

    assert [leg.guid for leg in board.legs] == ["", "G2"]
    assert board.writes == [(2, "base")]
