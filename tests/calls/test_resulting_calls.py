"""Which call goes on after a transfer or conference, rule by rule, and what of its id's other calls does not.

2001 talks to a customer of Sales in C1 since 5. Seconds after noon.
"""

from typing import Any

import pytest

from tests.calls.call_states import NO_TIMES
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_transfer_edges import (
    TRUNK,
    attended,
    blind,
    calls_of,
    conferenced,
    consulting,
    ends,
    joined,
    listed,
    talking,
    waits_since,
)

pytestmark = pytest.mark.core

Report = tuple[str, float, str, str]


def queues(board: Switchboard, device: str) -> list[str]:
    """Return the queue of each leg of an extension, in the order of their beginnings."""
    legs = sorted(board.legs, key=lambda leg: leg.connected_source_at)
    return [leg.facts.queue_name for leg in legs if leg.device_id == device]


# A call that is known under the resulting id


@pytest.mark.parametrize(
    ("reports", "data", "goes_on"),
    [
        # It began within a second of the transfer.
        ([("Delivered", 19, "C3", "2002")], {}, True),
        ([("Delivered", 18.999, "C3", "2002")], {}, False),
        # Or one of those who are to come is in it.
        ([("Delivered", 10, "C3", "2002")], {"transferredToDeviceId": "2002"}, True),
        ([("Delivered", 10, "C3", "2002")], {"connections": listed("2002")}, True),
        ([("Delivered", 10, "C3", "2002")], {"transferredToDeviceId": "2003"}, False),
        ([("Delivered", 10, "C3", "2001")], {"connections": listed("2001")}, False),  # It is in the old call.
        (
            [
                ("Delivered", 10, "C3", "2002"),
                ("Delivered", 11, "C3", "2003"),
                ("ConnectionCleared", 12, "C3", "2002"),
            ],
            {"transferredToDeviceId": "2002"},
            False,
        ),
        # A call that is over, or may be, has no part in it.
        ([("Delivered", 19, "C3", "2002"), ("CallCleared", 19.5, "C3", "")], {}, False),
        ([("Delivered", 19, "C3", "2002"), ("CallCleared", 20, "C3", "")], {}, True),
    ],
)
def test_a_call_under_the_resulting_id_goes_on_if_it_is_new_or_has_who_is_to_come(
    reports: list[Report], data: dict[str, Any], goes_on: bool
) -> None:
    board = talking()
    for kind, at, call_id, device in reports:
        board.call(kind, at, call_id, device)
    board.hears(blind(transferringDeviceId=None, **data))

    assert len(calls_of(board, "C3")) == (1 if goes_on else 2)


@pytest.mark.parametrize(
    ("stated", "goes_on"), [({}, True), ({"interactionId": "I-C1"}, True), ({"interactionId": "I9"}, False)]
)
def test_a_call_of_another_interaction_is_not_the_one_that_goes_on(stated: dict[str, str], goes_on: bool) -> None:
    board = talking().call("Delivered", 19.9, "C3", "2002", **stated).hears(blind())

    assert len(calls_of(board, "C3")) == (1 if goes_on else 2)


def test_a_call_whose_interaction_is_known_may_go_on_as_the_one_of_a_customer_of_which_none_is() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001", queueName="Sales")
    board.call("Delivered", 19.9, "C3", "2002", interactionId="I9").hears(blind()).call("Established", 21, "C3", "2002")

    assert queues(board, "2002") == ["Sales"]


@pytest.mark.parametrize(
    ("queued", "target", "goes_on"),
    [(20.3, "2002", False), (20, "2002", True), (20, "5001", True), (19.9, None, True)],
)
def test_a_call_that_was_queued_after_an_extension_had_got_the_customer_is_another(
    queued: float, target: str | None, goes_on: bool
) -> None:
    site = with_site(devices=frozenset({"2001", "2002"}), queues=frozenset({"5001"}))
    board = talking(site).call("Queued", queued, "C3", "5001").hears(blind(transferredToDeviceId=target))

    assert len(calls_of(board, "C3")) == (1 if goes_on else 2)


@pytest.mark.parametrize("named", ["transferringDeviceId", "deviceId"])
@pytest.mark.parametrize(("born", "goes_on"), [(19.75, True), (19.7, False)])
def test_a_call_that_began_before_the_transfer_and_without_who_hands_on_had_the_id_before(
    named: str, born: float, goes_on: bool
) -> None:
    board = talking().call("Established", born, "C3", "2005")
    host: dict[str, Any] = {"transferringDeviceId": None, named: "2001"}
    board.hears(blind(**host))

    assert queues(board, "2005") == ["Sales" if goes_on else ""]


@pytest.mark.parametrize(("born", "goes_on"), [(29.75, True), (29.7, False)])
def test_a_call_that_began_before_a_conference_and_without_its_host_had_the_id_before(
    born: float, goes_on: bool
) -> None:
    board = consulting().call("Established", born, "C3", "2005").hears(conferenced())

    assert queues(board, "2005") == ["Sales" if goes_on else ""]


@pytest.mark.parametrize(("born", "goes_on"), [(19, True), (18.9, False)])
def test_of_times_in_whole_seconds_a_call_that_began_a_second_before_its_transfer_may_be_the_one(
    born: float, goes_on: bool
) -> None:
    board = talking(with_site(**NO_TIMES)).call("Established", born, "C3", "2005").hears(blind())

    assert queues(board, "2005") == ["Sales" if goes_on else ""]


def test_a_call_that_was_queued_after_the_customer_was_handed_on_is_another_whichever_extension_has_got_it() -> None:
    site = with_site(devices=frozenset({"2001", "2002"}), queues=frozenset({"5001"}))
    board = talking(site).call("Queued", 20.3, "C3", "5001", queueName="Support")
    board.hears(blind(transferredToDeviceId="2002")).call("Established", 25, "C3", "2002")

    assert queues(board, "2002") == ["Support"]


def test_the_resulting_call_is_as_old_as_the_customers() -> None:
    board = talking().hears(blind())
    assert calls_of(board, "C3")[0].root == moment(1)

    board.call("Established", 24, "C3", "2002")
    board.hears(blind(30, primaryOldCallId="C3", transferringDeviceId="2002", resultingCallId="C4"))
    assert calls_of(board, "C4")[0].root == moment(1)


def test_a_call_that_goes_on_lasts_until_it_ends_or_goes_stale() -> None:
    board = talking(with_site(stale_hours=1.0)).hears(blind()).waits(3619)
    assert len(calls_of(board, "C3")) == 1

    board.waits(3620)
    assert calls_of(board, "C3") == []


def test_who_is_connected_under_an_id_since_a_call_was_handed_on_to_it_is_in_that_and_not_in_the_ids_last_one() -> None:
    board = talking().call("Established", 10, "C3", "2005").call("Established", 20.5, "C3", "2002").hears(blind())

    assert (queues(board, "2002"), queues(board, "2005")) == (["Sales"], [""])


def test_a_call_that_was_handed_on_again_before_its_transfer_is_reported_takes_the_data_along() -> None:
    board = talking().call("Established", 30.1, "C3", "2002")
    board.hears(blind(31, primaryOldCallId="C3", transferringDeviceId="2002", resultingCallId="C4"))
    board.call("Established", 32, "C4", "2003").hears(blind(30))

    assert queues(board, "2003") == ["Sales"]


# The same transfer, reported by several


def test_a_second_report_changes_nothing_where_the_first_one_left_the_consultation_out() -> None:
    board = consulting().hears(attended(30, secondaryOldCallId=None), attended(30.5))

    assert len(calls_of(board, "C3")) == 1
    assert ends(board) == {"C1 2001": 30, "C3 2002": None, "C2 2001": 30}
    assert calls_of(board, "C1")[0].moved_at == moment(30)


def test_what_is_known_of_the_resulting_call_outlasts_a_second_report() -> None:
    board = consulting().hears(attended(30, secondaryOldCallId=None))
    board.call("CallInformation", 30.2, "C3", queueName="Support").hears(attended(30.5))

    assert calls_of(board, "C3")[0].facts["queue_name"][-1].value == "Support"


def test_a_second_report_of_a_conference_takes_nobody_off_hold() -> None:
    board = consulting().hears(conferenced()).call("Held", 30.3, "C3", "2002").hears(conferenced(30.4))

    assert [leg.is_held for leg in board.legs if leg.call_id == "C3"] == [False, True]


# The calls that are joined


@pytest.mark.parametrize(("at", "queue"), [(11, "Sales"), (11.001, "")])
def test_a_call_that_was_over_a_second_before_it_was_handed_on_is_another_call(at: float, queue: str) -> None:
    board = talking().call("ConnectionCleared", 10, "C1", "2001").hears(blind(at)).call("Established", 15, "C3", "2002")

    assert queues(board, "2002") == [queue]


def test_who_is_connected_under_the_old_id_after_its_call_was_handed_on_is_in_another_call() -> None:
    board = talking().call("Established", 20.3, "C1", "2003").hears(blind(20)).call("Established", 24, "C3", "2002")

    assert ends(board) == {"C1 2001": 20, "C1 2003": None, "C3 2002": None}
    assert (queues(board, "2003"), queues(board, "2002")) == ([""], ["Sales"])


def test_of_two_calls_that_were_heard_of_the_older_is_the_customers_whichever_is_on_hold() -> None:
    board = consulting().call("Held", 27, "C2", "2001").call("Retrieved", 28, "C1", "2001")
    board.call("CallInformation", 28.5, "C2", queueName="Support")
    board.hears(conferenced(primaryOldCallId="C2", secondaryOldCallId=None, connections=joined("2001")))

    assert calls_of(board, "C3")[0].facts["queue_name"][-1].value == "Sales"
    assert ends(board) == {"C3 2001": None, "C3 2002": None, "C2 2001": 30}


def test_a_host_that_is_in_none_of_the_calls_is_in_none_after_the_conference() -> None:
    board = consulting().hears(conferenced(conferencingDeviceId="2009"))

    assert not [one for one in board.state.calls.values() if "2009" in one.parties]


# What becomes of the calls


@pytest.mark.parametrize(("at", "kept"), [(79.9, 1), (80, 0)])
def test_a_call_that_was_handed_on_is_forgotten_a_minute_later(at: float, kept: int) -> None:
    board = talking().hears(blind()).waits(at)

    assert len(calls_of(board, "C1")) == kept


def test_a_call_that_was_handed_on_waits_nowhere() -> None:
    board = Switchboard().call("Queued", 1, "C1", "5000").hears(blind(10, transferringDeviceId="5000"))

    (call,) = calls_of(board, "C1")
    assert (call.waits_since, call.waits_at) == (None, "")
    assert waits_since(board) == 10


def test_a_call_that_goes_on_with_its_destination_does_not_wait() -> None:
    """Once the destination has left, it is over: who is connected under the id then is in another call."""
    board = consulting().hears(attended())
    assert waits_since(board) is None

    board.call("ConnectionCleared", 40, "C3", "2002").call("Established", 45, "C3", "2003")
    assert queues(board, "2003") == [""]


@pytest.mark.parametrize(("comes", "leaves", "queue"), [(30.4, 30.8, "Sales"), (30.4, 31, "Sales"), (31.2, 31.5, "")])
def test_who_comes_into_a_call_that_was_joined_within_the_last_second_is_announced_by_that(
    comes: float, leaves: float, queue: str
) -> None:
    """Without times of the source, who comes less than a second before the last other leaves may be in the next."""
    board = consulting(with_site(**NO_TIMES)).hears(attended()).call("Established", comes, "C3", "2003")
    board.call("ConnectionCleared", leaves, "C3", "2002")

    assert queues(board, "2003") == [queue]


def test_a_site_that_does_not_list_its_extensions_opens_no_leg_for_who_is_only_listed() -> None:
    board = consulting().hears(conferenced(connections=listed("2001", "2002", "2003", TRUNK)))

    assert [leg.device_id for leg in board.legs] == ["2001", "2002", "2001"]


# Data under an id that names the call no more


@pytest.mark.parametrize(
    ("call_id", "number"),
    [("C1", "+4930"), ("C2", "")],
)
def test_data_of_before_a_transfer_that_are_heard_after_it_are_the_customers_where_they_are_of_that_call(
    call_id: str, number: str
) -> None:
    board = consulting().call("CallInformation", 26, "C1", calledNumber="0800", callingNumber="+491")
    board.hears(attended(), event("CallInformation", 29.9, callId=call_id, callingNumber="+4930"))
    board.call("CallInformation", 30.2, "C3")

    assert (board.legs[1].facts.calling_number == "+4930") is bool(number)
    assert board.legs[1].facts.called_number == "0800"


def test_data_of_a_consultation_that_are_heard_after_the_transfer_fill_what_the_customers_call_lacks() -> None:
    board = consulting().hears(attended(), event("CallInformation", 29.9, callId="C2", queryData={"order": "7"}))

    assert board.legs[1].facts.query_data == {"order": "7"}


def test_data_of_after_a_transfer_under_the_old_id_are_not_those_of_the_call_that_goes_on() -> None:
    board = consulting().hears(attended(), event("CallInformation", 30.1, callId="C1", calledNumber="0900"))

    assert board.legs[1].facts.called_number == ""


@pytest.mark.parametrize("kind", ["Diverted", "ConnectionCleared", "CallInformation"])
def test_data_that_state_the_interaction_of_a_call_that_is_not_known_are_no_calls(kind: str) -> None:
    board = talking().call("Established", 6, "C1", "2002")
    board.hears(event(kind, 7, callId="C1", deviceId="2009", interactionId="I9", calledNumber="0900"))

    assert {leg.facts.called_number for leg in board.legs[:2]} == {""}
    assert ends(board) == {"C1 2001": None, "C1 2002": None}


def test_data_that_state_another_interaction_and_no_device_are_those_of_the_call_in_which_somebody_talks() -> None:
    board = talking().call("CallInformation", 7, "C1", interactionId="I9", calledNumber="0900")

    assert (board.leg.facts.interaction_id, board.leg.facts.called_number) == ("I9", "0900")


def test_a_transfer_of_a_call_that_has_gone_on_elsewhere_brings_nobody_into_that_one() -> None:
    """Uma's C1 goes on as C3; the second report joins C1 and Ann's C5 as C4."""
    board = Switchboard().call("Established", 5, "C1", "2001", callerName="Uma", callerNameSource="isdn")
    ids = {"primaryOldCallId": "C1", "transferringDeviceId": "2001"}
    board.call("Established", 25, "C5", "2003", callerName="Ann", callerNameSource="isdn")
    board.call("Established", 25.1, "C5", "2001")
    board.hears(event("Transferred", 30, **ids, resultingCallId="C3", transferredToDeviceId="2002"))
    board.call("Established", 30.1, "C3", "2002")
    again = {"secondaryOldCallId": "C5", "resultingCallId": "C4", "transferredToDeviceId": "2003"}
    board.hears(event("Transferred", 30.2, **ids, **again))

    here = [(leg.call_id, leg.device_id) for leg in board.legs if leg.disconnected_source_at is None]
    assert sorted(here) == [("C3", "2002"), ("C4", "2003")]
    assert [leg.facts.caller_name for leg in board.legs if leg.device_id == "2003"] != ["Uma"]
