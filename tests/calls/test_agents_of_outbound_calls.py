"""An outbound call's agent is who was logged on as it was answered, not as it was dialled.

Times are seconds after noon: 2001 dials at 33, a trunk is reached at 33.3, and the call is answered at 40.
"""

from typing import Any

import pytest

from tests.calls.switchboard import Switchboard, with_site

pytestmark = pytest.mark.core

CASES: dict[str, tuple[list[tuple[str, float, str]], str]] = {
    "nothing changes": ([], "9101"),
    "another takes the seat": ([("LoggedOff", 35.7, "9101"), ("LoggedOn", 35.8, "9104")], "9104"),
    "the seat is left": ([("LoggedOff", 35.7, "9101")], ""),
    "another logs on beside": ([("LoggedOn", 35.8, "9104")], ""),
    "another logged on beside and off again": ([("LoggedOn", 35.8, "9104"), ("LoggedOff", 38, "9104")], "9101"),
    "another's state is reported there": ([("LoggedOff", 35.7, "9101"), ("NotReady", 35.8, "9104")], "9104"),
    "another takes the seat at once": ([("LoggedOff", 33.5, "9101"), ("LoggedOn", 33.6, "9104")], "9104"),
    "another takes the seat after the answer": ([("LoggedOff", 42, "9101"), ("LoggedOn", 43, "9104")], "9101"),
    "the seat is left and taken again": ([("LoggedOff", 35.7, "9101"), ("LoggedOn", 36, "9101")], "9101"),
}


def _dialled(changes: list[tuple[str, float, str]], *, answered_by: str, **answer: Any) -> Switchboard:
    board = Switchboard(with_site(devices=frozenset({"2001"}))).agent("LoggedOn", 0, "9101", deviceId="2001")
    board.call("Originated", 33, "C1", "2001")
    board.call("NetworkReached", 33.3, "C1", "T1", outside=True).waits(35.4)
    for kind, seconds, agent in [one for one in changes if one[1] < 40]:
        board.agent(kind, seconds, agent, deviceId="2001")
    board.call("Established", 40, "C1", answered_by, outside=answered_by == "T1", **answer)
    for kind, seconds, agent in [one for one in changes if one[1] > 40]:
        board.agent(kind, seconds, agent, deviceId="2001")
    return board.call("ConnectionCleared", 56, "C1", "2001")


@pytest.mark.parametrize("answered_by", ["2001", "T1", "+49301"])
@pytest.mark.parametrize(("changes", "agent"), CASES.values(), ids=CASES)
def test_the_agent_of_an_outbound_call_is_who_was_there_as_it_was_answered(
    changes: list[tuple[str, float, str]], agent: str, answered_by: str
) -> None:
    board = _dialled(changes, answered_by=answered_by)

    assert (board.spans(), board.leg.agent_id) == ([("2001", 40.0, 56.0)], agent)


def test_an_answer_that_names_another_agent_than_is_logged_on_names_none() -> None:
    assert _dialled([], answered_by="2001", agentId="9104").leg.agent_id == ""


def test_a_log_on_of_before_the_answer_that_is_heard_after_it_counts() -> None:
    board = _dialled([("LoggedOff", 35.7, "9101")], answered_by="2001")
    board.agent("LoggedOn", 39.5, "9104", deviceId="2001")

    assert board.leg.agent_id == "9104"
