"""What other phones state under a call's id while the events of all its own phones are missed, or the whole link is.

They may have left the call, and the id may name another one. Times are seconds after noon.
"""

from typing import Any

import pytest

from tests.calls.switchboard import NOON, Switchboard, event

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "queueName": "Sales", "interactionId": "I1"}


def _told(board: Switchboard, family: str, kind: str, at: float, *devices: str) -> Switchboard:
    data: dict[str, Any] = {"devices": list(devices)} if devices else {}
    return board.hears(event(kind, at, family=family, **data))


def _talking(*others: str, number: str = "+4930111") -> Switchboard:
    """Let Uma talk to 2001, and to others."""
    board = Switchboard().call("Queued", 0, "C1", callingNumber=number, **UMA).call("Established", 5, "C1", "2001")
    for device in others:
        board.call("Established", 6, "C1", device)
    return board


def _missed(*others: str) -> Switchboard:
    """Let the events of 2001 be missed from 10 on."""
    return _told(_talking(*others), "link", "Lost", 10, "2001")


def _snapshot(board: Switchboard, at: float, *found: str, devices: tuple[str, ...] = ()) -> Switchboard:
    _told(board, "snapshot", "Began", at, *devices)
    for device in found:
        board.call("Established", at, "C1", device)
    return _told(board, "snapshot", "Ended", at, *devices)


def _known(board: Switchboard, device: str) -> tuple[str, str, bool]:
    facts = [leg for leg in board.legs if leg.device_id == device][-1].facts
    return facts.queue_name, facts.caller_name, facts.interaction_id == "I1"


NOTHING, HERS = ("", "", False), ("Sales", "Uma", True)


@pytest.mark.parametrize("at", [10.2, 15])
def test_another_phone_has_nothing_of_a_call_whose_phones_are_missed(at: float) -> None:
    board = _missed().call("Established", at, "C1", "2002").call("ConnectionCleared", 25, "C1", "2002").waits(60)

    assert (_known(board, "2001"), _known(board, "2002")) == (HERS, NOTHING)


@pytest.mark.parametrize("stated", [{"interactionId": "I1"}, {"callingNumber": "+4930111"}])
def test_the_interaction_or_the_number_vouches_for_another_phone(stated: dict[str, str]) -> None:
    board = _missed().call("Established", 15, "C1", "2002", **stated)

    assert _known(board, "2002") == HERS


def test_a_phone_whose_events_are_heard_shows_that_the_call_goes_on() -> None:
    board = _missed("2003").call("Established", 15, "C1", "2002")

    assert _known(board, "2002") == HERS


@pytest.mark.parametrize("kind", ["Queued", "Delivered", "CallInformation"])
def test_a_phone_in_a_gap_learns_nothing_that_others_state_under_the_id(kind: str) -> None:
    device = "2002" if kind == "Delivered" else None
    board = _missed().call(kind, 15, "C1", device, queueName="Support", callerName="Zoe", callerNameSource="isdn")
    _snapshot(board, 30, "2001", devices=("2001",)).call("ConnectionCleared", 40, "C1", "2001").waits(60)

    assert [leg.facts.queue_name for leg in board.legs if not leg.is_joined_late] == ["Sales"]


def test_a_phone_that_is_found_in_its_call_after_the_gap_is_in_it_with_those_who_join() -> None:
    board = _snapshot(_missed(), 30, "2001", devices=("2001",)).call("Established", 35, "C1", "2002")
    board.call("ConnectionCleared", 40, "C1", "2001").call("ConnectionCleared", 41, "C1", "2002").waits(60)

    first, joined = board.legs
    assert (first.disconnected_source_at, joined.facts) == (NOON.replace(second=40), first.facts)


def test_a_call_that_is_missed_until_the_phone_is_heard_again_may_be_over() -> None:
    """Only a snapshot would say that it goes on; the phone's own events are of it, and it may hand it on."""
    board = _told(_missed(), "link", "Restored", 14, "2001").call("Held", 16, "C1", "2001")
    board.call("Established", 18, "C1", "2002").waits(60)

    assert (_known(board, "2001"), _known(board, "2002")) == (HERS, NOTHING)


def test_a_phone_may_hand_its_call_on_after_its_gap() -> None:
    board = _told(_missed(), "link", "Restored", 14, "2001")
    data = {"transferringDeviceId": "2001", "primaryOldCallId": "C1", "resultingCallId": "C1"}
    board.call("Transferred", 20, "C1", **data).call("Established", 22, "C1", "2002").waits(60)

    assert _known(board, "2002") == HERS


@pytest.mark.parametrize(
    ("stated", "is_same"),
    [
        ({}, True),
        ({"queueName": "Sales"}, True),
        ({"queueName": "Support"}, False),
        ({"queueName": "Support", "interactionId": "I1"}, True),
        ({"callingNumber": "+4930222"}, False),
        ({"callerName": "Zoe", "callerNameSource": "isdn"}, False),
    ],
)
def test_a_phone_that_is_found_in_a_call_of_another_queue_or_caller_is_in_another_call(
    stated: dict[str, str], is_same: bool
) -> None:
    board = _told(_told(_talking(), "link", "Lost", 10), "link", "Restored", 60)
    _told(board, "snapshot", "Began", 60).call("Established", 60, "C1", "2001", **stated)
    _told(board, "snapshot", "Ended", 60).call("CallInformation", 65, "C1", queryData={"contract": "K7"})

    assert [leg.is_joined_late for leg in board.legs] == ([False] if is_same else [False, True])
    assert [leg.facts.query_data for leg in board.legs][-1] == {"contract": "K7"}


def test_a_phone_that_was_found_before_its_call_came_into_another_queue_is_in_that() -> None:
    """Established and Queued may be part of one snapshot, the one in any order with the other."""
    board = _told(_told(_talking(), "link", "Lost", 10), "link", "Restored", 60)
    _told(board, "snapshot", "Began", 60).call("Established", 60, "C1", "2002")
    board.call("Established", 60.1, "C1", "2002", queueName="Support")

    assert [leg.device_id for leg in board.legs] == ["2001", "2002"]


@pytest.mark.parametrize("found", [("2002",), ("2001", "2002")])
def test_what_comes_after_a_gap_of_the_link_and_before_a_snapshot_is_of_no_call_of_before(
    found: tuple[str, ...],
) -> None:
    board = _told(_told(_talking(), "link", "Lost", 10), "link", "Restored", 14).call("Established", 15, "C1", "2002")
    _snapshot(board, 16, *found).call("ConnectionCleared", 25, "C1", "2002").waits(60)

    assert (_known(board, "2002"), board.legs[0].facts.caller_name) == (NOTHING, "Uma")


@pytest.mark.parametrize(("back", "known"), [(12, HERS), (14, NOTHING)])
def test_a_call_goes_on_to_wait_through_a_short_gap_of_the_link_only(back: float, known: tuple[str, str, bool]) -> None:
    board = Switchboard().call("Queued", 0, "C1", **UMA)
    _told(_told(board, "link", "Lost", 10), "link", "Restored", back).call("Established", back + 0.5, "C1", "2002")

    assert _known(board, "2002") == known
