"""A call that all extensions have left: nothing of it is handed to what comes under its id later.

Times are seconds after noon. Each test is a relative of a call that was attacked from outside: PBXs need not report the
end of an outside party, nor of a phone that only rang.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_gaps import link, snapshot

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "queueName": "Sales", "interactionId": "I1"}


def _known(board: Switchboard, device: str) -> tuple[str, str, bool]:
    facts = [leg for leg in board.legs if leg.device_id == device][-1].facts
    return facts.queue_name, facts.caller_name, facts.interaction_id == "I1"


def _answered(board: Switchboard, **more: Any) -> Switchboard:
    """Let Uma talk to 2001 from 5 to 14, over a trunk of which no end is reported."""
    board.call("Queued", 0, "C1", **UMA, **more).call("Established", 4, "C1", "T1:1", outside=True)
    return board.call("Established", 5, "C1", "2001").call("ConnectionCleared", 14, "C1", "2001")


@pytest.mark.parametrize("again", [14.2, 15.5, 80])
@pytest.mark.parametrize("is_queued", [False, True])
def test_an_outside_party_whose_end_is_not_reported_keeps_no_call(again: float, is_queued: bool) -> None:
    board = _answered(Switchboard())
    if is_queued:
        board.call("Queued", again, "C1", queueName="Support")
    board.call("Established", again + 2, "C1", "2002").call("ConnectionCleared", again + 9, "C1", "2002").waits(200)

    assert _known(board, "2002") == ("Support" if is_queued else "", "", False)
    assert _known(board, "2001") == ("Sales", "Uma", True)


@pytest.mark.parametrize("stated", [{"interactionId": "I1"}, {"callingNumber": "+4930111"}])
def test_what_states_the_interaction_or_the_number_is_of_the_same_call(stated: dict[str, str]) -> None:
    """2001 gave the caller back to a queue, of which nothing is reported but what the next phone states."""
    board = _answered(Switchboard(), callingNumber="+4930111").call("Established", 20, "C1", "2002", **stated)

    assert _known(board, "2002") == ("Sales", "Uma", True)


JOE = {"callingNumber": "+4930111", "callerName": "Joe"}


@pytest.mark.parametrize("source", ["isdn", "global_phonebook"])
@pytest.mark.parametrize("kind", ["Queued", "Delivered", "Established"])
@pytest.mark.parametrize("has_times", [True, False])
def test_another_caller_of_the_same_company_is_in_the_next_call(kind: str, source: str, has_times: bool) -> None:
    """Two people have one number; who called first is known by another name."""
    board = _answered(Switchboard(with_site(has_source_times=has_times)), callingNumber="+4930111")
    device = "" if kind == "Queued" else "2002"
    board.call(kind, 20, "C1", device, callerNameSource=source, **JOE).call("Established", 22, "C1", "2002")

    assert _known(board, "2002") == ("", "Joe", False)


def test_another_name_is_of_the_next_call_where_an_outside_party_was_added_to_a_conference() -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA, callingNumber="+4930111").call("Established", 5, "C1", "2001")
    board.call("Held", 6, "C1", "2001").call("Originated", 7, "C2", "2001")
    board.call("Established", 8, "C2", "+4940222", outside=True)
    olds = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C1"}
    board.call("Conferenced", 10, "C1", conferencingDeviceId="2001", addedPartyId="+4940222", **olds)
    board.call("ConnectionCleared", 14, "C1", "2001")
    board.call("Queued", 20, "C1", callerNameSource="isdn", **JOE).call("Established", 22, "C1", "2002")

    assert _known(board, "2002") == ("", "Joe", False)


@pytest.mark.parametrize("name", [{}, {"callerName": "Uma", "callerNameSource": "isdn"}, {"callerName": "Private"}])
def test_the_number_without_another_name_is_of_the_same_call(name: dict[str, str]) -> None:
    """A name of the phone's own directory says nothing about the caller."""
    source = {"callerNameSource": "personal"} if name.get("callerName") == "Private" else {}
    board = _answered(Switchboard(), callingNumber="+4930111")
    board.call("Established", 20, "C1", "2002", callingNumber="+4930111", **name, **source)

    assert _known(board, "2002")[2]


def test_a_phone_that_only_rang_keeps_no_call_alive() -> None:
    """2001 and 2002 ring; 2002 answers and leaves, and that 2001 rings no more is not reported."""
    board = Switchboard().call("Queued", 0, "C1", **UMA).call("Delivered", 3, "C1", "2001")
    board.call("Delivered", 3, "C1", "2002").call("Established", 5, "C1", "2002")
    board.call("ConnectionCleared", 14, "C1", "2002").call("Established", 73, "C1", "2003").waits(80)

    assert _known(board, "2003") == ("", "", False)


def test_a_call_that_a_snapshot_does_not_have_hands_nothing_on() -> None:
    board = Switchboard().call("Originated", 0, "C1", "2001", interactionId="I1")
    board.call("Established", 4, "C1", "T1:1", outside=True).hears(link("Lost", 7), link("Restored", 9))
    board.hears(snapshot("Began", 9), snapshot("Ended", 9)).call("Established", 20, "C1", "2002").waits(30)

    assert _known(board, "2002") == ("", "", False)


@pytest.mark.parametrize("reports_end", [True, False])
def test_a_phone_that_parked_a_call_has_left_it(reports_end: bool) -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA).call("Established", 1, "C1", "2001")
    board.call("Diverted", 8, "C1", "2001", newDestination="P1", cause="park")
    if reports_end:
        board.call("ConnectionCleared", 8, "C1", "2001", cause="park")
    board.call("Established", 20, "C1", "2002").call("ConnectionCleared", 30, "C1", "2002")
    board.call("Queued", 30.6, "C1", queueName="Support").call("Established", 33, "C1", "2003")
    board.call("ConnectionCleared", 40, "C1", "2003").waits(200)

    assert board.spans() == [("2001", 1.0, 8.0), ("2002", 20.0, 30.0), ("2003", 33.0, 40.0)]
    assert (_known(board, "2002"), _known(board, "2003")) == (("Sales", "Uma", True), ("Support", "", False))


@pytest.mark.parametrize("left_after", [False, True])
def test_a_call_that_leaves_a_queue_for_another_is_in_that_in_whatever_order_both_are_heard(left_after: bool) -> None:
    board = Switchboard().call("Queued", 0, "C1", "Q7", **UMA)
    left = event("Diverted", 4, callId="C1", deviceId="Q7", newDestination="Q8", cause="queueCleared")
    entered = event("Queued", 4, callId="C1", deviceId="Q8", queueName="Support")
    board.hears(*((entered, left) if left_after else (left, entered, replace(left, id="again"))))
    board.call("Established", 6, "C1", "2001")

    assert _known(board, "2001")[0] == "Support"


@pytest.mark.parametrize("heard", [10.5, 14, 30])
def test_an_agent_whose_log_off_of_before_a_call_is_heard_in_it_is_not_named(heard: float) -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").call("Established", 10, "C1", "2001")
    off = event("LoggedOff", 8, family="agent", agentId="9101", deviceId="2001")
    board.hears(replace(off, gatewaytime=moment(heard))).call("ConnectionCleared", 40, "C1", "2001").waits(60)

    assert board.legs[0].agent_id == ""
