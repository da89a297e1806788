"""A phone's ringing is heard after its end, by the source's own times: it rings no more, and keeps no call alive.

Times are seconds after noon. The first call (Uma) rings at 2001 and 2003; the next one under its id (Ben) is queued,
and answered at 2002.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.state import PartyState
from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callingNumber": "+4930001", "callerName": "Uma", "callerNameSource": "personal"}
BEN: dict[str, Any] = {"callingNumber": "+4930002", "queueName": "Sales"}


def _said(kind: str, at: float, device: str, *, heard: float | None = None, **data: Any) -> AnyEvent:
    return _heard(event(kind, at, callId="C", deviceId=device, **data), heard)


def _heard(one: AnyEvent, at: float | None) -> AnyEvent:
    return one if at is None else replace(one, gatewaytime=moment(at))


RINGS, ALSO = _said("Delivered", 3, "2001", **UMA), _said("Delivered", 3, "2003", **UMA)
ANSWERED, QUEUED = _said("Established", 4, "2001", **UMA), event("Queued", 8.2, callId="C", **BEN)
LEFT_LATE = _said("ConnectionCleared", 8, "2001", heard=8.8)
LED_ON = [RINGS, ALSO, ANSWERED, _said("Diverted", 4.05, "2003")]

FIRST_CALLS = {
    "its ringing is reported twice": [*LED_ON, _said("Delivered", 3, "2003", heard=4.2)],
    "without its number the second time": [
        *LED_ON,
        event("Delivered", 3, callId="C", deviceId="2003", callingNumber="+4930001"),
    ],
    "it failed there": [RINGS, ALSO, ANSWERED, _said("Failed", 4.05, "2003"), _said("Delivered", 3, "2003", heard=4.2)],
    "led on to who answered, after another call": [
        event("Delivered", 1, callId="C", deviceId="2003", callingNumber="+4930009"),
        _said("Diverted", 1.3, "2003", newDestination="+49408545"),
        _said("Diverted", 3.3, "2003", newDestination="2001"),
        _said("Delivered", 3.35, "2001", **UMA),
        _said("Delivered", 3, "2003", heard=3.7, **UMA),
        ANSWERED,
    ],
}


@pytest.mark.parametrize("first", FIRST_CALLS.values(), ids=FIRST_CALLS)
def test_the_next_call_of_the_id_has_nothing_of_a_call_that_a_phone_seemed_to_ring_in(first: list[AnyEvent]) -> None:
    told = [*first, QUEUED, LEFT_LATE, _said("Established", 10, "2002", **BEN), _said("ConnectionCleared", 20, "2002")]
    uma, ben = Switchboard(with_site()).hears(*told).waits(30).legs[-2:]

    assert (uma.device_id, ben.device_id) == ("2001", "2002")
    assert ben.facts.caller_name == ""
    assert ben.facts.interaction_id != uma.facts.interaction_id


@pytest.mark.parametrize("is_heard", [True, False], ids=["its ringing is heard late", "its ringing is never heard"])
def test_a_call_that_a_phone_led_outside_keeps_nothing_for_the_next(is_heard: bool) -> None:
    rings = [_said("Delivered", 2, "2003", heard=2.6)] if is_heard else []
    away = _said("Diverted", 2.3, "2003", newDestination="+49403307")
    told = [
        event("Queued", 0.5, callId="C", callerName="Uma", callerNameSource="isdn", queueName="Support"),
        away,
        *rings,
    ]
    told += [event("Queued", 28, callId="C", **BEN), _said("Established", 31, "2002")]
    (ben,) = Switchboard(with_site(devices=frozenset({"2001", "2002", "2003"}))).hears(*told).waits(30).legs

    assert (ben.facts.caller_name, ben.facts.queue_name) == ("", "Sales")


def test_a_phone_that_is_offered_the_call_again_rings() -> None:
    board = Switchboard(with_site()).hears(RINGS, _said("Diverted", 4, "2001"), _said("Delivered", 4, "2001"))
    (call,) = board.state.calls.values()

    assert call.parties["2001"].state is PartyState.ALERTING


def test_a_phone_that_another_one_answered_for_leads_the_call_nowhere_when_that_is_heard_after_the_end() -> None:
    rings = [event("Delivered", 37.5, callId="C", deviceId=one, interactionId="I3") for one in ("2001", "2003")]
    talked = [_said("Established", 40.5, "2001"), _said("ConnectionCleared", 40.6, "2001")]
    no_more = _said("Diverted", 40.55, "2003", heard=41.3)
    led_on = _said("Diverted", 62.8, "Doctors", newDestination="Support", cause="overflow")
    queued = event("Queued", 62.81, callId="C", queueName="Support")
    first_queue = _heard(event("Queued", 62.5, callId="C", queueName="Doctors", interactionId="I4"), 63.1)
    told = [*rings, *talked, no_more, led_on, queued, first_queue, _said("Established", 67, "2003")]
    legs = Switchboard(with_site(devices=frozenset({"2001", "2003"}))).hears(*told).waits(10).legs

    assert legs[-1].facts.queue_name == "Support"
