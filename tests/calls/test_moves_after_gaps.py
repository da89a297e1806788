"""What leads a call away, or says that it goes on: after a gap it may be of another call, else it is believed.

Times are seconds after noon. Uma talks in C1 with 2001, the link is lost at 9 and comes back at 24, without a snapshot.
"""

from typing import Any

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "queueName": "Sales"}
VIC: dict[str, Any] = {"callerName": "Vic", "callerNameSource": "isdn"}


def said(kind: str, at: float, device: str, **data: Any) -> AnyEvent:
    return event(kind, at, callId="C1", deviceId=device, **data)


def names(board: Switchboard) -> list[tuple[str, str, str]]:
    return [(leg.device_id, leg.facts.caller_name, leg.facts.queue_name) for leg in board.legs]


FIRST = ("2001", "Uma", "Sales")
LATER = {
    "a queue leads a call to a phone": (
        [said("Diverted", 26, "Q8", newDestination="2002"), said("Delivered", 26, "2002", **VIC)],
        ("2002", "Vic", ""),
    ),
    "a queue leads a call to another queue": (
        [said("Diverted", 26, "Q8", newDestination="Q9"), said("Queued", 26.1, "Q9", queueName="Support")],
        ("2002", "", "Support"),
    ),
    "a phone that is not in the call leads it away": (
        [said("Diverted", 26, "2003", newDestination="2002"), said("Delivered", 26, "2002", **VIC)],
        ("2002", "Vic", ""),
    ),
}


@pytest.mark.parametrize(("later", "second"), LATER.values(), ids=LATER)
@pytest.mark.parametrize("has_source_times", [True, False])
def test_what_leads_a_call_away_after_a_gap_does_not_bring_the_next_call_into_the_one_before(
    later: list[AnyEvent], second: tuple[str, str, str], has_source_times: bool
) -> None:
    site = with_site(queues=frozenset({"Q8", "Q9"}), has_source_times=has_source_times)
    board = Switchboard(site).hears(said("Queued", 0, "Q8", **UMA), said("Established", 5, "2001"))
    board.hears(event("Lost", 9, family="link", reason="test"), event("Restored", 24, family="link"), *later)
    board.hears(said("Established", 30, "2002"), said("ConnectionCleared", 40, "2002")).waits(60)

    assert names(board) == [FIRST, second]


def test_what_leads_a_call_away_after_a_gap_and_states_its_interaction_is_of_it() -> None:
    board = Switchboard(with_site(queues=frozenset({"Q8"})))
    board.hears(said("Queued", 0, "Q8", interactionId="I1", **UMA), said("Established", 5, "2001"))
    board.hears(event("Lost", 9, family="link", reason="test"), event("Restored", 24, family="link"))
    board.hears(said("Diverted", 26, "Q8", newDestination="2002", interactionId="I1"))
    board.hears(said("Established", 30, "2002", interactionId="I1"), said("ConnectionCleared", 40, "2002")).waits(60)

    assert names(board) == [FIRST, ("2002", "Uma", "Sales")]


@pytest.mark.parametrize("until", [20.1, 20.5, 20.9])
@pytest.mark.parametrize("cause", ["park", "callPark", "transfer"])
def test_a_call_that_its_phone_led_away_as_it_left_goes_on_without_times_of_the_source(
    cause: str, until: float
) -> None:
    board = Switchboard(with_site(queues=frozenset({"Q8"}), has_source_times=False))
    board.hears(said("Queued", 0, "Q8", **UMA), said("Established", 5, "2001"))
    board.hears(said("Diverted", 20, "2001", newDestination="7001", cause=cause))
    board.hears(said("ConnectionCleared", until, "2001"), said("Established", 40, "2002", cause="callPickup"))
    board.call("ConnectionCleared", 60, "C1", "2002").waits(80)

    assert names(board) == [FIRST, ("2002", "Uma", "Sales")]


def test_a_queue_that_came_just_before_the_last_phone_left_is_still_the_next_calls() -> None:
    board = Switchboard(with_site(queues=frozenset({"Q8"}), has_source_times=False))
    board.hears(said("Queued", 0, "Q8", **UMA), said("Established", 5, "2001"))
    board.hears(said("Queued", 20, "Q9", queueName="Support"), said("ConnectionCleared", 20.5, "2001"))
    board.hears(said("Established", 40, "2002"), said("ConnectionCleared", 60, "2002")).waits(80)

    assert names(board)[1][1] == ""


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_call_that_a_snapshot_found_in_its_queue_ends_with_it_and_gives_its_queue_to_no_consultation(
    is_lost: bool,
) -> None:
    """The caller gives up 0.7 s after the gap, and an agent with a customer of Billing dials under the id."""
    known = {"queues": frozenset({"5001", "5002"}), "devices": frozenset({"2001", "2002"})}
    board = Switchboard(with_site(has_source_times=False, **known))
    board.call("Queued", 6, "C2", "5001", queueName="Support", interactionId="I1")
    board.call("Established", 7, "C1", "2001", queueName="Billing", interactionId="I2")
    if is_lost:
        board.hears(event("Lost", 7.8, family="link"), event("Restored", 8, family="link"))
    board.hears(event("Began", 8, family="snapshot")).call("Queued", 8, "C2", "5001", queueName="Support")
    board.call("Established", 8, "C1", "2001").hears(event("Ended", 8, family="snapshot"))
    board.call("ConnectionCleared", 8.7, "C2", "T1", outside=True, interactionId="I1")
    board.call("ConnectionCleared", 8.7, "C2", "5001", interactionId="I1")
    board.call("Held", 8.9, "C1", "2001", interactionId="I2").call("Originated", 8.95, "C2", "2001", interactionId="I2")
    board.call("Delivered", 9, "C2", "2002", interactionId="I2")
    names = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3", "interactionId": "I2"}
    board.hears(event("Transferred", 11, transferringDeviceId="2001", transferredToDeviceId="2002", **names))
    board.call("Established", 12, "C3", "2002", interactionId="I2").waits(30)

    assert [leg.facts.queue_name for leg in board.legs if leg.device_id == "2002"] == ["Billing"]
