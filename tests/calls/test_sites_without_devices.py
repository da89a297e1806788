"""A source that does not list its devices: an outside number seems to be an extension, and its end is not reported.

Times are seconds after noon; events come in the order in which they are written.
"""

import pytest

from agents.core.matching import MatchKind
from tests.calls.switchboard import Everybody, Switchboard, with_site

pytestmark = pytest.mark.core

OUTSIDE = ("+4930777", "030777", "0049 30 777")


def _site(*, times: bool = True) -> Everybody:
    context = with_site(has_source_times=times)
    context.kinds = dict.fromkeys((*OUTSIDE, "2009"), MatchKind.UNMATCHED)
    return context


def _dialled(outside: str, *, times: bool = True, answered: float = 2, number: str = "+4930777") -> Switchboard:
    board = Switchboard(_site(times=times)).call("Originated", 0, "C1", "2001", calledNumber=number)
    board.call("Established", answered, "C1", outside, callerName="Uma", callerNameSource="isdn", interactionId="I1")
    return board.call("ConnectionCleared", 20, "C1", "2001")


def _name(board: Switchboard, device: str) -> str:
    return [leg for leg in board.legs if leg.device_id == device][-1].facts.caller_name


@pytest.mark.parametrize("outside", OUTSIDE)
@pytest.mark.parametrize("again", [21.5, 120, 4000])
@pytest.mark.parametrize("times", [True, False])
def test_an_outside_number_without_a_qms_user_keeps_no_call(outside: str, again: float, times: bool) -> None:
    board = _dialled(outside, times=times)
    board.call("Queued", again, "C1", queueName="Sales", callingNumber="+49301")
    board.call("Established", again + 5, "C1", "2002", callingNumber="+49301")

    assert _name(board, "2001") == "Uma"
    assert _name(board, "2002") == ""


def test_it_keeps_none_where_it_answered_just_before_the_extension_left() -> None:
    board = _dialled("+4930777", times=False, answered=19.5).call("Established", 90, "C1", "2002")

    assert _name(board, "2002") == ""


@pytest.mark.parametrize("inside", ["2003", "2009"])
def test_an_extension_that_is_still_there_keeps_the_call(inside: str) -> None:
    """2009 has no user in QMS, but is no number of the call."""
    board = Switchboard(_site()).call("Queued", 0, "C1", callerName="Uma", callerNameSource="isdn")
    board.call("Established", 2, "C1", "2001").call("Established", 4, "C1", inside)
    board.call("ConnectionCleared", 20, "C1", "2001").call("Established", 30, "C1", "2002")

    assert _name(board, "2002") == "Uma"


@pytest.mark.parametrize("left", [21.2, 40])
@pytest.mark.parametrize("times", [True, False])
def test_the_trunk_on_which_a_call_left_is_its_far_end_and_keeps_no_call(times: bool, left: float) -> None:
    """It answers up to a second before the extension leaves, and its end is not reported."""
    board = Switchboard(_site(times=times)).call("Originated", 10, "C1", "2001", interactionId="I1")
    board.call("NetworkReached", 10.1, "C1", "T8").waits(13).call("Established", 20.5, "C1", "T8")
    board.call("ConnectionCleared", left, "C1", "2001").call("Queued", 60, "C1", queueName="Sales")
    board.call("Established", 65, "C1", "2002").waits(90)

    legs = {leg.device_id: leg.facts for leg in board.legs}
    assert (legs["2001"].interaction_id, legs["2002"].queue_name) == ("I1", "Sales")
    assert legs["2002"].interaction_id != "I1"
