"""A call that is handed on to a phone which fails, or is left, before it answers: it is over.

Seconds after noon. 2001 hands the customer of Sales on to 2002 at 20, under the id C2; what comes next is another call.
"""

from typing import Any

import pytest

from tests.calls.switchboard import Everybody, Switchboard, event, with_site

pytestmark = pytest.mark.core

DEVICES = frozenset({"2001", "2002", "2003"})
SITE = with_site(devices=DEVICES)


def handed_on(to: str = "2002", new: str = "C2", site: Everybody = SITE, trunk: str = "") -> Switchboard:
    known = {"callerName": "Uma", "callerNameSource": "isdn", "queueName": "Sales", "callingNumber": "+4930111"}
    board = Switchboard(site).call("Queued", 1, "C1", **known)
    board.call("Established", 5, "C1", "2001")
    if trunk:
        board.call("Established", 6, "C1", trunk)
    names = {"primaryOldCallId": "C1", "resultingCallId": new}
    return board.hears(event("Transferred", 20, transferringDeviceId="2001", transferredToDeviceId=to, **names))


def names_of_next(board: Switchboard, device: str, call_id: str = "C2", **stated: str) -> tuple[str, str]:
    """Return caller and queue of the next leg, which states neither unless ``stated`` has them."""
    board.call("Established", 25, call_id, device, **stated)
    return board.legs[-1].facts.caller_name, board.legs[-1].facts.queue_name


@pytest.mark.parametrize("new", ["C1", "C2"])
@pytest.mark.parametrize("device", ["2002", "2003"])
@pytest.mark.parametrize("kind", ["Failed", "ConnectionCleared"])
def test_the_next_call_of_the_id_has_nothing_of_one_that_its_destination_did_not_answer(
    kind: str, device: str, new: str
) -> None:
    board = handed_on(new=new).call(kind, 22, new, "2002")

    assert names_of_next(board, device, new) == ("", "")


def with_trunk(left: str, at: float, *, rings: bool, **site: Any) -> Switchboard:
    """Hand a call on in which a trunk was reported; 2002 rings, or not, and leaves or fails."""
    board = handed_on(site=with_site(devices=DEVICES, **site), trunk="T1")
    if rings:
        board.call("Delivered", 20.1, "C2", "2002")
    return board.call(left, at, "C2", "2002")


@pytest.mark.parametrize("device", ["2002", "2003"])
@pytest.mark.parametrize("at", [20.3, 22])
@pytest.mark.parametrize("rings", [False, True])
@pytest.mark.parametrize("site", [{}, {"has_source_times": False}], ids=["with times", "without times"])
@pytest.mark.parametrize("left", ["Failed", "ConnectionCleared"])
def test_so_it_is_where_a_trunk_was_reported_of_which_no_end_is(
    left: str, site: dict[str, Any], rings: bool, at: float, device: str
) -> None:
    assert names_of_next(with_trunk(left, at, rings=rings, **site), device) == ("", "")
    assert names_of_next(with_trunk(left, at, rings=rings, **site), device, queueName="Orders") == ("", "Orders")


@pytest.mark.parametrize("left", ["Failed", "ConnectionCleared"])
def test_the_call_of_a_trunk_goes_on_where_what_follows_states_its_number_or_leads_it_on(left: str) -> None:
    board = with_trunk(left, 22, rings=True)
    assert names_of_next(board, "2003", callingNumber="+4930111") == ("Uma", "Sales")
    board = with_trunk(left, 22, rings=True).call("Diverted", 22.5, "C2", "2002", newDestination="2003")
    assert names_of_next(board, "2003") == ("Uma", "Sales")


@pytest.mark.parametrize("rings", [False, True])
def test_in_the_whole_second_of_the_transfer_it_is_over_too(rings: bool) -> None:
    board = handed_on(site=SITE, trunk="T1")
    if rings:
        board.call("Delivered", 20, "C2", "2002")

    assert names_of_next(board.call("ConnectionCleared", 20, "C2", "2002"), "2003") == ("", "")


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
