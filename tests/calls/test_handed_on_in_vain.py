"""A call that is handed on to a phone which fails, or is left, before it rings or answers: it is over.

Seconds after noon. 2001 hands the customer of Sales on to 2002 at 20, under the id C2; what comes next is another call.
"""

import pytest

from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

SITE = with_site(devices=frozenset({"2001", "2002", "2003"}))


def handed_on(to: str = "2002", new: str = "C2") -> Switchboard:
    board = Switchboard(SITE).call("Queued", 1, "C1", callerName="Uma", queueName="Sales")
    board.call("Established", 5, "C1", "2001")
    names = {"primaryOldCallId": "C1", "resultingCallId": new}
    return board.hears(event("Transferred", 20, transferringDeviceId="2001", transferredToDeviceId=to, **names))


def names_of_next(board: Switchboard, device: str, call_id: str = "C2") -> tuple[str, str]:
    """Return caller and queue of the next leg, which states neither."""
    board.call("Established", 25, call_id, device)
    return board.legs[-1].facts.caller_name, board.legs[-1].facts.queue_name


@pytest.mark.parametrize("new", ["C1", "C2"])
@pytest.mark.parametrize("device", ["2002", "2003"])
@pytest.mark.parametrize("kind", ["Failed", "ConnectionCleared"])
def test_the_next_call_of_the_id_has_nothing_of_one_that_its_destination_did_not_answer(
    kind: str, device: str, new: str
) -> None:
    board = handed_on(new=new).call(kind, 22, new, "2002")

    assert names_of_next(board, device, new) == ("", "")


@pytest.mark.parametrize("kind", ["Failed", "ConnectionCleared"])
def test_the_end_of_another_phone_does_not_end_a_call_that_was_handed_on(kind: str) -> None:
    board = handed_on().call(kind, 22, "C2", "2003")

    assert names_of_next(board, "2002") == ("Uma", "Sales")


@pytest.mark.parametrize("kind", ["Failed", "ConnectionCleared"])
def test_a_call_that_a_queue_took_since_goes_on_where_the_phone_before_is_left(kind: str) -> None:
    board = handed_on().call("Queued", 21, "C2", "5000", queueName="Service").call(kind, 22, "C2", "2002")

    assert names_of_next(board, "2003") == ("Uma", "Service")


def test_an_answer_that_is_heard_after_its_end_is_of_the_call_that_was_handed_on() -> None:
    board = handed_on().call("ConnectionCleared", 22.5, "C2", "2002").call("Established", 22, "C2", "2002")

    leg = board.legs[-1]
    assert (leg.facts.caller_name, leg.facts.queue_name) == ("Uma", "Sales")


@pytest.mark.parametrize("new", ["C1", "C2"])
@pytest.mark.parametrize("to", ["2003", "2001", "*701"])
@pytest.mark.parametrize("answers", [False, True])
def test_a_call_that_its_destination_leads_on_goes_on_there(answers: bool, to: str, new: str) -> None:
    board = handed_on(new=new).call("Delivered", 20.5, new, "2002")
    if answers:
        board.call("Established", 21, new, "2002")
    board.call("Diverted", 22, new, "2002", newDestination=to, **({"cause": "parked"} if to == "*701" else {}))
    board.call("ConnectionCleared", 22.1, new, "2002")

    assert names_of_next(board, "2003", new) == ("Uma", "Sales")
