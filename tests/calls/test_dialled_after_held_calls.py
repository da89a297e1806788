"""A phone dials just after the call that it held is over, which is heard only then: it consults about nothing.

Times are seconds after noon. 2001 holds Uma (C1) from 11 on, and dials 2002 (C2) at 16.0; C1 was over at 15.8.
"""

import pytest
from msgspec.structs import replace

from cti.events import PARKED, AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def _said(
    kind: str, at: float, call: str, device: str | None = "2001", *, heard: float | None = None, **data: str
) -> AnyEvent:
    one = (
        event(kind, at, callId=call, **data)
        if device is None
        else event(kind, at, callId=call, deviceId=device, **data)
    )
    return one if heard is None else replace(one, gatewaytime=moment(heard))


DIALLED = _said("Originated", 16, "C2", heard=16.01)
ANSWERED = _said("Established", 17.4, "C2", "2002")
CLEARED = _said("CallCleared", 15.8, "C1", None, heard=16.2)
LEFT = _said("ConnectionCleared", 15.8, "C1", heard=16.4)


def _is_of_held_call(told: list[AnyEvent], interaction: str = "") -> bool:
    """Say whether what was dialled has the interaction of the call on hold."""
    answered = _said("Established", 7, "C1", interactionId=interaction)
    board = Switchboard(with_site()).hears(answered, _said("Held", 11, "C1"), *told).waits(30)
    held = next(leg for leg in board.legs if leg.call_id == "C1")
    dialled = next(leg for leg in board.legs if leg.device_id == "2002")
    return held.facts.interaction_id == dialled.facts.interaction_id


OVER = {
    "cleared, and then the phone's end": [DIALLED, CLEARED, LEFT, ANSWERED],
    "the phone's end, and then cleared": [DIALLED, LEFT, replace(CLEARED, gatewaytime=moment(16.5)), ANSWERED],
    "cleared alone": [DIALLED, CLEARED, ANSWERED],
    "the phone's end alone": [DIALLED, LEFT, ANSWERED],
    "failed": [DIALLED, _said("Failed", 15.8, "C1", heard=16.2), ANSWERED],
    "parked": [DIALLED, _said("Diverted", 15.8, "C1", heard=16.2, cause=PARKED, newDestination="777"), ANSWERED],
    "handed on": [
        DIALLED,
        event("Transferred", 15.8, primaryOldCallId="C1", transferringDeviceId="2001", transferredToDeviceId="2003"),
        ANSWERED,
    ],
    "heard after the answer": [
        DIALLED,
        ANSWERED,
        _said("CallCleared", 15.8, "C1", None, heard=17.6),
        _said("ConnectionCleared", 15.8, "C1", heard=17.7),
    ],
    "off-hook and dialled": [_said("ServiceInitiated", 15.9, "C2", heard=15.95), DIALLED, CLEARED, LEFT, ANSWERED],
    "that the phone held it is heard last": [
        _said("Retrieved", 12, "C1"),
        DIALLED,
        _said("Held", 15, "C1", heard=16.1),
        CLEARED,
        ANSWERED,
    ],
    "a later end is heard first": [DIALLED, _said("ConnectionCleared", 16.3, "C1", heard=16.35), LEFT, ANSWERED],
    "connected was reported twice": [
        _said("Established", 15.6, "C1", heard=15.9),
        DIALLED,
        LEFT,
        ANSWERED,
    ],
}


@pytest.mark.parametrize("interaction", ["", "IU"], ids=["made", "stated"])
@pytest.mark.parametrize("told", OVER.values(), ids=OVER)
def test_what_a_phone_dials_after_its_held_call_is_not_about_that(told: list[AnyEvent], interaction: str) -> None:
    assert not _is_of_held_call(told, interaction)


LASTING = {
    "cleared after it dialled": [DIALLED, _said("CallCleared", 16.1, "C1", None, heard=16.2), ANSWERED],
    "cleared, and left, after it dialled": [
        DIALLED,
        _said("CallCleared", 16.1, "C1", None, heard=16.2),
        _said("ConnectionCleared", 16.1, "C1", heard=16.3),
        ANSWERED,
    ],
    "parked after it dialled": [
        DIALLED,
        _said("Diverted", 16.1, "C1", heard=16.2, cause=PARKED, newDestination="777"),
        ANSWERED,
    ],
    "the clearing is that of the id's call before": [
        DIALLED,
        _said("CallCleared", 6.5, "C1", None, heard=16.2),
        ANSWERED,
    ],
}


@pytest.mark.parametrize("told", LASTING.values(), ids=LASTING)
def test_what_a_phone_dials_while_it_holds_a_call_is_about_that(told: list[AnyEvent]) -> None:
    assert _is_of_held_call(told)
