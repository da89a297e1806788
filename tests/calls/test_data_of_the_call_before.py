"""Data that comes after its call's end, when the id names another call already: the next call learns nothing from it.

Times are seconds after noon; events come in the order in which they are written.
"""

from typing import Any

import pytest

from calls.core.state import LegData
from tests.calls.switchboard import Switchboard, with_site

pytestmark = pytest.mark.core

_CALLER: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "global_phonebook"}
_WRAPUP: dict[str, Any] = {"wrapup": {"result": "sold"}}


def _used_again(until: str, *, has_times: bool, second: str = "2002") -> Switchboard:
    """Let 2001 talk to Uma until 30, and the id name another call from 36 on, which has come as far as ``until``."""
    board = Switchboard(with_site(wrapup_wait_seconds=60, has_source_times=has_times))
    board.call("Queued", 1, "C1", "5000", queueName="Sales", interactionId="I4", **_CALLER)
    board.call("Established", 5, "C1", "2001", agentId="9101").found(6, 1, "G1")
    board.call("ConnectionCleared", 30, "C1", "2001").call("CallCleared", 30, "C1").waits(32).settled(33, 1)
    steps = [("Queued", 36, "5001"), ("Delivered", 38, second), ("Established", 40, second)]
    kinds = [kind for kind, _, _ in steps]
    for kind, seconds, device in steps[: kinds.index(until) + 1]:
        board.call(kind, seconds, "C1", device)
    return board


def _second(board: Switchboard, until: str, second: str = "2002") -> LegData:
    steps = [("Delivered", 46, second), ("Established", 48, second)]
    for kind, seconds, device in steps[["Queued", "Delivered", "Established"].index(until) :]:
        board.call(kind, seconds, "C1", device)
    board.call("ConnectionCleared", 60, "C1", second).waits(63)
    return board.legs[1].facts


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("until", ["Queued", "Delivered", "Established"])
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("CallInformation", {"deviceId": "2001", "interactionId": "I4", **_WRAPUP}),
        ("CallInformation", {"deviceId": "2001", **_WRAPUP}),
        ("CallInformation", {"deviceId": "2001"}),
        ("CallInformation", {"deviceId": "2001", "interactionId": "I4"}),
        ("CallInformation", {"interactionId": "I4", **_WRAPUP}),
        ("CallInformation", {"interactionId": "I4"}),
        ("CallInformation", {"agentId": "9101"}),
        ("CallInformation", {"agentId": "9101", **_WRAPUP}),
        ("ConnectionCleared", {"deviceId": "2001", "interactionId": "I4"}),
        ("ConnectionCleared", {"deviceId": "2001"}),
        ("Diverted", {"deviceId": "2001", "interactionId": "I4"}),
        ("Failed", {"deviceId": "2001"}),
    ],
)
def test_data_about_the_call_before_gives_the_ids_next_call_nothing(
    kind: str, names: dict[str, Any], until: str, has_times: bool
) -> None:
    board = _used_again(until, has_times=has_times)
    board.call(kind, 45, "C1", queryData={"order": "7"}, calledNumber="+4977", queueName="Sales", **_CALLER, **names)
    facts = _second(board, until)

    assert (facts.caller_name, facts.called_number, facts.query_data) == ("", "", {})
    assert facts.interaction_id != "I4"
    assert facts.queue_name != "Sales"


@pytest.mark.parametrize("names", [{"deviceId": "2001"}, {"deviceId": "2001", "interactionId": "I4"}])
def test_a_wrap_up_names_its_call_by_the_interaction_where_one_phone_was_in_both(names: dict[str, Any]) -> None:
    board = _used_again("Established", has_times=True, second="2001")
    board.call("CallInformation", 45, "C1", queueName="Sales", **_CALLER, **_WRAPUP, **names)
    facts = _second(board, "Established", "2001")

    assert (facts.caller_name, facts.queue_name, facts.interaction_id == "I4") == ("", "5001", False)
    assert [leg.wrapup_result for leg in board.legs] == ["sold" if "interactionId" in names else "", ""]


@pytest.mark.parametrize("names", [{}, {"deviceId": "2002"}, {"interactionId": "I5"}, {"deviceId": "2003"}])
def test_data_about_the_call_that_the_id_names_is_learnt(names: dict[str, Any]) -> None:
    board = _used_again("Established", has_times=True)
    board.call("CallInformation", 45, "C1", queryData={"order": "7"}, **names)

    assert _second(board, "Established").query_data == {"order": "7"}


@pytest.mark.parametrize("names", [{"deviceId": "2002"}, {"deviceId": "2002", "interactionId": "I5"}])
def test_a_wrap_up_of_the_call_that_the_id_names_states_what_it_is(names: dict[str, Any]) -> None:
    board = _used_again("Established", has_times=True)
    board.call("CallInformation", 45, "C1", queryData={"order": "7"}, **names, **_WRAPUP)

    assert _second(board, "Established").query_data == {"order": "7"}
    assert [leg.wrapup_result for leg in board.legs] == ["", "sold"]
