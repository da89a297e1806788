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
