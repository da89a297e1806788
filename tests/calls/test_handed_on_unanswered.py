"""A call is handed on to a phone that does not answer, its trunk's end is not reported, and its id is used again.

Times are seconds after noon. 2001 hands its call with the trunk T1 on to 2002 at 33.5, which stops ringing at 39.5: the
call is over. A caller comes under the id at 39.7 and is answered by 2003. That 2002 rings no more is heard at 39.51, or
last of all.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

FIRST = "+493000002"
DEVICES = frozenset({"2001", "2002", "2003"})


def _said(kind: str, at: float, call: str, device: str = "", *, heard: float | None = None, **data: Any) -> AnyEvent:
    one = event(kind, at, callId=call, deviceId=device, **data) if device else event(kind, at, callId=call, **data)
    return one if heard is None else replace(one, gatewaytime=moment(heard))


def _handed_on(to: str, **data: Any) -> AnyEvent:
    return event(
        "Transferred",
        33.5,
        primaryOldCallId="C1",
        resultingCallId=to,
        transferringDeviceId="2001",
        transferredToDeviceId="2002",
        connections=[{"old": {"callId": "C1", "deviceId": "T1"}, "new": {"callId": to, "deviceId": "T1"}}],
        **data,
    )


BEFORE = [
    _said("Queued", 25.5, "C1", callingNumber=FIRST, queueName="Sales"),
    _said("Established", 27.5, "C1", "2001"),
    _said("Established", 27.8, "C1", "T1"),
]
CONSULTS = [
    _said("Held", 30, "C1", "2001"),
    _said("Originated", 31, "C2", "2001", callingNumber="2001"),
    _said("Delivered", 32, "C2", "2002"),
]
#: How the call was handed on, and under which id it goes on.
WAYS: dict[str, tuple[list[AnyEvent], str]] = {
    "blind, to another id": ([_handed_on("C2"), _said("Delivered", 34, "C2", "2002")], "C2"),
    "blind, under its id": ([_handed_on("C1"), _said("Delivered", 34, "C1", "2002")], "C1"),
    "as the consultation rings, under its id": ([*CONSULTS, _handed_on("C2", secondaryOldCallId="C2")], "C2"),
    "as the consultation rings, under the first id": ([*CONSULTS, _handed_on("C1", secondaryOldCallId="C2")], "C1"),
    "as the consultation rings, to another id": ([*CONSULTS, _handed_on("C3", secondaryOldCallId="C2")], "C3"),
}
ENDS = {"left": "ConnectionCleared", "failed": "Failed"}


def _next(call: str) -> dict[str, list[AnyEvent]]:
    """Return how the next call under an id begins and is answered by 2003."""
    number = {"callingNumber": "+493000003"}
    answered = _said("Established", 41.7, call, "2003", heard=41.71)
    return {
        "queued, with its number": [_said("Queued", 39.7, call, heard=39.71, queueName="Support", **number), answered],
        "queued, without a number": [_said("Queued", 39.7, call, heard=39.71, queueName="Support"), answered],
        "rings at another phone": [_said("Delivered", 39.7, call, "2003", heard=39.71, **number), answered],
        "answered by another phone": [_said("Established", 39.7, call, "2003", heard=39.71, **number)],
        "dialled": [
            _said("Originated", 39.7, call, "2003", heard=39.71),
            _said("Established", 40.1, call, "+4989555", heard=40.11, outside=True),
        ],
    }


def _as_timed(one: AnyEvent, times: str) -> AnyEvent:
    if times == "in whole seconds":
        return replace(one, time=one.time.replace(microsecond=0), gatewaytime=one.at)
    return one if times == "with fractions" else replace(one, time=one.at)


def _legs(way: str, told: list[AnyEvent], end: AnyEvent, heard: float, times: str = "with fractions") -> dict[str, str]:
    """Return the interaction of each phone's leg, and the queue of the second, as the end of 2002 is heard so late."""
    late = replace(end, gatewaytime=moment(heard))
    events = [*BEFORE, *WAYS[way][0], *sorted([*told, late], key=lambda one: one.at)]
    board = Switchboard(with_site(devices=DEVICES, has_source_times=times != "without times"))
    board.hears(*(_as_timed(one, times) for one in events)).waits(60)
    return {leg.device_id: leg.facts.interaction_id for leg in board.legs} | {
        "queue": next(leg.facts.queue_name for leg in board.legs if leg.device_id == "2003")
    }


@pytest.mark.parametrize("heard", [39.51, 40.3, 42.5])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("beginning", _next("C1"))
@pytest.mark.parametrize("way", WAYS)
def test_the_next_caller_under_the_id_has_nothing_of_a_call_that_nobody_answered(
    way: str, beginning: str, end: str, heard: float
) -> None:
    call = WAYS[way][1]
    found = _legs(way, _next(call)[beginning], _said(ENDS[end], 39.5, call, "2002"), heard)

    assert found["2003"] != found["2001"]
    assert found["queue"] == ("Support" if "queued" in beginning else "")


@pytest.mark.parametrize("times", ["in whole seconds", "without times"])
@pytest.mark.parametrize("beginning", _next("C1"))
@pytest.mark.parametrize("way", WAYS)
def test_so_it_is_in_order_whatever_the_times(way: str, beginning: str, times: str) -> None:
    call = WAYS[way][1]
    end = _said("ConnectionCleared", 39.5, call, "2002")
    found = _legs(way, _next(call)[beginning], end, 39.51, times)

    assert found["2003"] != found["2001"]


@pytest.mark.parametrize("heard", [39.51, 40.3])
@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_its_number_vouches_for_goes_on_after_a_phone_that_did_not_answer(way: str, heard: float) -> None:
    call = WAYS[way][1]
    answered = _said("Established", 39.7, call, "2003", heard=39.71, callingNumber=FIRST)
    found = _legs(way, [answered], _said("ConnectionCleared", 39.5, call, "2002"), heard)

    assert found["2003"] == found["2001"]
    assert found["queue"] == "Sales"


@pytest.mark.parametrize("heard", [39.51, 40.3])
@pytest.mark.parametrize("way", WAYS)
def test_a_call_that_is_led_on_from_a_phone_that_did_not_answer_goes_on(way: str, heard: float) -> None:
    call = WAYS[way][1]
    told = [_said("Delivered", 39.7, call, "2003", heard=39.71), _said("Established", 41.7, call, "2003", heard=41.71)]
    found = _legs(way, told, _said("Diverted", 39.5, call, "2002", newDestination="2003"), heard)

    assert found["2003"] == found["2001"]
    assert found["queue"] == "Sales"
