"""A resulting id whose call ended in the whole second of its transfer, as was heard before that, gives nothing of it.

2001 talks with Uma in C1 from 0 on, and from 10 on with a second party in C2. In the second 18 another call gives up
the id C3, and 2001's becomes C3. Times are seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

Said = tuple[str, float, dict[str, Any]]
VIC: dict[str, Any] = {"callerName": "Vic", "callerNameSource": "isdn", "callingNumber": "+4930222"}
UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "callingNumber": "+4930111"}
PHONE: dict[str, Any] = {"callId": "C3", "deviceId": "2003"}

#: How another call of the id ends in the second 18, as it is heard before the move.
ENDS: dict[str, list[Said]] = {
    "answered then, and cleared": [
        ("Delivered", 16.0, PHONE),
        ("Established", 18.2, {**PHONE, **VIC}),
        ("ConnectionCleared", 18.5, PHONE),
        ("CallCleared", 18.5, {"callId": "C3"}),
    ],
    "answered then, and left": [
        ("Delivered", 17.2, PHONE),
        ("Established", 18.2, {**PHONE, **VIC}),
        ("ConnectionCleared", 18.5, PHONE),
    ],
    "begun and answered then, and cleared": [
        ("Delivered", 18.0, {**PHONE, **VIC}),
        ("Established", 18.2, PHONE),
        ("ConnectionCleared", 18.5, PHONE),
        ("CallCleared", 18.5, {"callId": "C3"}),
    ],
    "rung then, and given up": [
        ("Delivered", 18.0, {**PHONE, **VIC}),
        ("ConnectionCleared", 18.5, PHONE),
        ("CallCleared", 18.5, {"callId": "C3"}),
    ],
    "joined with another": [
        ("Established", 2.0, {"callId": "C4", "deviceId": "2003", **VIC}),
        (
            "Transferred",
            18.3,
            {
                "primaryOldCallId": "C3",
                "secondaryOldCallId": "C4",
                "resultingCallId": "C5",
                "transferringDeviceId": "2003",
            },
        ),
        ("ConnectionCleared", 18.3, {"callId": "C5", "deviceId": "2003"}),
    ],
    "handed on blind": [
        ("Established", 17.2, {**PHONE, **VIC}),
        (
            "Transferred",
            18.3,
            {
                "primaryOldCallId": "C3",
                "resultingCallId": "C5",
                "transferringDeviceId": "2003",
                "transferredToDeviceId": "2006",
            },
        ),
    ],
}
JOINED: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"}
#: How the call of Uma becomes C3, and whose leg of it is looked at.
MOVES: dict[str, tuple[str, dict[str, Any], str]] = {
    "transfer": ("Transferred", {**JOINED, "transferringDeviceId": "2001", "transferredToDeviceId": "2002"}, "2002"),
    "transfer that names no destination": ("Transferred", {**JOINED, "transferringDeviceId": "2001"}, "2002"),
    "conference": ("Conferenced", {**JOINED, "conferencingDeviceId": "2001", "addedPartyId": "2002"}, "2001"),
    "blind transfer": (
        "Transferred",
        {
            "primaryOldCallId": "C1",
            "resultingCallId": "C3",
            "transferringDeviceId": "2001",
            "transferredToDeviceId": "2004",
            "cause": "singleStepTransfer",
        },
        "2004",
    ),
}


class _Link:
    """A link of whole seconds, whose events are heard in their order."""

    def __init__(self) -> None:
        listed = {"devices": frozenset({"2001", "2002", "2003", "2004", "2006"}), "queues": frozenset({"5000"})}
        self.board = Switchboard(with_site(has_source_times=True, **listed))

    def hears(self, kind: str, at: float, data: dict[str, Any]) -> None:
        self.board.hears(replace(event(kind, int(at), **data), gatewaytime=moment(at)))

    def leg(self, device: str) -> LegState:
        return next(leg for leg in self.board.legs if (leg.device_id, leg.call_id) == (device, "C3"))


def _moved(end: str, move: str) -> LegState:
    """Return the leg of the call that goes on after a move, without another call of its id in between."""
    link, (kind, data, device) = _Link(), MOVES[move]
    said: list[Said] = [("Established", 0.1, {"callId": "C1", "deviceId": "2001", **UMA})]
    if move != "blind transfer":
        said += [(one, 10.1, {"callId": "C2", "deviceId": name}) for one, name in CONSULTED]
    for one in sorted([*said, *ENDS[end]], key=lambda one: one[1]):
        link.hears(*one)
    link.hears(kind, 18.9, data)
    if move == "blind transfer":
        link.hears("Delivered", 19.1, {"callId": "C3", "deviceId": "2004"})
        link.hears("Established", 21.0, {"callId": "C3", "deviceId": "2004"})
    link.hears("ConnectionCleared", 40.0, {"callId": "C3", "deviceId": device})
    link.board.waits(60)
    return link.leg(device)


CONSULTED = (("Originated", "2001"), ("Established", "2002"), ("Established", "2001"))


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("end", ENDS)
def test_the_call_that_goes_on_has_nothing_of_the_ended_one(end: str, move: str) -> None:
    leg = _moved(end, move)

    assert (leg.call_id, leg.facts.caller_name, leg.facts.calling_number) == ("C3", "Uma", "+4930111")


#: What is heard in the second 18 of the call that goes on, before the move that makes it C3.
HEARD_FIRST: dict[str, list[Said]] = {
    "the end of who hands it on": [("ConnectionCleared", 18.5, {"callId": "C3", "deviceId": "2001"})],
    "that its destination is connected": [("Established", 18.5, {"callId": "C3", "deviceId": "2002"})],
    "that its destination hands it on": [
        (
            "Transferred",
            18.5,
            {
                "primaryOldCallId": "C3",
                "resultingCallId": "C5",
                "transferringDeviceId": "2002",
                "transferredToDeviceId": "2006",
            },
        ),
    ],
}


@pytest.mark.parametrize("heard", HEARD_FIRST)
def test_what_is_heard_of_the_call_that_goes_on_before_its_move_is_of_it(heard: str) -> None:
    link, (kind, data, _) = _Link(), MOVES["transfer"]
    link.hears("Established", 0.1, {"callId": "C1", "deviceId": "2001", **UMA})
    for one, name in CONSULTED:
        link.hears(one, 10.1, {"callId": "C2", "deviceId": name})
    for said in HEARD_FIRST[heard]:
        link.hears(*said)
    link.hears(kind, 18.9, data)
    device, call_id = ("2006", "C5") if heard == "that its destination hands it on" else ("2002", "C3")
    if device == "2006":
        link.hears("Established", 21.0, {"callId": call_id, "deviceId": device})
    link.hears("ConnectionCleared", 40.0, {"callId": call_id, "deviceId": device})
    link.board.waits(60)

    (leg,) = [leg for leg in link.board.legs if (leg.device_id, leg.call_id) == (device, call_id)]
    assert leg.facts.caller_name == "Uma"
