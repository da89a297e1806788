"""A phone whose ringing is heard after its end rings no more: it keeps no call alive.

Times are seconds after noon. C1 rings at 2006, which leads it on to 2001, or cannot be reached; 2001 answers at 4 and
leaves at 8.5. Its id is used again at 8.7, before that is heard.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

CARL = {"callerName": "Carl", "callerNameSource": "isdn", "callingNumber": "+4930111"}
QUEUED = [("Queued", 0.1, 0.1, "5000", {"queueName": "Sales", **CARL})]
ENDS: dict[str, tuple[str, float, float, str, dict[str, Any]]] = {
    "diverted": ("Diverted", 0.5, 0.5, "2006", {"newDestination": "2001"}),
    "failed": ("Failed", 0.5, 0.5, "2006", {}),
}
RINGS = ("Delivered", 0.2, 0.9, "2006", CARL)
AFTER = [
    ("Delivered", 1, 1, "2001", {}),
    ("Established", 4, 4, "2001", {}),
    ("Queued", 8.7, 8.7, "5001", {"queueName": "Support", "callingNumber": "+4930222"}),
    ("ConnectionCleared", 8.5, 9.1, "2001", {}),
    ("Established", 12, 12, "2006", {}),
    ("ConnectionCleared", 16, 16, "2006", {}),
]


def _played(told: list[Any], has_source_times: bool) -> Switchboard:
    events: list[AnyEvent] = []
    for kind, seconds, heard, device, data in told:
        at = seconds if has_source_times else heard
        one = event(kind, at, callId="C1", deviceId=device, **data)
        events.append(replace(one, gatewaytime=moment(heard)))
    site = with_site(has_source_times=has_source_times, queues=frozenset({"5000", "5001"}))
    return Switchboard(site).hears(*events).waits(30)


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("before", [QUEUED, []], ids=["queued", "heard of first by its end"])
def test_the_next_call_of_the_id_has_nothing_of_a_call_that_rang_at_a_phone_too_late(
    before: list[Any], end: str, has_source_times: bool
) -> None:
    board = _played([*before, ENDS[end], RINGS, *AFTER], has_source_times)

    first, second = board.legs
    assert (first.device_id, second.device_id) == ("2001", "2006")
    assert (second.facts.caller_name, second.facts.calling_number) in [("", "+4930222"), ("", "")]
    assert second.facts.interaction_id != first.facts.interaction_id


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("end", ENDS)
def test_a_phone_that_rings_again_later_may_answer(end: str, has_source_times: bool) -> None:
    again: Any = ("Delivered", 2, 2, "2006", {})
    answered: Any = [("Established", 4, 4, "2006", {}), ("ConnectionCleared", 8, 8, "2006", {})]
    board = _played([*QUEUED, ENDS[end], RINGS, again, *answered], has_source_times)

    assert [(leg.device_id, leg.facts.caller_name) for leg in board.legs] == [("2006", "Carl")]


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("destination", ["2001", None])
def test_a_phone_that_is_led_away_from_twice_lets_no_call_wait_that_is_over(
    destination: str | None, has_source_times: bool
) -> None:
    """2002 rang beside 2001, which leaves at 8.5; the second monitor's Diverted is heard after that."""
    led = {"newDestination": destination} if destination else {}
    told = [
        *QUEUED,
        ("Delivered", 1, 1, "2002", {}),
        ("Delivered", 1, 1, "2001", {}),
        ("Established", 8, 8, "2001", {}),
        ("Diverted", 8.4, 8.41, "2002", led),
        ("ConnectionCleared", 8.5, 8.5, "2001", {}),
        ("Diverted", 8.4, 8.6, "2002", led),
        ("Established", 12, 12, "2006", {}),
        ("ConnectionCleared", 16, 16, "2006", {}),
    ]
    board = _played(told, has_source_times)

    assert [(leg.device_id, leg.facts.caller_name, leg.facts.queue_name) for leg in board.legs] == [
        ("2001", "Carl", "Sales"),
        ("2006", "", ""),
    ]


@pytest.mark.parametrize("told", [[], [("Delivered", 59.5, 60.1, "2006", {})]], ids=["silent", "rang, heard late"])
def test_a_phone_that_leads_its_ids_next_call_away_lets_the_one_that_it_left_wait_no_more(told: list[Any]) -> None:
    """Bea is forwarded from 2006 to 2001, half a second after Carl left 2006 under the same id."""
    bea = {"callerName": "Bea", "callerNameSource": "personal"}
    first: list[Any] = [("Established", 37, 37, "2006", {}), ("ConnectionCleared", 59.3, 59.3, "2006", {})]
    forwarded = [
        ("Diverted", 59.8, 59.8, "2006", {"newDestination": "2001"}),
        ("Delivered", 59.9, 59.9, "2001", bea),
        *told,
        ("Established", 60.2, 60.2, "2001", {}),
    ]
    board = _played([*QUEUED, *first, *forwarded], has_source_times=True)

    facts = next(leg for leg in board.legs if leg.device_id == "2001").facts
    assert (facts.queue_name, facts.calling_number) == ("", "")
    assert facts.caller_name != "Carl"
