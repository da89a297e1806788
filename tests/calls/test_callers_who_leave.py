"""Who called leaves while phones ring, whose end need not be reported: nothing of the call is handed to the next one.

Times are seconds after noon, of the source itself. Uma's call C1 waits in Q8, and rings at 2001 from 15.5 on.
"""

from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "queueName": "Sales", "interactionId": "I1"}


def said(kind: str, at: float, device: str, call: str = "C1", **data: Any) -> AnyEvent:
    return event(kind, at, callId=call, deviceId=device, **data)


QUEUED = (said("Queued", 0, "Q8", **UMA), said("Delivered", 15.5, "2001"))
DIALLED = (said("Originated", 0, "2003", interactionId="I1", callerName="Uma"), said("Delivered", 15.5, "2001"))
CALLER, QUEUE, DIALLER = (
    said("ConnectionCleared", 20, "T1:1", outside=True),
    said("ConnectionCleared", 20, "Q8"),
    said("ConnectionCleared", 20, "2003"),
)


def known_of(before: tuple[AnyEvent, ...], burst: tuple[AnyEvent, ...]) -> set[tuple[str, str, str, bool]]:
    """Return extension, queue, caller, and whether the interaction is Uma's, of each leg."""
    site = with_site(queues=frozenset({"Q8", "Q9"}), devices=frozenset({"2001", "2002", "2003", "2004"}))
    board = Switchboard(site).hears(*before)
    board.hears(*(replace(one, gatewaytime=moment(21 + place / 20)) for place, one in enumerate(burst))).waits(60)
    legs = [leg for leg in board.legs if leg.disconnected_source_at != leg.connected_source_at]
    return {
        (leg.device_id, leg.facts.queue_name, leg.facts.caller_name, leg.facts.interaction_id == "I1") for leg in legs
    }


@pytest.mark.parametrize("left", [CALLER, QUEUE], ids=["caller", "queue"])
@pytest.mark.parametrize("device", ["2001", "2002"])
@pytest.mark.parametrize(
    "begins", [None, said("Delivered", 20.3, "2002"), said("Queued", 20.3, "Q9", queueName="Support")]
)
def test_a_call_that_its_caller_left_hands_nothing_on_in_any_order(
    left: AnyEvent, device: str, begins: AnyEvent | None
) -> None:
    burst = (left, said("Established", 20.6, device), *([begins] if begins is not None else []))
    queue = "Support" if begins is not None and begins.data.queue_name else ""  # type: ignore[union-attr]

    for order in permutations(burst):
        assert known_of(QUEUED, order) == {(device, queue, "", False)}


@pytest.mark.parametrize("next_dials", [False, True])
def test_a_call_that_who_dialled_left_hands_nothing_on_in_any_order(next_dials: bool) -> None:
    burst = [DIALLER, said("Established", 20.9, "2001"), said("Originated", 20.3, "2004")]

    for order in permutations(burst if next_dials else burst[:2]):
        assert known_of(DIALLED, order) - {("2004", "", "", False)} == {("2001", "", "", False)}


def test_the_interaction_shows_that_a_call_goes_on_without_who_left_in_any_order() -> None:
    burst = (QUEUE, said("Established", 20.6, "2001", interactionId="I1"))

    for order in permutations(burst):
        assert known_of(QUEUED, order) == {("2001", "Sales", "Uma", True)}


def test_a_call_that_was_in_another_queue_by_then_goes_on_in_any_order() -> None:
    burst = (said("Queued", 19.9, "Q9", queueName="Support"), QUEUE, said("Established", 20.6, "2001"))

    for order in permutations(burst):
        if order.index(burst[0]) < order.index(QUEUE) < 2:
            assert known_of(QUEUED, order) == {("2001", "Support", "Uma", True)}


@pytest.mark.parametrize("left_at", [20, 20.02, 20.5])
@pytest.mark.parametrize("device", ["Q8", "T1:1"])
def test_who_leaves_a_call_when_it_is_answered_takes_nothing_from_it(left_at: float, device: str) -> None:
    left = said("ConnectionCleared", left_at, device, outside=device != "Q8")

    for order in permutations((left, said("Established", 20, "2001"))):
        assert known_of(QUEUED, order) == {("2001", "Sales", "Uma", True)}


@pytest.mark.parametrize("result", ["C2", "C3"])
def test_a_call_that_is_handed_on_while_it_rings_goes_on_without_who_dialled(result: str) -> None:
    talks = (said("Queued", 0, "Q8", **UMA), said("Established", 5, "2001"), said("Held", 10, "2001"))
    before = (*talks, said("Originated", 11, "2001", "C2"), said("Delivered", 12, "2002", "C2"))
    data = {"transferringDeviceId": "2001", "primaryOldCallId": "C1", "secondaryOldCallId": "C2"}
    moved = event("Transferred", 20, callId="C1", transferredToDeviceId="2002", resultingCallId=result, **data)
    left = (said("ConnectionCleared", 20, "2001"), said("ConnectionCleared", 20, "2001", "C2"))
    answered = said("Established", 20.5, "2002", result)

    for order in permutations((moved, *left, answered)):
        known = known_of(before, order)
        assert ("2001", "Sales", "Uma", True) in known
        assert known <= {("2001", "Sales", "Uma", True), ("2002", "Sales", "Uma", True), ("2002", "", "", False)}
        if order.index(moved) < order.index(answered) or result == "C3":
            assert ("2002", "Sales", "Uma", True) in known


def at_2001(before: tuple[AnyEvent, ...], burst: tuple[AnyEvent, ...]) -> tuple[str, str, bool]:
    """Return queue, caller, and whether the interaction is Uma's, of the leg at 2001."""
    [(_, queue, caller, is_umas)] = [one for one in known_of(before, burst) if one[0] == "2001"]
    return queue, caller, is_umas


FAR_ENDS = [said("Established", 0, "+4930111", **UMA), said("Established", 0, "T1:1", outside=True, **UMA)]


@pytest.mark.parametrize("far_end", FAR_ENDS, ids=["number", "trunk"])
@pytest.mark.parametrize("begins", [None, said("Queued", 20.3, "Q8", queueName="Support")])
def test_a_customer_whom_a_dialler_called_and_who_gives_up_in_the_queue_hands_nothing_on(
    far_end: AnyEvent, begins: AnyEvent | None
) -> None:
    """Before: the far end was connected, and kept the call for the id's next caller."""
    waits = (far_end, said("Queued", 0.5, "Q8", queueName="Sales"))
    burst = (QUEUE, *([begins] if begins is not None else []), said("Established", 20.6, "2001"))

    assert at_2001(waits, burst) == ("Support" if begins is not None else "", "", False)
    for order in permutations(burst):
        assert at_2001(waits, order)[1:] == ("", False), order
        assert at_2001(waits, order)[0] != "Sales", order


@pytest.mark.parametrize("far_end", FAR_ENDS, ids=["number", "trunk"])
def test_a_customer_whom_a_dialler_called_is_the_same_where_the_answer_states_his_interaction(
    far_end: AnyEvent,
) -> None:
    waits = (far_end, said("Queued", 0.5, "Q8", queueName="Sales"))

    for order in permutations((QUEUE, said("Established", 20.6, "2001", interactionId="I1"))):
        assert at_2001(waits, order) == ("Sales", "Uma", True), order
