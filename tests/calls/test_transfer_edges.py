"""Transfers and conferences, rule by rule: who leaves, which call goes on under which id, and who is in it.

2001 talks to a customer in C1 since 5. Seconds after noon.
"""

from typing import Any

import msgspec
import pytest

from calls.core.state import CallState
from tests.calls.switchboard import NOON, Everybody, Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

TRUNK = "T17:3"


def talking(context: Everybody | None = None, **data: Any) -> Switchboard:
    """A customer of Sales talks to 2001 in C1."""
    board = Switchboard(context).call("Queued", 1, "C1", "5000", queueName="Sales", interactionId="I-C1", **data)
    return board.call("Delivered", 3, "C1", "2001").call("Established", 5, "C1", "2001")


def consulting(context: Everybody | None = None) -> Switchboard:
    """2001 has the customer on hold, and talks to 2002 in C2 since 25."""
    board = talking(context).call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    return board.call("Delivered", 22, "C2", "2002").call("Established", 25, "C2", "2002")


def blind(seconds: float = 20, **more: Any) -> Any:
    plain = {"primaryOldCallId": "C1", "transferringDeviceId": "2001", "resultingCallId": "C3"}
    return event("Transferred", seconds, **{name: one for name, one in {**plain, **more}.items() if one is not None})


def attended(seconds: float = 30, **more: Any) -> Any:
    return blind(seconds, **{"secondaryOldCallId": "C2", "transferredToDeviceId": "2002", **more})


def conferenced(seconds: float = 30, **more: Any) -> Any:
    plain = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "conferencingDeviceId": "2001"}
    plain = {**plain, "resultingCallId": "C3", **more}
    return event("Conferenced", seconds, **{name: one for name, one in plain.items() if one is not None})


def listed(*devices: str, call_id: str = "C3") -> list[dict[str, Any]]:
    return [{"new": {"callId": call_id, "deviceId": device}} for device in devices]


def ends(board: Switchboard) -> dict[str, float | None]:
    return {f"{leg.call_id} {device}": end for leg, (device, _, end) in zip(board.legs, board.spans(), strict=True)}


def calls_of(board: Switchboard, call_id: str) -> list[CallState]:
    return [one for one in board.state.calls.values() if one.call_id == call_id]


def waits_since(board: Switchboard, call_id: str = "C3") -> float | None:
    waiting = [one.waits_since for one in calls_of(board, call_id) if one.waits_since is not None]
    assert len(waiting) < 2
    return (waiting[0] - NOON).total_seconds() if waiting else None


# Who leaves, and under which id the call goes on


@pytest.mark.parametrize(
    ("named", "leaves"),
    [
        ({"transferringDeviceId": "2001"}, True),
        ({"transferringDeviceId": None, "deviceId": "2001"}, True),
        ({"transferringDeviceId": "2001", "deviceId": "2009"}, True),
        ({"transferringDeviceId": "2009", "deviceId": "2001"}, False),
        ({"transferringDeviceId": None}, False),
    ],
)
def test_the_transferring_device_leaves_else_the_one_that_reports_the_transfer(
    named: dict[str, Any], leaves: bool
) -> None:
    board = talking().hears(blind(**named))

    assert board.spans() == [("2001", 5.0, 20.0 if leaves else None)]


def test_a_transfer_that_does_not_say_who_handed_the_call_on_can_be_stored() -> None:
    board = talking().hears(blind(transferringDeviceId=None))
    stored = msgspec.msgpack.encode(list(board.state.calls.values()))

    assert msgspec.msgpack.decode(stored, type=list[CallState]) == list(board.state.calls.values())


@pytest.mark.parametrize(
    ("named", "call_id"),
    [
        ({"resultingCallId": "C4", "connections": listed("2002")}, "C4"),
        ({"resultingCallId": None, "connections": listed("2002")}, "C3"),
        ({"resultingCallId": None}, "C1"),
    ],
)
def test_the_resulting_call_is_the_one_that_is_named_else_that_of_its_connections_else_the_old_one(
    named: dict[str, Any], call_id: str
) -> None:
    board = talking().hears(blind(**named)).call("Established", 24, call_id, "2002")

    assert (board.legs[-1].call_id, board.legs[-1].facts.queue_name) == (call_id, "Sales")


def test_the_old_ids_may_be_named_by_the_connections_alone() -> None:
    old = {"callId": "C2", "deviceId": "2002"}
    connections = [{"new": {"callId": "C3", "deviceId": "2002"}, "old": old}]
    board = consulting().hears(attended(secondaryOldCallId=None, connections=connections))

    assert ends(board) == {"C1 2001": 30, "C3 2002": None, "C2 2001": 30}


def test_a_device_may_have_another_name_in_the_resulting_call() -> None:
    old = {"callId": "C2", "deviceId": TRUNK}
    connections = [{"new": {"callId": "C3", "deviceId": "T9"}, "old": old}]
    board = talking().call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Established", 25, "C2", TRUNK, outside=True).hears(attended(connections=connections))

    (call,) = calls_of(board, "C3")
    assert "T9" in call.parties
    assert TRUNK not in call.parties


# Whether the call waits for its destination


@pytest.mark.parametrize(
    ("before", "since"),
    [
        ([], 20),
        # The destination rings, has answered, or has answered and left: the transfer is reported last.
        ([("Delivered", 19.9, "C3", "2002")], None),
        ([("Established", 20.1, "C3", "2002")], None),
        ([("Established", 20.1, "C3", "2002"), ("ConnectionCleared", 20.2, "C3", "2002")], None),
        ([("CallCleared", 20.2, "C3", None)], None),
    ],
)
def test_a_call_that_is_handed_on_waits_until_its_destination_has_got_it(
    before: list[tuple[str, float, str, str | None]], since: float | None
) -> None:
    board = talking()
    for kind, at, call_id, device in before:
        board.call(kind, at, call_id, device)
    board.hears(blind())

    assert waits_since(board) == since


def test_a_customer_on_a_trunk_does_not_answer_a_call_that_is_handed_on() -> None:
    board = talking().call("Established", 6, "C1", TRUNK, outside=True).hears(blind())

    assert waits_since(board) == 20


def test_the_ringing_of_who_hands_a_call_on_is_no_destination() -> None:
    board = Switchboard().call("Established", 5, "C1", TRUNK, outside=True).call("Delivered", 6, "C1", "2001")
    board.hears(blind(10))

    assert waits_since(board) == 10


def test_a_call_that_waited_in_a_queue_before_its_transfer_was_reported_waits_since_then() -> None:
    board = talking().call("Queued", 20.5, "C3", "5001").hears(blind(20.6))

    assert waits_since(board) == 20.5


def test_a_call_whose_id_was_used_again_since_it_was_handed_on_waits_for_nobody() -> None:
    board = talking().hears(event("ServiceInitiated", 30, callId="C1", deviceId="2003"))
    board.hears(blind(20, resultingCallId="C1"))

    assert [one.waits_since for one in calls_of(board, "C1") if one.born_at < moment(20)] == [None]


# A transfer that is reported late, or twice


def test_a_transfer_that_is_reported_twice_is_one() -> None:
    board = consulting().hears(attended(), attended(30.1))

    assert len(calls_of(board, "C3")) == 1
    assert ends(board) == {"C1 2001": 30, "C3 2002": None, "C2 2001": 30}


def test_the_consultation_that_was_dialled_after_a_transfer_does_not_inherit_the_interaction_of_its_call() -> None:
    board = talking().call("Held", 19, "C1", "2001").call("Originated", 21, "C2", "2001", cause="consultation")
    board.call("Established", 22, "C2", "2001")
    assert board.leg_of("C2").facts.interaction_id == "I-C1"

    board.hears(blind(20))
    assert board.leg_of("C2").facts.interaction_id != "I-C1"


def test_the_consultation_that_was_dialled_before_a_transfer_keeps_the_interaction() -> None:
    board = consulting().hears(attended())

    assert {leg.facts.interaction_id for leg in board.legs} == {"I-C1"}


def test_an_extension_that_was_connected_in_the_resulting_call_before_its_transfer_was_reported_has_two_legs() -> None:
    board = consulting().call("Established", 30.1, "C3", "2002").hears(attended())
    assert calls_of(board, "C3")[0].parties["2002"].since == moment(30)

    board.call("ConnectionCleared", 50, "C3", "2002")

    assert [one for one in board.spans() if one[0] == "2002"] == [("2002", 25, 30), ("2002", 30.1, 50)]


def test_an_extension_that_left_the_resulting_call_before_the_transfer_was_reported_has_left() -> None:
    board = consulting().call("ConnectionCleared", 30.2, "C3", "2002").hears(attended())

    assert ends(board) == {"C1 2001": 30, "C3 2002": 30.2, "C2 2001": 30}
    assert all(one.is_over for one in calls_of(board, "C3"))


# Which of the calls is the customer's


@pytest.mark.parametrize("primary", ["C1", "C2"])
def test_where_one_old_call_is_named_first_the_older_of_them_is_the_customers(primary: str) -> None:
    """The destination's monitor names its own call as the primary one."""
    olds = [{"callId": name, "deviceId": device} for name, device in (("C1", TRUNK), ("C2", "2002"))]
    news = listed(TRUNK, "2002")
    connections = [{**new, "old": old} for new, old in zip(news, olds, strict=True)]
    board = consulting().hears(attended(primaryOldCallId=primary, secondaryOldCallId=None, connections=connections))

    assert board.legs[1].facts.queue_name == "Sales"
    assert calls_of(board, "C3")[0].root == moment(1)


def test_where_both_old_calls_are_named_and_neither_was_dialled_the_primary_one_is_the_customers() -> None:
    board = talking().call("Held", 20, "C1", "2001").call("Established", 23, "C2", "2001")
    board.call("Established", 25, "C2", "2002").call("CallInformation", 26, "C2", queueName="Support")
    board.hears(attended(primaryOldCallId="C2", secondaryOldCallId="C1"))

    assert {leg.facts.queue_name for leg in board.legs if leg.device_id == "2002"} == {"Support"}


@pytest.mark.parametrize(("held", "queue"), [("C1", "Sales"), ("C2", "Support")])
def test_of_two_calls_that_a_snapshot_found_the_one_on_hold_is_the_customers(held: str, queue: str) -> None:
    board = Switchboard().hears(event("Lost", 1, family="link"), event("Restored", 2, family="link"))
    board.hears(event("Began", 3, family="snapshot"))
    board.call("Established", 3.1, "C2", "2001", queueName="Support")
    board.call("Established", 3.2, "C1", "2001", queueName="Sales").call("Established", 3.3, "C2", "2002")
    board.hears(event("Ended", 4, family="snapshot")).call("Held", 5, held, "2001")
    board.hears(conferenced(10, primaryOldCallId="C2", secondaryOldCallId=None, connections=joined("2001")))

    assert calls_of(board, "C3")[0].facts["queue_name"][-1].value == queue


def joined(host: str) -> list[dict[str, Any]]:
    """Return the connections of a conference of C1 and C2, which name no primary call but by the host's monitor."""
    olds = (("C1", TRUNK), ("C2", "2002"))
    return [{**new, "old": {"callId": name, "deviceId": device}} for name, device in olds for new in listed(device)]


# Conferences


def test_a_conference_takes_all_off_hold_and_ends_the_hosts_consultation() -> None:
    board = consulting().hears(conferenced(connections=joined("2001")))

    assert ends(board) == {"C3 2001": None, "C3 2002": None, "C2 2001": 30}
    assert [leg.is_held for leg in board.legs] == [False, False, False]
    assert not [one for one in calls_of(board, "C3")[0].parties.values() if one.state == "hold"]


def test_a_conference_whose_parties_have_all_left_before_it_is_reported_is_over() -> None:
    """What is connected under its id after that is in another call."""
    board = consulting().call("ConnectionCleared", 30.3, "C3", "2002").call("ConnectionCleared", 30.4, "C3", "2001")
    board.call("Established", 31, "C3", "2003").hears(conferenced())

    assert ends(board) == {"C3 2001": 30.4, "C3 2002": 30.3, "C2 2001": 30, "C3 2003": None}
    assert board.legs[-1].facts.queue_name == ""


@pytest.mark.parametrize(
    ("device", "site", "before", "opens"),
    [
        ("2003", {"devices": frozenset({"2001", "2002", "2003"})}, [], True),
        ("2003", {"devices": frozenset({"2001", "2002", "2003"})}, [("Delivered", 28, "C2", "2003")], True),
        ("2003", {"devices": frozenset({"2001", "2002"})}, [], False),
        ("5000", {"devices": frozenset({"2001", "2002", "5000"}), "queues": frozenset({"5000"})}, [], False),
    ],
)
def test_a_conference_opens_a_leg_for_an_extension_that_it_lists_and_that_was_never_seen_to_answer(
    device: str, site: dict[str, Any], before: list[tuple[str, float, str, str]], opens: bool
) -> None:
    board = consulting(with_site(**site))
    for kind, at, call_id, name in before:
        board.call(kind, at, call_id, name)
    board.hears(conferenced(connections=listed("2001", "2002", device)))

    assert [one for one in board.spans() if one[0] == device] == ([(device, 30, None)] if opens else [])


def test_a_conference_opens_no_leg_for_an_extension_that_has_left() -> None:
    board = consulting(with_site(devices=frozenset({"2001", "2002", "2003"})))
    board.call("Established", 26, "C1", "2003").call("ConnectionCleared", 28, "C1", "2003")
    board.hears(conferenced(resultingCallId="C1", connections=listed("2001", "2002", "2003", call_id="C1")))

    assert [one for one in board.spans() if one[0] == "2003"] == [("2003", 26, 28)]
