"""A call id names a call only while it lives: which call an event is of, by the evidence of docs/call-identity.md."""

from typing import Any

import pytest

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, with_site
from tests.calls.test_gaps import link, snapshot

pytestmark = pytest.mark.core

UMA = {"queueName": "Sales", "callerName": "Uma", "callerNameSource": "isdn", "callingNumber": "+4930111"}


def _plain(board: Switchboard, **more: Any) -> Switchboard:
    """Let Uma talk to 2001 in C1 from 5 to 20."""
    board.call("Queued", 0, "C1", **UMA, **more).call("Established", 5, "C1", "2001")
    return board.call("ConnectionCleared", 20, "C1", "2001")


def _leg(board: Switchboard, device: str) -> LegState:
    return [leg for leg in board.legs if leg.device_id == device][-1]


def _knows(board: Switchboard, device: str) -> tuple[str, str]:
    facts = _leg(board, device).facts
    return facts.queue_name, facts.caller_name


@pytest.mark.parametrize("again", [20.2, 21, 40, 75, 4000])
@pytest.mark.parametrize("first", ["Queued", "Delivered", "Established", "Originated", "ServiceInitiated"])
def test_an_id_that_is_used_again_hands_nothing_on(again: float, first: str) -> None:
    board = _plain(Switchboard())
    board.call(first, again, "C1", None if first == "Queued" else "2002")
    board.call("Established", again + 2, "C1", "2002").call("ConnectionCleared", again + 9, "C1", "2002")

    assert _knows(board, "2002") == ("", "")
    assert _knows(board, "2001") == ("Sales", "Uma")
    assert _leg(board, "2001").facts.interaction_id != _leg(board, "2002").facts.interaction_id
    assert all(leg.disconnected_source_at for leg in board.legs)


@pytest.mark.parametrize("device", ["2001", "2002"])
def test_an_end_that_is_reported_late_divides_the_calls(device: str) -> None:
    """2001 left at 20, which is heard of last; the id was used again at 20.2."""
    board = Switchboard().call("Queued", 0, "C1", **UMA).call("Established", 5, "C1", "2001")
    board.call("Queued", 20.2, "C1", queueName="Support").call("Established", 20.3, "C1", device)
    board.call("ConnectionCleared", 20, "C1", "2001").call("ConnectionCleared", 60, "C1", device)

    ended = {(leg.device_id, leg.facts.queue_name, leg.facts.caller_name) for leg in board.legs}
    assert ended == {("2001", "Sales", "Uma"), (device, "Support", "")}
    assert all(leg.disconnected_source_at for leg in board.legs)
    assert len({leg.incarnation for leg in board.legs}) == 2


def test_an_end_before_its_beginning_is_of_the_second_call() -> None:
    board = _plain(Switchboard()).call("ConnectionCleared", 20.8, "C1", "2001").call("Established", 20.3, "C1", "2001")

    assert board.spans() == [("2001", 5.0, 20.0), ("2001", 20.3, 20.8)]
    assert _knows(board, "2001") == ("", "")


@pytest.mark.parametrize("end", ["CallCleared", "ConnectionCleared"])
def test_a_caller_who_gave_up_hands_nothing_on(end: str) -> None:
    board = Switchboard().call("Queued", 0, "C1", "5000", **UMA)
    board.call(end, 10, "C1", "5000" if end == "ConnectionCleared" else None).call("Established", 12, "C1", "2002")

    assert _knows(board, "2002") == ("", "")


@pytest.mark.parametrize(
    ("reported", "known"),
    [
        ({}, ("Sales", "Uma")),
        ({"interactionId": "I1"}, ("Sales", "Uma")),
        ({"interactionId": "I2"}, ("", "")),
        ({"callingNumber": "030111"}, ("Sales", "Uma")),
        ({"callingNumber": "+4930222"}, ("", "")),
    ],
)
def test_what_contradicts_a_waiting_call_is_another(reported: dict[str, str], known: tuple[str, str]) -> None:
    """Its caller gave up, unreported, and the id was used again; without any sign it is the one who waits."""
    board = (
        Switchboard()
        .call("Queued", 0, "C1", **UMA, interactionId="I1")
        .call("Established", 9, "C1", "2002", **reported)
    )

    assert _knows(board, "2002") == known


@pytest.mark.parametrize(("silence", "known"), [(899, "Uma"), (901, "")])
def test_a_waiting_call_of_which_nothing_is_heard_for_15_minutes_is_not_attributed(silence: float, known: str) -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA).call("Established", silence, "C1", "2002")

    assert _knows(board, "2002")[1] == known


@pytest.mark.parametrize(("queue", "caller"), [("Sales", ""), ("Support", "Uma")])
def test_a_call_that_is_queued_again_where_it_waits_is_another(queue: str, caller: str) -> None:
    board = Switchboard().call("Queued", 0, "C1", queueName="Sales", callerName="Uma", callerNameSource="isdn")
    board.call("Queued", 30, "C1", queueName=queue).call("Established", 40, "C1", "2002")

    assert _knows(board, "2002") == (queue, caller)


def test_a_parked_call_goes_on() -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA).call("Established", 5, "C1", "2001")
    board.call("Diverted", 20, "C1", "2001", cause="park").call("ConnectionCleared", 20, "C1", "2001")
    board.call("Established", 30, "C1", "2002")

    assert _knows(board, "2002") == ("Sales", "Uma")


def test_a_resulting_id_that_named_a_call_before_gets_nothing_of_it() -> None:
    board = Switchboard().call("Established", 1, "C2", "2009", **UMA).call("ConnectionCleared", 3, "C2", "2009")
    board.call("Established", 5, "C1", "2001", callerName="Vic", callerNameSource="isdn")
    board.hears(event("Transferred", 20, primaryOldCallId="C1", resultingCallId="C2", transferringDeviceId="2001"))
    board.call("Established", 22, "C2", "2002")

    assert _knows(board, "2002") == ("", "Vic")


def test_the_old_id_of_a_transfer_names_another_call_at_once() -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA).call("Established", 5, "C1", "2001")
    board.hears(event("Transferred", 20, primaryOldCallId="C1", resultingCallId="C2", transferringDeviceId="2001"))
    board.call("Queued", 20.2, "C1", queueName="Support").call("Established", 21, "C1", "2003")
    board.call("Established", 22, "C2", "2002")

    assert (_knows(board, "2002"), _knows(board, "2003")) == (("Sales", "Uma"), ("Support", ""))


def test_times_of_whole_seconds_distinguish_calls_by_their_order() -> None:
    board = Switchboard().call("Established", 1, "C1", "2001", **UMA).call("ConnectionCleared", 1, "C1", "2001")
    board.call("Established", 1, "C1", "2001", callerName="Vic", callerNameSource="isdn")
    board.call("ConnectionCleared", 2, "C1", "2001")

    assert [leg.facts.caller_name for leg in board.legs] == ["Uma", "Vic"]


def test_a_call_that_is_superseded_is_closed_with_its_end_unknown() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001", **UMA, interactionId="I1")
    board.call("Established", 30, "C1", "2002", interactionId="I2").waits(32)

    assert (_leg(board, "2001").is_end_unknown, _leg(board, "2002").is_end_unknown) == (True, False)
    assert _knows(board, "2002") == ("", "")


def test_a_second_report_of_a_connection_is_spurious_without_an_end_of_before() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").call("Established", 9, "C1", "2001").waits(12)
    board.call("ConnectionCleared", 20, "C1", "2001")

    assert board.spans() == [("2001", 5.0, 20.0)]


@pytest.mark.parametrize(
    ("reported", "leg"), [({}, None), ({"interactionId": "I1"}, "2001"), ({"deviceId": "2002"}, "2002")]
)
def test_a_wrap_up_is_of_a_call_only_where_one_is_meant(reported: dict[str, str], leg: str | None) -> None:
    board = _plain(Switchboard(with_site(wrapup_wait_seconds=120)), interactionId="I1")
    board.call("Established", 25, "C1", "2002", interactionId="I2").call("ConnectionCleared", 40, "C1", "2002")
    board.hears(event("CallInformation", 50, callId="C1", wrapup={"result": "sold"}, **reported))

    assert [one.device_id for one in board.legs if one.wrapup_result] == ([leg] if leg else [])


@pytest.mark.parametrize(("reported", "caller"), [({}, ""), ({"interactionId": "I1"}, "Uma")])
def test_a_waiting_call_that_no_snapshot_can_name_is_doubted_after_a_gap(reported: dict[str, str], caller: str) -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA, interactionId="I1")
    board.hears(link("Lost", 5), link("Restored", 8), snapshot("Began", 8), snapshot("Ended", 9))
    board.call("Established", 12, "C1", "2002", **reported)

    assert _knows(board, "2002")[1] == caller


@pytest.mark.parametrize("dials", ["2001", "2005"])
def test_only_the_device_that_holds_a_call_and_dials_consults(dials: str) -> None:
    """A colleague who happens to call the agent with a customer on hold is no consultation."""
    board = Switchboard().call("Established", 5, "C1", "2001", interactionId="I1").call("Held", 10, "C1", "2001")
    other = "2005" if dials == "2001" else "2001"
    board.call("Originated", 11, "C2", dials).call("Delivered", 12, "C2", other)
    board.call("ServiceInitiated", 12.5, "C2", other).call("Established", 13, "C2", other)

    found = {leg.facts.interaction_id for leg in board.legs if leg.call_id == "C2"}
    assert (found == {"I1"}) is (dials == "2001")


def test_a_trunk_holds_nothing_for_others() -> None:
    board = Switchboard().call("Established", 5, "C1", "T1", outside=True, interactionId="I1")
    board.call("Held", 6, "C1", "T1", outside=True).call("Originated", 7, "C2", "T1", outside=True)
    board.call("Established", 9, "C2", "2002")

    assert _leg(board, "2002").facts.interaction_id != "I1"
