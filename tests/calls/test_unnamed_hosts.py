"""A transfer or conference that does not name the device that made it: only one phone can have.

Times are seconds after noon. Uma, of Sales, talks with 2001 in C1, which consults 2002 in C2 and joins both at 24.
"""

from typing import Any

import pytest

from calls.core.state import LegState
from tests.calls.switchboard import NOON, Switchboard, event, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn"}
JOINED: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2"}
MOVED = [
    {"old": {"callId": "C1", "deviceId": "T1"}, "new": {"callId": "C3", "deviceId": "T1"}},
    {"old": {"callId": "C2", "deviceId": "2002"}, "new": {"callId": "C3", "deviceId": "2002"}},
]


def _talking() -> Switchboard:
    board = Switchboard(with_site(devices=frozenset({"2001", "2002", "2003"}), queues=frozenset({"7000"})))
    board.call("Queued", 5, "C1", "7000", queueName="Sales", **UMA)
    return board.call("Established", 8, "C1", "2001", callingNumber="+4911")


def _consulted() -> Switchboard:
    board = _talking().call("Held", 16, "C1", "2001", cause="consultation")
    board.call("Originated", 16.4, "C2", "2001", cause="consultation")
    return board.call("Established", 18, "C2", "2002", callingNumber="2001")


def _legs(board: Switchboard) -> list[tuple[str, str, str, float | None]]:
    return [(leg.device_id, leg.call_id, leg.facts.queue_name, _ended(leg)) for leg in board.legs]


def _ended(leg: LegState) -> float | None:
    at = leg.disconnected_source_at
    return None if at is None else (at - NOON).total_seconds()


@pytest.mark.parametrize("resulting", ["C1", "C2", "C3"])
@pytest.mark.parametrize("to", ["2002", ""])
@pytest.mark.parametrize("connections", [MOVED, []])
def test_who_hands_on_is_the_phone_that_is_in_both_calls(
    resulting: str, to: str, connections: list[dict[str, Any]]
) -> None:
    listed = [{**one, "new": {**one["new"], "callId": resulting}} for one in connections]
    data: dict[str, Any] = {**JOINED, "resultingCallId": resulting, "connections": listed}
    if to:
        data["transferredToDeviceId"] = to
    board = _consulted().hears(event("Transferred", 24, **data))
    board.call("ConnectionCleared", 30, resulting, "2002").waits(60)

    host = [leg[3] for leg in _legs(board) if leg[0] == "2001"]
    assert host == [24, 24]
    assert ("2002", resulting, "Sales", 30) in _legs(board)


def test_who_makes_a_conference_is_the_phone_that_is_in_both_calls() -> None:
    board = _consulted().hears(event("Conferenced", 24, **JOINED, resultingCallId="C3", addedPartyId="2002"))
    board.call("ConnectionCleared", 30, "C3", "2002").call("ConnectionCleared", 33, "C3", "2001").waits(60)

    assert sorted(_legs(board)) == [("2001", "C2", "", 24), ("2001", "C3", "Sales", 33), ("2002", "C3", "Sales", 30)]


@pytest.mark.parametrize("connections", [[], [{"new": {"callId": "C1", "deviceId": "2001"}}]])
def test_a_phone_whose_far_end_hands_it_on_stays_in_the_call(connections: list[dict[str, Any]]) -> None:
    data: dict[str, Any] = {"primaryOldCallId": "C1", "resultingCallId": "C1", "transferredToDeviceId": "2006"}
    board = _talking().hears(event("Transferred", 24, **data, connections=connections))
    board.call("ConnectionCleared", 30, "C1", "2001").waits(60)

    assert _legs(board) == [("2001", "C1", "Sales", 30)]


def test_nobody_is_awaited_where_two_callers_are_joined_by_who_is_not_named() -> None:
    board = _talking().call("Held", 10, "C1", "2001")
    board.call("Established", 12, "C2", "2001", callerName="Vic", callerNameSource="isdn")
    board.hears(event("Transferred", 15, **JOINED, resultingCallId="C2"))
    board.call("ConnectionCleared", 15.1, "C2", "2001").call("Established", 40, "C2", "2003").waits(60)

    facts = board.legs[-1].facts
    assert (board.legs[-1].device_id, facts.caller_name, facts.queue_name) == ("2003", "", "")


def test_who_was_consulted_is_not_taken_for_who_handed_on_and_left_just_before() -> None:
    """2002 is in both calls too: it was in a conference with Uma."""
    board = _talking().call("Established", 9, "C1", "2002").call("Held", 9.5, "C1", "2002")
    board.call("Held", 16, "C1", "2001").call("Originated", 16.4, "C2", "2001")
    board.call("Established", 18, "C2", "2002")
    for call_id in ("C2", "C1"):
        board.call("ConnectionCleared", 23.9, call_id, "2001")
    board.hears(event("Transferred", 24, **JOINED, resultingCallId="C2"))
    board.call("ConnectionCleared", 50, "C2", "2002").call("Established", 60, "C2", "2003").waits(60)

    facts = board.legs[-1].facts
    assert (board.legs[-1].device_id, facts.caller_name, facts.queue_name) == ("2003", "", "")
    assert [ended for device, _, _, ended in _legs(board) if device == "2002"][-1] == 50


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("Transferred", "deviceId"),
        ("Transferred", "transferringDeviceId"),
        ("Conferenced", "deviceId"),
        ("Conferenced", "conferencingDeviceId"),
    ],
)
def test_who_is_named_in_any_way_joined_the_calls_though_another_phone_alone_is_known_in_both(
    kind: str, key: str
) -> None:
    """2002 came into Uma's call too, and 2001 is not known to be in the consultation, which 2003 began."""
    board = _talking().call("Established", 9, "C1", "2002").call("Held", 9.5, "C1", "2002")
    board.call("Originated", 16.4, "C2", "2003").call("Established", 18, "C2", "2002")
    named = {"transferredToDeviceId": "2003"} if kind == "Transferred" else {}
    board.hears(event(kind, 24, **JOINED, resultingCallId="C3", **named, **{key: "2001"}))

    open_at = [leg.device_id for leg in board.legs if leg.disconnected_source_at is None]
    assert "2002" in open_at
    assert ("2001" in open_at) is (kind == "Conferenced")
