"""Lives of an id that an end heard late leaves together: where something else shows that they are two calls.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found.
"""

import pytest

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, with_site

pytestmark = pytest.mark.core

FAY = {"callerName": "Fay", "callerNameSource": "isdn", "queueName": "Billing"}


def _last(board: Switchboard, device: str) -> LegState:
    return [leg for leg in board.legs if leg.device_id == device][-1]


def _knows(board: Switchboard, device: str) -> tuple[str, str]:
    facts = _last(board, device).facts
    return facts.queue_name, facts.caller_name


def test_who_dials_under_an_id_is_not_in_the_call_that_was_queued_under_it_before() -> None:
    """2003 left at 23.4, which is heard after a caller who gave up without a word, and after that 2005 dialled."""
    board = Switchboard().call("Established", 22.7, "C1", "2003").call("Queued", 23.6, "C1", **FAY)
    board.call("Originated", 24.1, "C1", "2005").call("ConnectionCleared", 23.4, "C1", "2003")
    board.call("Established", 26.1, "C1", "2004").call("ConnectionCleared", 27.6, "C1", "2005")
    board.call("ConnectionCleared", 27.6, "C1", "2004").waits(60)

    assert (_knows(board, "2004"), _knows(board, "2005")) == (("", ""), ("", ""))


@pytest.mark.parametrize(("stated", "interaction"), [({}, False), ({"interactionId": "I4"}, True)])
def test_who_came_after_a_caller_had_left_the_queue_is_in_another_call(
    stated: dict[str, str], interaction: bool
) -> None:
    """The caller leaves the queue at 19, which is heard after 2005's call; the same interaction is the same call."""
    board = Switchboard().call("Queued", 16, "C1", **FAY, interactionId="I4")
    board.call("Established", 19.25, "C1", "2005", **stated).call("ConnectionCleared", 19.35, "C1", "2005")
    board.call("Diverted", 19, "C1", "Billing", cause="queueCleared").waits(60)

    assert (_last(board, "2005").facts.interaction_id == "I4") is interaction
    assert _knows(board, "2005")[1] == ("Fay" if interaction else "")


def test_who_came_just_before_a_call_was_cleared_may_be_over_with_it() -> None:
    """Without times: the far end and 2002 answer within a second of it; the id is used again a minute later."""
    board = Switchboard(with_site(has_source_times=False)).call("Originated", 11, "C1", "2001")
    board.call("Established", 13.1, "C1", "T1", outside=True).call("Established", 13.2, "C1", "2002")
    board.call("ConnectionCleared", 13.4, "C1", "2002").call("CallCleared", 13.42, "C1")
    board.call("ConnectionCleared", 13.45, "C1", "2001").call("Established", 87, "C1", "2001", callingNumber="+493008")
    board.call("ConnectionCleared", 90, "C1", "2001").waits(120)

    assert _last(board, "2001").facts.interaction_id != _last(board, "2002").facts.interaction_id
