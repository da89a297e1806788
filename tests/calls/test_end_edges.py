"""Ends, rule by rule: which call an end is of, who waits after it, and what a call that is divided hands on.

Seconds after noon. The source's own times are known unless a test says otherwise.
"""

from typing import Any

import pytest

from tests.calls.call_states import NO_TIMES
from tests.calls.switchboard import NOON, Switchboard, moment, with_site
from tests.calls.test_transfer_edges import attended, calls_of, consulting, ends, talking

pytestmark = pytest.mark.core

TRUNK = "T17:3"


def lives(board: Switchboard, call_id: str = "C1") -> list[float]:
    """Return when each call of an id began, the earliest first."""
    return sorted((one.born_at - NOON).total_seconds() for one in calls_of(board, call_id))


# Who waits after an end


@pytest.mark.parametrize(
    ("device", "data", "goes_on"),
    [
        ("5000", {}, False),  # The queue itself.
        (TRUNK, {"outside": True}, False),  # The caller.
        ("T99", {}, False),  # A device that is none of ours.
        ("2001", {}, True),  # A phone that rang.
        ("2002", {}, True),  # A phone of which nothing was heard.
    ],
)
def test_a_caller_or_a_queue_that_leaves_ends_a_waiting_call_and_a_phone_does_not(
    device: str, data: dict[str, Any], goes_on: bool
) -> None:
    ours = frozenset({"2001", "2002", "2003", TRUNK})
    board = Switchboard(with_site(devices=ours, queues=frozenset({"5000"})))
    board.call("Queued", 1, "C1", "5000", queueName="Sales").call("Delivered", 3, "C1", "2001")
    if device != "2001":
        board.call("ConnectionCleared", 3.5, "C1", "2001")
    board.call("ConnectionCleared", 4, "C1", device, **data).call("Established", 6, "C1", "2003")

    assert board.leg.facts.queue_name == ("Sales" if goes_on else "")


def test_the_queue_in_which_a_call_waits_ends_it_though_no_list_of_queues_names_it() -> None:
    board = Switchboard(with_site(devices=frozenset({"2001", "5000"})))
    board.call("Queued", 1, "C1", "5000", queueName="Sales").call("ConnectionCleared", 4, "C1", "5000")
    board.call("Established", 6, "C1", "2001")

    assert board.leg.facts.queue_name == ""


@pytest.mark.parametrize("kind", ["ServiceInitiated", "Originated"])
def test_a_phone_that_dialled_the_queue_ends_its_call_by_hanging_up(kind: str) -> None:
    board = Switchboard().call(kind, 1, "C1", "2001").call("Queued", 2, "C1", "5000", queueName="Sales")
    board.call("ConnectionCleared", 4, "C1", "2001").call("Established", 6, "C1", "2002")

    assert board.leg.facts.queue_name == ""


def test_a_cleared_call_waits_at_no_queue() -> None:
    board = Switchboard().call("Queued", 1, "C1", "5000").call("CallCleared", 4, "C1")

    (call,) = calls_of(board, "C1")
    assert (call.waits_since, call.waits_at, call.cleared_at) == (None, "", moment(4))


def test_a_clearing_that_is_reported_twice_ends_a_call_at_the_later_of_both() -> None:
    board = talking().call("CallCleared", 10, "C1").call("CallCleared", 9.5, "C1")

    assert calls_of(board, "C1")[0].cleared_at == moment(10)
    assert board.spans() == [("2001", 5, 10)]


# Ends that are reported late, twice, or before the beginning


def test_an_end_that_another_monitor_reports_a_little_later_is_the_same_end() -> None:
    board = talking().call("Established", 6, "C1", "2002").call("ConnectionCleared", 10, "C1", "2001")
    board.call("ConnectionCleared", 10.5, "C1", "2001")

    assert ends(board) == {"C1 2001": 10, "C1 2002": None}
    assert calls_of(board, "C1")[0].parties["2001"].cleared_at == moment(10)


def test_a_phone_that_rang_twice_in_a_call_has_left_it_when_it_rang_last() -> None:
    board = talking().call("Delivered", 8, "C1", "2002").call("ConnectionCleared", 9, "C1", "2002")
    board.call("ConnectionCleared", 9.5, "C1", "2002")

    assert calls_of(board, "C1")[0].parties["2002"].cleared_at == moment(9)


def test_a_device_that_had_left_before_its_call_was_handed_on_is_in_the_call_before_it() -> None:
    board = consulting().hears(attended()).call("ConnectionCleared", 29.9, "C2", "2002")
    board.call("CallInformation", 30.2, "C3", callingNumber="+49301").waits(35)

    assert ends(board) == {"C1 2001": 30, "C2 2002": 29.9, "C2 2001": 30}
    leg = board.legs[1]
    assert (leg.facts.queue_name, leg.facts.calling_number) == ("", "")
    assert (leg.incarnation, leg.pending_transfer) == (calls_of(board, "C2")[0].incarnation, None)


def test_a_recording_that_was_found_stays_with_a_leg_that_ended_before_its_call_was_handed_on() -> None:
    board = consulting().found(25.5, 2, "G2", started=25).hears(attended())
    board.call("ConnectionCleared", 29.9, "C2", "2002").waits(35)

    assert (2, "base") in board.writes


def test_an_answer_that_is_reported_after_the_end_of_its_call_divides_it_from_the_ids_next_call() -> None:
    board = Switchboard().call("Delivered", 1, "C1", "2001", queueName="Sales")
    board.call("ConnectionCleared", 9, "C1", "2001").call("Established", 9.3, "C1", "2002", interactionId="I2")
    board.call("Established", 3, "C1", "2001")

    assert ends(board) == {"C1 2001": 9, "C1 2002": None}
    assert [leg.facts.queue_name for leg in sorted(board.legs, key=lambda one: one.connected_source_at)] == [
        "Sales",
        "",
    ]


# A call that is divided


def divided(at: float = 20, **site: Any) -> Switchboard:
    """2001 leaves C1 at 20, which is reported after the id was used again: 2002 is connected in it at 20.3."""
    board = talking(with_site(**site)).call("Established", 20.3, "C1", "2002", calledNumber="0800")
    return board.call("ConnectionCleared", at, "C1", "2001")


def test_what_came_after_an_end_that_is_reported_late_is_in_another_call() -> None:
    board = divided().call("ConnectionCleared", 30, "C1", "2002").waits(32)

    assert lives(board) == [1, 20.3]
    first, second = board.legs
    assert (first.facts.queue_name, first.facts.called_number) == ("Sales", "")
    assert (second.facts.queue_name, second.facts.called_number) == ("", "0800")


def test_a_call_that_is_divided_ended_there() -> None:
    board = divided()
    first = min(calls_of(board, "C1"), key=lambda one: one.born_at)

    assert (first.cleared_at, first.entered_at, first.ended_at) == (moment(20), moment(20), moment(20))
    board.call("CallInformation", 20.1, "C1", callingNumber="+4930").waits(25)
    assert board.legs[0].facts.calling_number == ""


def test_both_parts_of_a_call_that_is_divided_are_forgotten_a_minute_after_their_end() -> None:
    board = divided().call("ConnectionCleared", 30, "C1", "2002")
    assert len(calls_of(board, "C1")) == 2

    board.waits(90)
    assert calls_of(board, "C1") == []


def test_a_later_part_that_is_over_itself_is_forgotten_a_minute_after_that_was_heard() -> None:
    board = talking().call("Established", 20.3, "C1", "2002").call("ConnectionCleared", 20.6, "C1", "2002")
    board.call("ConnectionCleared", 20, "C1", "2001").waits(82)

    assert calls_of(board, "C1") == []


def test_who_waits_in_a_queue_after_the_end_of_a_call_waits_in_the_next_one() -> None:
    board = talking().call("Queued", 20.3, "C1", "5001", queueName="Support")
    board.call("ConnectionCleared", 20, "C1", "2001").call("Established", 25, "C1", "2002")

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Support"]
    assert [leg.incarnation for leg in board.legs] != [1, 1]


def test_who_waited_before_the_end_of_a_call_does_not_end_it() -> None:
    """2002 rings before 2001 leaves: it answers the same caller."""
    board = talking().call("Delivered", 19, "C1", "2002").call("Established", 20.3, "C1", "2002")
    board.call("ConnectionCleared", 20, "C1", "2001")

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Sales"]
    assert lives(board) == [1]


@pytest.mark.parametrize(("since", "lasts"), [(20, True), (20.001, False)])
def test_a_party_that_came_by_the_moment_of_an_end_is_in_the_call(since: float, lasts: bool) -> None:
    board = talking().call("CallInformation", 19.5, "C1").call("Established", since, "C1", "2002")
    board.call("ConnectionCleared", 20, "C1", "2001")

    assert (lives(board) == [1]) is lasts


def test_of_a_connection_that_was_reported_twice_the_second_is_of_the_next_call_where_the_first_ended_between() -> None:
    board = talking().call("Established", 10.3, "C1", "2001").call("ConnectionCleared", 10, "C1", "2001")
    board.call("ConnectionCleared", 30, "C1", "2001").waits(32)

    assert board.spans() == [("2001", 5, 10), ("2001", 10.3, 30)]
    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", ""]


def test_three_connections_of_a_device_that_were_reported_before_their_ends_are_three_calls() -> None:
    board = talking().call("Established", 10.3, "C1", "2001").call("Established", 10.6, "C1", "2001")
    board.call("ConnectionCleared", 10.8, "C1", "2001")
    board.call("ConnectionCleared", 10.5, "C1", "2001").call("ConnectionCleared", 10, "C1", "2001").waits(13)

    assert sorted(board.spans()) == [("2001", 5, 10), ("2001", 10.3, 10.5), ("2001", 10.6, 10.8)]
    assert len({leg.incarnation for leg in board.legs}) == 3


@pytest.mark.parametrize("second", [10, 10.2])
def test_an_end_before_the_one_that_was_heard_first_is_that_of_the_first_call(second: float) -> None:
    """2001 leaves at 10; the id is used again, and 2001 leaves that call at 10.9, which is heard first."""
    board = talking().call("ConnectionCleared", 10.9, "C1", "2001").call("ConnectionCleared", second, "C1", "2001")
    board.call("Established", 10.5, "C1", "2001").waits(13)

    assert sorted(board.spans()) == [("2001", 5, second), ("2001", 10.5, 10.9)]


@pytest.mark.parametrize("site", [{}, NO_TIMES])
def test_the_end_of_a_device_that_only_rang_leaves_the_others_in_the_call(site: dict[str, Any]) -> None:
    board = talking(with_site(**site)).call("Delivered", 8, "C1", "2002").call("ConnectionCleared", 9, "C1", "2002")
    board.call("Established", 9.5, "C1", "2003")

    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", "Sales"]
