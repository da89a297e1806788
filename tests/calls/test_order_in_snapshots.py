"""A snapshot names the phones of a call in any order: what it stated itself shows nothing of before the gap.

Times are seconds after noon. 2001 talks with Vic of Sales in C1; the link is lost at 12, and at 20 a snapshot finds
2001 and 2002 in C1.
"""

from itertools import permutations
from typing import Any

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

VIC: dict[str, Any] = {"callerName": "Vic", "callerNameSource": "isdn", "callingNumber": "+4911"}
BOB: dict[str, Any] = {"callerName": "Bob", "callerNameSource": "isdn", "callingNumber": "+4922"}
FIRST = ("Vic", "Sales")
#: What the snapshot states at both phones of another call than Vic's.
OTHERS: dict[str, dict[str, Any]] = {
    "another customer": {**BOB, "interactionId": "I3"},
    "another customer, without an interaction": BOB,
    "another name": {"callerName": "Bob", "callerNameSource": "isdn", "interactionId": "I3"},
    "an internal call": {"callingNumber": "2002", "interactionId": "I3"},
    "another queue": {"queueName": "Support", "interactionId": "I3"},
}


def _found(stated: dict[str, Any], order: tuple[str, ...], *, known: dict[str, Any] | None = None) -> Switchboard:
    board = Switchboard(with_site(devices=frozenset({"2001", "2002", "2003"})))
    board.call("Queued", 5, "C1", "7000", queueName="Sales").call(
        "Established", 8, "C1", "2001", **VIC, **(known or {})
    )
    board.hears(event("Lost", 12, family="link", reason="test"), event("Restored", 20, family="link"))
    board.hears(event("Began", 20.1, family="snapshot"))
    found: list[AnyEvent] = [event("Established", 20.2, callId="C1", deviceId=name, **stated) for name in order]
    board.hears(*found, event("Ended", 20.3, family="snapshot"))
    for name in order:
        board.call("ConnectionCleared", 40, "C1", name)
    return board.waits(60)


@pytest.mark.parametrize("stated", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("order", [*permutations(("2001", "2002")), ("2002", "2003", "2001"), ("2001",)])
def test_a_phone_in_another_call_after_a_gap_is_known_in_whatever_order_a_snapshot_names_its_phones(
    stated: dict[str, Any], order: tuple[str, ...]
) -> None:
    legs = _found(stated, order).legs

    assert [leg.device_id for leg in legs] == ["2001", *order]
    assert (legs[0].facts.caller_name, legs[0].facts.queue_name) == FIRST
    assert legs[0].is_end_unknown
    assert legs[0].facts.interaction_id not in {leg.facts.interaction_id for leg in legs[1:]}
    assert {leg.facts.queue_name for leg in legs[1:]} == {stated.get("queueName", "")}
    assert len({leg.facts.interaction_id for leg in legs[1:]}) == 1


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the customer is stated at both": (VIC, {}),
    "the interaction is stated at both": ({**VIC, "interactionId": "I1"}, {"interactionId": "I1"}),
    "the interaction is stated after the gap alone": ({**VIC, "interactionId": "I1"}, {}),
    "nothing is stated": ({}, {}),
}


@pytest.mark.parametrize(("stated", "known"), SAME.values(), ids=SAME)
@pytest.mark.parametrize("order", [*permutations(("2001", "2002"))])
def test_a_call_to_which_a_phone_came_in_a_gap_goes_on(
    stated: dict[str, Any], known: dict[str, Any], order: tuple[str, ...]
) -> None:
    legs = _found(stated, order, known=known).legs

    assert [(leg.device_id, leg.facts.caller_name, leg.is_end_unknown) for leg in legs] == [
        ("2001", "Vic", False),
        ("2002", "Vic", False),
    ]
