"""Calls that fail: what ends with Failed, and that the id's next call has nothing of the one that failed.

2001 dials Zoe under the id 100; the next call comes under the same id, with nothing stated about it.
"""

from typing import Any

import pytest

from calls.transcript.format import seconds_of
from tests.calls.switchboard import Switchboard
from tests.relatives.case import BEGIN, Case, Event, cleared, dials, established, other, played, queued, rings
from tests.relatives.case import information as informed

pytestmark = pytest.mark.core

ZOE: dict[str, Any] = {"name": "Zoe", "interaction": "I1", "number": "+4930100"}
OWN = {"AgentId", "CTICallRef", "InteractionGuid"}


def dialled(reached: float | None = 1.2, **members: Any) -> list[Event]:
    network = [other(reached, "NetworkReached", "100", "T2")] if reached is not None else []
    return [dials(1, "100", "2001", **ZOE, **members), *network]


def failed(at: float, device: str, **members: Any) -> Event:
    return other(at, "Failed", "100", device, **{"cause": "busy", **members})


#: What becomes of the first call, which is over at 10.5 at the latest; and when its leg at 2001 ends, if it has one.
OVER: dict[str, tuple[list[Event], float | None]] = {
    "reached the network": ([*dialled(), failed(10.5, "2001")], 10.5),
    "reached it, no answer": ([*dialled(), failed(10.5, "2001", cause="noAnswer")], 10.5),
    "reached it, no cause": ([*dialled(), failed(10.5, "2001", cause="")], 10.5),
    "reached it, failed at once": ([*dialled(9.8), failed(10.5, "2001")], None),
    "reached it, the trunk rang": (
        [*dialled(), other(2, "Delivered", "100", "T2", outside=True), failed(10.5, "2001")],
        None,
    ),
    "reached it, the trunk rang late": (
        [*dialled(), other(6, "Delivered", "100", "T2", outside=True), failed(10.5, "2001")],
        10.5,
    ),
    "reached it, the far end failed": ([*dialled(), failed(6.5, "T2"), cleared(10.5, "100", "2001")], 6.5),
    "reached it, an outside far end failed": (
        [*dialled(), failed(6.5, "T2", outside=True), cleared(10.5, "100", "2001")],
        6.5,
    ),
    "reached it, failed and cleared": ([*dialled(), failed(8.5, "2001"), cleared(10.5, "100", "2001")], 8.5),
    "reached it, both failed": ([*dialled(), failed(6.5, "T2"), failed(10.5, "2001")], 6.5),
    "answered, then failed": (
        [*dialled(), other(5.5, "Established", "100", "T2", outside=True), failed(10.5, "2001")],
        10.5,
    ),
    "never reached it": ([*dialled(None), failed(10.5, "2001")], None),
    "a colleague rang": ([*dialled(None), rings(2, "100", "2003"), failed(10.5, "2001"), failed(10.5, "2003")], None),
    "a colleague rang, who dialled failed": ([*dialled(None), rings(2, "100", "2003"), failed(10.5, "2001")], None),
    "a colleague answered, both failed": (
        [*dialled(None), established(5.5, "100", "2003"), failed(10.5, "2003"), failed(10.5, "2001")],
        10.5,
    ),
    "its queue failed": ([queued(1, "100", "5000", queue="Sales", **ZOE), failed(10.5, "5000")], None),
}
CLOCKS: dict[str, dict[str, Any]] = {
    "fractions": {},
    "whole": {"queues": ["5000"]},
    "none": {"has_source_times": False},
}


def in_clock(clock: str, events: list[Event]) -> list[Event]:
    """Return events with the times of a clock: of whole seconds, they are heard when they happen."""
    if clock != "whole":
        return events
    return [{**one, "at": float(int(one["at"])), "heard": one["at"]} for one in events]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("phone", ["2001", "2002"])
@pytest.mark.parametrize("pause", [0.7, 20.0])
@pytest.mark.parametrize("first", OVER)
def test_a_call_that_failed_ends_its_leg_and_leaves_nothing_to_the_next_one(
    first: str, pause: float, phone: str, clock: str
) -> None:
    events, ends = OVER[first]
    began = 10.5 + pause
    following = [established(began, "100", phone), cleared(began + 20, "100", phone)]
    site = {"queues": ["5000"], **CLOCKS[clock]}
    recordings = [("R1", phone, began + 0.1, began + 20)]
    replay = played(Case(first, in_clock(clock, [*events, *following]), [], recordings, site=site))

    legs = sorted((leg for leg in replay.legs if leg.device_id in ("2001", phone)), key=lambda leg: leg.number)
    flags = replay.flags[legs[-1].number]
    assert set(flags) == OWN
    assert flags["InteractionGuid"] != "I1"
    own = [leg for leg in legs[:-1] if leg.device_id == "2001"]
    assert len(own) == (ends is not None)
    heard = [seconds_of(leg.disconnected_gateway_at) - BEGIN for leg in own if leg.disconnected_gateway_at is not None]
    assert [round(at, 3) for at in heard] == [ends for _ in own]


def test_a_call_whose_trunk_failed_goes_out_on_another_one_with_all_that_it_knows() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001", interactionId="I1")
    board.call("NetworkReached", 1.2, "C1", "T1").waits(5).call("Failed", 6, "C1", "T1", cause="networkCongestion")
    board.call("NetworkReached", 7, "C1", "T2").call("Established", 8, "C1", "T2", outside=True)
    board.call("ConnectionCleared", 30, "C1", "2001")

    assert board.spans() == [("2001", 1.2, 6.0), ("2001", 8.0, 30.0)]
    assert {leg.facts.interaction_id for leg in board.legs} == {"I1"}


def test_the_failure_of_a_phone_that_was_called_in_says_nothing_of_the_far_end() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 1.2, "C1", "T1").waits(5)
    board.call("Delivered", 6, "C1", "2003").call("Failed", 8, "C1", "2003").call("ConnectionCleared", 30, "C1", "2001")

    assert board.spans() == [("2001", 1.2, 30.0)]


def test_a_queue_call_that_fails_at_a_device_that_is_not_in_it_waits_on() -> None:
    board = Switchboard().call("Queued", 1, "C1", "5000", queueName="Sales", interactionId="I1")
    board.call("Failed", 5, "C1", "T9", outside=True, cause="busy").call("Failed", 6, "C1", "2003", cause="busy")
    board.call("Established", 80, "C1", "2001")

    assert (board.leg.facts.queue_name, board.leg.facts.interaction_id) == ("Sales", "I1")


def test_a_failure_that_is_heard_after_the_phone_talks_in_the_next_call_divides_them() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001", interactionId="I1", queueName="Sales")
    board.call("NetworkReached", 1.2, "C1", "T1").waits(5).call("Established", 8.5, "C1", "2001")
    board.call("Failed", 8.0, "C1", "2001", cause="busy")

    assert board.spans() == [("2001", 8.5, None)]
    assert (board.leg.facts.queue_name, board.leg.facts.interaction_id == "I1") == ("", False)


def test_the_wrap_up_of_a_call_that_failed_is_not_put_on_the_next_one() -> None:
    wrapup = {"result": "busy"}
    events = [
        *dialled(),
        failed(6, "2001"),
        established(8, "100", "2002"),
        informed(9, "100", "2001", wrapup=wrapup),
        cleared(30, "100", "2002"),
    ]
    replay = played(Case("", events, [], [("R1", "2002", 8.1, 30)]))

    assert [set(flags) for flags in replay.flags.values() if flags] == [OWN]
