"""A phone consults in a gap: that it held its caller and dialled is missed, and each report names one call alone.

Times are seconds after noon. Bea (C1) is answered at 2001; the link is lost at 29.7 and restored at 32.7, with a
snapshot of C1. 2001 has dialled 2005 (C2) in the gap; 2005 answers at 34.2, called by 2001.
"""

import itertools
from typing import Any

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

BEA: dict[str, Any] = {"callerName": "Bea", "callerNameSource": "isdn", "callingNumber": "+4930003"}
DESK: dict[str, Any] = {"callerName": "Desk 2001", "callerNameSource": "global_phonebook", "callingNumber": "2001"}
BEFORE = [
    event("Queued", 27.2, callId="C1", queueName="Sales", interactionId="I3", **BEA),
    event("Established", 29.2, callId="C1", deviceId="2001", **BEA),
    event("Lost", 29.7, family="link"),
    event("Restored", 32.7, family="link"),
    event("Began", 32.7, family="snapshot"),
    event("Established", 32.7, callId="C1", deviceId="2001", callerName="Bea", callerNameSource="isdn"),
    event("Ended", 32.7, family="snapshot"),
]
ANSWERED = event("Established", 34.2, callId="C2", deviceId="2005", **DESK)
ENDS = [event("ConnectionCleared", 40.4, callId="C1", deviceId=device) for device in ("2005", "2001")]


def _report(kind: str, call: str) -> AnyEvent:
    said = {"primaryOldCallId": call, "resultingCallId": "C1"}
    if kind == "Transferred":
        return event(kind, 36.4, transferringDeviceId="2001", transferredToDeviceId="2005", **said)
    return event(kind, 36.4, conferencingDeviceId="2001", addedPartyId="2005", **said)


@pytest.mark.parametrize("calls", [*itertools.permutations(["C1", "C2"]), ["C1"], ["C2"]], ids="-".join)
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_the_consultation_has_the_customers_data(kind: str, calls: list[str]) -> None:
    reports = [_report(kind, call) for call in calls]
    site = with_site(devices=frozenset({"2001", "2005"}))
    board = Switchboard(site).hears(*BEFORE, ANSWERED, *reports, *ENDS).waits(30)
    consulted = next(leg for leg in board.legs if leg.device_id == "2005")

    assert (consulted.call_id, consulted.facts.caller_name, consulted.facts.interaction_id) == ("C1", "Bea", "I3")
