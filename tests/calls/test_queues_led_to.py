"""A queue to which a phone leads its call is not that phone's: it had the call from another one, or from none.

Times are seconds after noon. 2001 answers at 5, and leads the call to the queue Service at 20, where 2002 answers.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

Told = tuple[str, float, str, dict[str, Any]]
SERVICE = {"queueName": "Service"}
TO_QUEUE = {"transferringDeviceId": "2001", "transferredToDeviceId": "5001", "primaryOldCallId": "C1"}


def heard(at: float, kind: str, seconds: float, **data: Any) -> AnyEvent:
    """Return an event of C1 that is received at a moment of its own."""
    return replace(event(kind, seconds, callId="C1", **data), gatewaytime=moment(at))


WAYS: dict[str, list[Told]] = {
    "diverted, queued, left": [
        ("Diverted", 20, "2001", {"newDestination": "5001"}),
        ("Queued", 20.02, "5001", SERVICE),
        ("ConnectionCleared", 20.05, "2001", {}),
    ],
    "queued, left": [("Queued", 20.02, "5001", SERVICE), ("ConnectionCleared", 20.05, "2001", {})],
    "queued, left a while later": [("Queued", 20, "5001", SERVICE), ("ConnectionCleared", 23, "2001", {})],
    "queued, answered, left": [
        ("Queued", 20, "5001", SERVICE),
        ("Established", 20.3, "2002", {}),
        ("ConnectionCleared", 20.4, "2001", {}),
    ],
    "queued, then transferred": [
        ("Queued", 20, "5001", SERVICE),
        ("Transferred", 20.1, "2001", {**TO_QUEUE, "resultingCallId": "C1"}),
    ],
    "transferred and queued at one moment": [
        ("Transferred", 20, "2001", {**TO_QUEUE, "resultingCallId": "C1"}),
        ("Queued", 20, "5001", SERVICE),
    ],
    "a queue without a name": [("Queued", 20, "5001", {}), ("ConnectionCleared", 20.05, "2001", {})],
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("queue", ["Sales", ""])
@pytest.mark.parametrize("is_dialled", [False, True])
@pytest.mark.parametrize("has_source_times", [False, True])
def test_the_phone_that_leads_its_call_to_a_queue_keeps_the_queue_that_it_came_from(
    way: list[Told], queue: str, is_dialled: bool, has_source_times: bool, request: pytest.FixtureRequest
) -> None:
    board = Switchboard(with_site(has_source_times=has_source_times))
    if is_dialled:
        board.call("Originated", 1, "C1", "2001", queueName=queue or None)
        board.call("Established", 5, "C1", "T1:1", outside=True)
    else:
        board.call("Delivered", 1, "C1", "2001", queueName=queue or None).call("Established", 5, "C1", "2001")
    for kind, seconds, device, data in way:
        board.call(kind, seconds, "C1", device, **data)
    board.call("Established", 24, "C1", "2002").call("ConnectionCleared", 40, "C1", "2002").waits(50)

    led_to = "Service" if SERVICE in [data for _, _, _, data in way] else "5001"
    known = {leg.device_id: leg.facts.queue_name for leg in board.legs}
    assert known["2001"] == queue
    if has_source_times or "answered" not in request.node.callspec.id:  # Else 2002 is not safely of the call.
        assert known["2002"] == led_to


@pytest.mark.parametrize(
    ("known", "stated", "is_same"),
    [
        ({"interactionId": "I1"}, {"interactionId": "I1"}, True),
        ({"callingNumber": "+4930111"}, {"callingNumber": "+4930111"}, True),
        ({"callingNumber": "+4930111"}, {"callingNumber": "+4930222"}, False),
        ({"interactionId": "I1"}, {}, False),
        ({}, {"interactionId": "I1"}, False),
    ],
)
def test_of_whole_seconds_who_is_queued_with_the_calls_interaction_or_number_is_its_caller(
    known: dict[str, str], stated: dict[str, str], is_same: bool
) -> None:
    """2001 leads the call to a queue and leaves in the second 20, in which its end may be the call before's, too."""
    board = Switchboard().call("Delivered", 1, "C1", "2001", callerName="Uma", callerNameSource="isdn", **known)
    board.call("Established", 5, "C1", "2001")
    led = heard(20.2, "Queued", 20, deviceId="5001", **SERVICE, **stated)
    left = heard(20.3, "ConnectionCleared", 20, deviceId="2001")
    board.hears(led, left).call("Established", 24, "C1", "2002").call("ConnectionCleared", 40, "C1", "2002").waits(50)

    facts = [leg.facts for leg in board.legs]
    assert [(one.caller_name, one.queue_name) for one in facts] == [("Uma", ""), ("Uma" if is_same else "", "Service")]


@pytest.mark.parametrize("stated", [{}, {"callingNumber": "+4930111"}])
@pytest.mark.parametrize("rang_before", [False, True])
def test_of_whole_seconds_a_queue_that_is_heard_after_the_answer_of_its_second_is_led_to(
    stated: dict[str, str], rang_before: bool
) -> None:
    """2001 answers, leads the call to Service and leaves in the second 20."""
    board = Switchboard().call("Queued", 1, "C1", "5000", queueName="Sales", callingNumber="+4930111")
    if rang_before:
        board.call("Delivered", 15, "C1", "2001")
    told = [("Established", "2001", {}), ("Queued", "5001", {**SERVICE, **stated}), ("ConnectionCleared", "2001", {})]
    for place, (kind, device, data) in enumerate(told):
        board.hears(heard(20.1 + place / 10, kind, 20, deviceId=device, **data))
    board.waits(50)

    assert board.leg.facts.queue_name in ("Sales", "")


@pytest.mark.parametrize("stated", [{}, {"callingNumber": "+4930111"}])
def test_of_whole_seconds_who_answers_in_the_second_in_which_a_call_was_led_to_a_queue_has_that(
    stated: dict[str, str],
) -> None:
    """2001 leads the call to Service and leaves in the second 20, in which 2002 answers; its caller is still there."""
    board = Switchboard().call("Queued", 1, "C1", "5000", queueName="Sales", callingNumber="+4930111")
    board.call("Established", 5, "C1", "2001").call("Established", 6, "C1", "T1:1", outside=True)
    told = [("Queued", "5001", {**SERVICE, **stated}), ("ConnectionCleared", "2001", {}), ("Established", "2002", {})]
    for place, (kind, device, data) in enumerate(told):
        board.hears(heard(20.1 + place / 4, kind, 20, deviceId=device, **data))
    board.waits(50)

    assert [leg.facts.queue_name for leg in board.legs if leg.device_id == "2002"] == ["Service"]


@pytest.mark.parametrize(
    ("stated", "queue"),
    [({}, "Service"), ({"queueName": "Sales"}, "Sales"), ({"queueName": "Service"}, "Service")],
)
def test_without_times_a_queue_that_is_heard_just_after_the_answer_is_led_to_where_that_states_another(
    stated: dict[str, str], queue: str
) -> None:
    """Where the answer states none, the queue may be the one that led to it, heard late."""
    board = Switchboard(with_site(has_source_times=False, settle_seconds=1.0)).call(
        "Queued", 1, "C1", "5000", queueName="Sales"
    )
    board.call("Established", 5, "C1", "2001", **stated).call("Queued", 5.6, "C1", "5001", **SERVICE)
    board.call("ConnectionCleared", 7.7, "C1", "2001").call("Established", 8, "C1", "2002")
    board.call("ConnectionCleared", 20, "C1", "2002").waits(50)

    assert [leg.facts.queue_name for leg in board.legs] == [queue, "Service"]
