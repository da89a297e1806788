"""A link without times of its own, whose monitors report out of order, and an id that is used again at once.

Who came into a call within a second before its last other extension left it is not safely of that call: it gets nothing
of what was known of it. Times are seconds after noon; events come in the order in which they are written.
"""

import pytest

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

CUSTOMER = {"queueName": "Sales", "callerName": "Jo", "callerNameSource": "isdn", "interactionId": "I1"}


def _csta(**site: float) -> Switchboard:
    return Switchboard(with_site(has_source_times=False, **site))


def _talks(board: Switchboard, device: str = "2001", **facts: str) -> Switchboard:
    return board.call("Queued", 1, "C1", **(facts or CUSTOMER)).call("Established", 5, "C1", device)


def _known(leg: LegState) -> tuple[str, str, bool]:
    return leg.facts.caller_name, leg.facts.queue_name, leg.facts.interaction_id == "I1"


UNKNOWN = ("", "", False)
JO = ("Jo", "Sales", True)


@pytest.mark.parametrize("end", [20.2, 20.8, 21.2])
def test_who_is_connected_within_a_second_before_the_last_one_left_has_nothing_of_the_call(end: float) -> None:
    """2002 is connected at 20.2, and the end of 2001 is reported up to a second later."""
    board = _talks(_csta()).call("Established", 20.2, "C1", "2002").call("ConnectionCleared", end, "C1", "2001")
    board.call("ConnectionCleared", 40, "C1", "2002").waits(60)

    assert [_known(leg) for leg in board.legs] == [JO, UNKNOWN]
    assert board.spans()[1] == ("2002", 20.2, 40.0)


def test_who_has_talked_with_the_one_who_leaves_for_more_than_a_second_is_of_the_call() -> None:
    board = _talks(_csta()).call("Established", 20.2, "C1", "2002").call("ConnectionCleared", 21.3, "C1", "2001")

    assert [_known(leg) for leg in board.legs] == [JO, JO]


@pytest.mark.parametrize("site", [{"has_source_times": True}, {"has_source_times": False, "settle_seconds": 0.0}])
def test_times_of_its_own_or_one_ordered_stream_leave_no_such_doubt(site: dict[str, float]) -> None:
    board = _talks(Switchboard(with_site(**site))).call("Established", 20.2, "C1", "2002")
    board.call("ConnectionCleared", 20.8, "C1", "2001")

    assert _known(board.legs[1]) == JO


def test_who_got_the_call_by_a_transfer_is_of_it() -> None:
    """2001 hands the call on to 2002, is reported as connected once more, and leaves at once."""
    board = _talks(_csta()).hears(
        event("Transferred", 20, primaryOldCallId="C1", resultingCallId="C2", transferringDeviceId="2001")
    )
    board.call("Established", 20.3, "C2", "2003").call("Established", 20.5, "C2", "2002")
    board.call("ConnectionCleared", 20.9, "C2", "2003")

    assert _known(board.legs[-1]) == JO


def test_what_is_stated_after_the_newcomer_came_is_the_newcomers() -> None:
    """The second call's caller is named as 2002 answers; that 2001 has left is reported after it."""
    board = _talks(_csta(), interactionId="I1").call("Established", 20.2, "C1", "2002", callerName="Zoe")
    board.call("ConnectionCleared", 20.5, "C1", "2001").waits(60)

    assert [leg.facts.caller_name for leg in board.legs] == ["", "Zoe"]


def test_a_phone_that_rings_before_the_last_one_left_is_in_the_next_call() -> None:
    """It is picked up later by another one, which has nothing of the first call either."""
    board = _talks(_csta()).call("Delivered", 20.4, "C1", "2002").call("ConnectionCleared", 20.7, "C1", "2001")
    board.call("Diverted", 22, "C1", "2002", newDestination="2003", cause="callPickup")
    board.call("Established", 22.1, "C1", "2003", cause="callPickup")

    assert _known(board.legs[-1]) == UNKNOWN


def test_who_is_queued_before_the_last_one_left_is_the_next_caller() -> None:
    board = _talks(_csta()).call("Queued", 20.5, "C1", callerName="Vic", callerNameSource="isdn", queueName="Support")
    board.call("ConnectionCleared", 20.9, "C1", "2001").call("Established", 24.5, "C1", "2002")

    assert _known(board.legs[1]) == ("Vic", "Support", False)


def test_who_is_queued_where_one_has_left_just_now_and_one_remains_is_the_next_caller() -> None:
    """The other end's end is reported late, or not at all: nothing of the next caller is given to it."""
    board = _csta().call("Originated", 1, "C1", "2001").call("Established", 3, "C1", "2002")
    board.call("ConnectionCleared", 20, "C1", "2001").call("Queued", 20.2, "C1", **CUSTOMER)
    board.call("ConnectionCleared", 50, "C1", "2002")

    assert [_known(leg) for leg in board.legs] == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(("cleared", "known"), [(20.7, UNKNOWN), (21.3, JO)])
def test_an_answer_less_than_a_second_before_the_call_was_cleared_has_nothing_of_it(
    cleared: float, known: tuple[str, str, bool]
) -> None:
    """The caller gave up, the id was used again, and the end of the first call is reported after the answer."""
    board = _csta().call("Queued", 1, "C1", **CUSTOMER).call("Established", 20.2, "C1", "2001")
    board.call("CallCleared", cleared, "C1").waits(60)

    assert _known(board.leg) == known


def test_a_call_that_is_cleared_leaves_who_came_just_before_with_nothing_of_it() -> None:
    """Of an internal call one end was reported; the id is used again, and the first call is cleared after that."""
    board = _csta().call("Originated", 1, "C1", "2001", interactionId="I1").call("Established", 3, "C1", "2002")
    board.call("ConnectionCleared", 20, "C1", "2001").call("Established", 20.5, "C1", "2003")
    board.call("CallCleared", 20.8, "C1").waits(60)

    assert [_known(leg)[2] for leg in board.legs] == [True, True, False]


@pytest.mark.parametrize("reports", [[20.3], [20.3, 20.4]], ids=["twice", "three times"])
def test_who_is_no_safe_member_of_a_call_ends_though_it_was_reported_as_connected_by_several_monitors(
    reports: list[float],
) -> None:
    """The end of 2002 comes within a second of the reports, when it is not known yet that these were repeats."""
    board = _talks(_csta()).call("Established", 20.2, "C1", "2002")
    for at in reports:
        board.call("Established", at, "C1", "2002")
    board.call("ConnectionCleared", 21.1, "C1", "2001").call("ConnectionCleared", 21.15, "C1", "2002").waits(60)

    assert board.spans()[1] == ("2002", 20.2, 21.15)
    assert _known(board.legs[1]) == UNKNOWN


def test_an_end_that_was_kept_with_the_last_of_three_reports_ends_the_leg() -> None:
    board = _csta().call("Established", 20.2, "C1", "2002")
    for at in (20.3, 20.4):
        board.call("Established", at, "C1", "2002")
    board.call("ConnectionCleared", 21.15, "C1", "2002").waits(60)

    assert board.spans() == [("2002", 20.2, 21.15)]


def _moves(board: Switchboard, at: float, resulting: str = "C2") -> Switchboard:
    data = {"primaryOldCallId": "C1", "resultingCallId": resulting, "transferringDeviceId": "2001"}
    return board.hears(event("Transferred", at, transferredToDeviceId="2004", **data))


def test_who_came_less_than_a_second_before_a_call_is_heard_to_have_been_handed_on_has_nothing_of_it() -> None:
    board = _moves(_talks(_csta()).call("Established", 20.2, "C1", "2002", callerName="Zoe"), 20.8)
    board.call("Established", 22, "C2", "2004").call("ConnectionCleared", 30, "C1", "2002").waits(60)

    assert [(leg.call_id, *_known(leg)) for leg in board.legs] == [
        ("C1", *JO),
        ("C1", "Zoe", "", False),
        ("C2", *JO),
    ]


def test_a_phone_that_dialled_under_the_id_before_its_transfer_is_heard_of_is_in_the_next_call() -> None:
    board = _moves(_talks(_csta()).call("Originated", 20.2, "C1", "2001"), 20.8)
    board.call("Established", 22, "C1", "2002").call("Established", 22, "C2", "2004").waits(60)

    assert [(leg.call_id, leg.device_id, *_known(leg)) for leg in board.legs] == [
        ("C1", "2001", *JO),
        ("C1", "2002", *UNKNOWN),
        ("C1", "2001", *UNKNOWN),
        ("C2", "2004", *JO),
    ]


@pytest.mark.parametrize("kind", ["Established", "Delivered"])
def test_a_phone_that_is_in_the_next_call_before_it_is_heard_that_it_left_gives_neither_the_data_of_the_other(
    kind: str,
) -> None:
    board = _talks(_csta(), interactionId="I1").call(kind, 20.2, "C1", "2001", callerName="Zoe")
    board.call("ConnectionCleared", 20.6, "C1", "2001").call("Established", 20.9, "C1", "2001")
    board.call("ConnectionCleared", 30, "C1", "2001").waits(60)

    assert [_known(leg) for leg in board.legs] == [("", "", True), ("Zoe", "", False)]


@pytest.mark.parametrize(("at", "known"), [(20.28, JO), (20.6, UNKNOWN)])
def test_an_answer_of_just_before_the_queue_left_the_call_has_nothing_of_it_unless_both_came_at_once(
    at: float, known: tuple[str, str, bool]
) -> None:
    board = _csta().call("Queued", 1, "C1", "5000", **CUSTOMER).call("Established", 20.2, "C1", "2001")
    board.call("ConnectionCleared", at, "C1", "5000").waits(60)

    assert _known(board.leg) == known


def test_of_a_call_of_two_phones_whose_ends_are_heard_after_one_is_in_the_next_call_neither_has_its_data() -> None:
    board = _csta().call("Originated", 10, "C1", "2001", interactionId="I1").call("Established", 11, "C1", "2002")
    board.call("Established", 20.2, "C1", "2001", callerName="Zoe")
    board.call("ConnectionCleared", 20.6, "C1", "2001").call("ConnectionCleared", 20.61, "C1", "2002")
    board.call("ConnectionCleared", 30, "C1", "2001").waits(60)

    assert [(leg.device_id, *_known(leg)) for leg in board.legs] == [
        ("2002", "", "", True),
        ("2001", "", "", True),
        ("2001", "Zoe", "", False),
    ]
