"""To which call of an id an event belongs: the evidence of docs/call-identity.md, over its edges.

Each case: what was heard under the id C1, in this order, one event more, and the call to which that belongs.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from calls.core.incarnations import attribute
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

Heard = tuple[str, float, str | None, dict[str, Any]]
SITE = {"devices": frozenset({"2001", "2002", "2003", "2004", "2005"})}


def heard(kind: str, at: float, device: str | None = None, **data: Any) -> Heard:
    return kind, at, device, data


def call_of(history: Sequence[Heard], last: Heard, **site: Any) -> str:
    """Return ``first`` or ``second``, in the order in which the calls of C1 began, or ``new``."""
    board = Switchboard(with_site(**SITE, **site))
    for kind, at, device, data in history:
        board.call(kind, at, data.get("callId", "C1"), device, **{k: v for k, v in data.items() if k != "callId"})
    work = UnitOfWork(board.state, board.context)
    known = [call.incarnation for call in work.incarnations_of("C1")]
    kind, at, device, data = last
    said = event(kind, at, callId="C1", **({"deviceId": device} if device else {}), **data)
    assert isinstance(said, CallEvent)
    number = attribute(work, said, "C1").incarnation
    return ("first", "second", "third")[known.index(number)] if number in known else "new"


I1, I2 = {"interactionId": "I1"}, {"interactionId": "I2"}
A, B = {"callingNumber": "+49301"}, {"callingNumber": "+49302"}
TALKED = (heard("Established", 0, "2001", **I1), heard("ConnectionCleared", 10, "2001"))
TWO_LIVES = (*TALKED, heard("Established", 20, "2002", **I2))
WAITS = (heard("Queued", 0, "5000", **A),)
UMA, ZOE = ({"callerName": name, "callerNameSource": "isdn"} for name in ("Uma", "Zoe"))
PARKED = heard("Diverted", 12, "2001", newDestination="7001", cause="park")
_TO_2002: dict[str, Any] = {"primaryOldCallId": "C1", "resultingCallId": "C1", "transferredToDeviceId": "2002"}
HANDED_ON = heard("Transferred", 12, "2001", transferringDeviceId="2001", **_TO_2002)
RINGS = (heard("Queued", 0, "5000", **I1), heard("Delivered", 3.5, "2001"))
DIALLED = (heard("Originated", 0, "2003", **I1), heard("Delivered", 3, "2001"))
MOBILE = heard("Delivered", 3, "T2:1", outside=True)
NO_TIMES = {"has_source_times": False}

CASES: list[tuple[Sequence[Heard], Heard, str, dict[str, Any]]] = [
    # An interaction that the call never had; an ended call is not reopened.
    (TWO_LIVES, heard("Delivered", 25, "2003", **I1), "new", {}),
    (TWO_LIVES, heard("CallInformation", 25, **I1), "first", {}),
    (TWO_LIVES, heard("CallInformation", 25, **I2), "second", {}),
    ((heard("Queued", 0, "5000", **I1),), heard("CallInformation", 5, **I2), "new", {}),
    ((heard("Established", 0, "2001", **I1),), heard("CallInformation", 5, **I2), "first", {}),
    # A device's end that states another interaction: another call's, if the device is an extension.
    (TALKED[:1], heard("ConnectionCleared", 5, "2002", **I2), "new", {}),
    (TALKED[:1], heard("ConnectionCleared", 5, "2002", **I1), "first", {}),
    (TALKED[:1], heard("ConnectionCleared", 5, "2009", **I2), "first", {}),
    (TALKED[:1], heard("ConnectionCleared", 5, "2002", outside=True, **I2), "first", {}),
    # What only waits: another number is another call, but not on what brings nobody in, nor as it began.
    (WAITS, heard("Delivered", 5, "2001", **B), "new", {}),
    (WAITS, heard("Delivered", 5, "2001", **A), "first", {}),
    (WAITS, heard("Failed", 5, "2001", **B), "first", {}),
    (WAITS, heard("Delivered", 0, "2001", **B), "first", {}),
    # Where somebody talks, another device may be connected with any number.
    ((heard("Established", 0, "2001", **A),), heard("Established", 5, "2002", **B), "first", {}),
    ((heard("Established", 0, "2001", **A),), heard("Established", 5, "2001", **B), "new", {}),
    # Late, from before the end of a call that is over: only another interaction contradicts it.
    (
        (heard("Established", 0, "2001", **A), heard("ConnectionCleared", 20, "2001")),
        heard("Delivered", 15, "2002", **B),
        "first",
        {},
    ),
    (TALKED, heard("Delivered", 5, "2002", **I2), "new", {}),
    # From before the earliest known call: its own beginning, unless it contradicts that.
    ((heard("Established", 10, "2001", **A),), heard("Delivered", 5, "2001", **A), "first", {}),
    ((heard("Established", 10, "2001", **A),), heard("Delivered", 5, "2001", **B), "new", {}),
    ((heard("Established", 10, "2001", **I1),), heard("Delivered", 5, "2001", **I2), "new", {}),
    ((heard("Established", 10, "2001"),), heard("ConnectionCleared", 5, "2002"), "new", {}),
    ((heard("Established", 10, "2001"),), heard("ConnectionCleared", 5, "2009"), "first", {}),
    # After the end: what brings in a device or a queue, or an extension that left, held or came back.
    (TALKED, heard("Delivered", 10.001, "2002"), "new", {}),
    (TALKED, heard("Queued", 10.001, "5000"), "new", {}),
    (TALKED, heard("CallInformation", 10.001), "first", {}),
    (TALKED, heard("ConnectionCleared", 15, "2002"), "new", {}),
    (TALKED, heard("Held", 15, "2002"), "new", {}),
    (TALKED, heard("ConnectionCleared", 15, "2009"), "first", {}),
    (TALKED, heard("ConnectionCleared", 15, "2002", outside=True), "first", {}),
    # Of ends alone: those of within a second are of the same call.
    ((heard("ConnectionCleared", 10, "2001"),), heard("ConnectionCleared", 11, "2002"), "first", {}),
    ((heard("ConnectionCleared", 10, "2001"),), heard("ConnectionCleared", 11.001, "2002"), "new", {}),
    ((heard("ConnectionCleared", 10, "2001"),), heard("ConnectionCleared", 10.5, "2001"), "new", {}),
    (TALKED, heard("ConnectionCleared", 10.5, "2002"), "new", {}),
    # It left its queue for nowhere at 20: late events are of it all the same, and may contradict it.
    (
        (*WAITS, heard("Diverted", 20, "5000", cause="queueCleared")),
        heard("Delivered", 15, "2001", **B),
        "new",
        {},
    ),
    ((*WAITS, heard("Diverted", 20, "5000", cause="queueCleared")), heard("Delivered", 15, "2001", **A), "first", {}),
    ((*WAITS, heard("Diverted", 20, "5000", cause="queueCleared")), heard("Delivered", 25, "2001", **A), "new", {}),
    # Nothing was heard of a waiting call for a quarter of an hour.
    (WAITS, heard("Delivered", 900, "2001"), "first", {}),
    (WAITS, heard("Delivered", 900.001, "2001"), "new", {}),
    # So it is of a call that was parked, or that was handed on and rings nowhere, as far as is heard.
    ((*TALKED[:1], PARKED), heard("Established", 912, "2002"), "first", {}),
    ((*TALKED[:1], PARKED), heard("Established", 912, "2002"), "first", NO_TIMES),
    ((*TALKED[:1], PARKED), heard("Established", 912.001, "2002"), "new", {}),
    ((*TALKED[:1], PARKED), heard("Established", 912.001, "2002", **I1), "first", {}),
    ((*TALKED[:1], HANDED_ON), heard("Established", 912, "2002"), "first", {}),
    ((*TALKED[:1], HANDED_ON), heard("Established", 912.001, "2002"), "new", {}),
    ((*TALKED[:1], HANDED_ON, heard("Delivered", 13, "2002")), heard("Established", 313, "2002"), "first", {}),
    ((*TALKED[:1], HANDED_ON, heard("Delivered", 13, "2002")), heard("Established", 313.001, "2002"), "new", {}),
    # A queue's own device rings.
    ((heard("Queued", 0, "5000"),), heard("Delivered", 5, "5000"), "first", {}),
    # Who dials is in no call that rings; who begins to ring again in no queue has stopped before.
    ((heard("Originated", 0, "2001"),), heard("Delivered", 5, "2001"), "new", {}),
    ((heard("Originated", 0, "2001"),), heard("Delivered", 0, "2001"), "first", {}),
    ((heard("Originated", 0, "2001"),), heard("Delivered", 5, "2001"), "first", NO_TIMES),
    ((heard("Delivered", 0, "2001"),), heard("Delivered", 1.001, "2001"), "new", {}),
    ((heard("Delivered", 0, "2001"),), heard("Delivered", 1.001, "2001"), "new", NO_TIMES),
    ((heard("Delivered", 0, "2001"),), heard("Delivered", 1, "2001"), "first", {}),
    ((heard("Delivered", 0, "2001"),), heard("Delivered", 5, "2002"), "first", {}),
    ((heard("Delivered", 0, "2001", **A),), heard("Delivered", 5, "2001", **A), "first", {}),
    ((heard("Delivered", 0, "2001", **I1),), heard("Delivered", 5, "2001", **I1), "first", {}),
    ((*WAITS, heard("Delivered", 3, "2001")), heard("Delivered", 5, "2001"), "first", {}),
    # A call that was handed on may be offered to a phone again.
    ((*TALKED[:1], HANDED_ON, heard("Delivered", 13, "2002")), heard("Delivered", 15, "2002"), "first", {}),
    # A phone rings for five minutes at most, or a quarter of an hour in a queue.
    ((heard("Delivered", 0, "2001"),), heard("Established", 300, "2001"), "first", {}),
    ((heard("Delivered", 0, "2001"),), heard("Established", 300.001, "2001"), "new", {}),
    ((*WAITS, heard("Delivered", 3, "2001")), heard("Established", 303.001, "2001"), "first", {}),
    # Another name out of the same directory, where the call only rings or waits; data may correct it.
    ((heard("Delivered", 0, "2001", **UMA),), heard("Established", 5, "2001", **ZOE), "new", {}),
    ((heard("Delivered", 0, "2001", **UMA),), heard("Delivered", 5, "2002", **ZOE), "new", {}),
    ((heard("Queued", 0, "5000", **UMA),), heard("Established", 5, "2001", **ZOE), "new", {}),
    ((heard("Queued", 0, "5000", **UMA),), heard("Established", 5, "2001", **UMA), "first", {}),
    ((heard("Queued", 0, "5000", **UMA),), heard("CallInformation", 5, **ZOE), "first", {}),
    # Its caller left, or its queue, while phones rang: what comes later states its interaction, or is another's.
    ((*RINGS, heard("ConnectionCleared", 5, "T1:1", outside=True)), heard("Established", 6, "2001"), "new", {}),
    ((*RINGS, heard("ConnectionCleared", 5, "T1:1", outside=True)), heard("Established", 6, "2001", **I1), "first", {}),
    ((*RINGS, heard("ConnectionCleared", 5, "5000")), heard("Delivered", 6, "2002"), "new", {}),
    ((*RINGS, heard("ConnectionCleared", 5, "5000")), heard("Established", 5, "2001"), "first", {}),
    ((*RINGS, heard("ConnectionCleared", 5, "2009")), heard("Established", 6, "2001"), "new", {}),
    ((*RINGS, heard("ConnectionCleared", 5, "2002")), heard("Established", 6, "2001"), "first", {}),
    ((*DIALLED, heard("ConnectionCleared", 5, "2003")), heard("Established", 6, "2001"), "new", {}),
    ((*DIALLED, heard("ConnectionCleared", 5, "2002")), heard("Established", 6, "2001"), "first", {}),
    # A mobile that rang beside them is no caller.
    (
        (*RINGS, MOBILE, heard("ConnectionCleared", 5, "T2:1", outside=True)),
        heard("Established", 6, "2001"),
        "first",
        {},
    ),
    # A device dials only as a call begins: within a second, or not at all after it was in a queue or connected.
    ((heard("Delivered", 0, "2001"),), heard("ServiceInitiated", 1, "2001"), "first", NO_TIMES),
    ((heard("Delivered", 0, "2001"),), heard("ServiceInitiated", 1.001, "2001"), "new", NO_TIMES),
    ((heard("Delivered", 0, "2001"),), heard("Originated", 0.001, "2001"), "new", {}),
    ((heard("Delivered", 0, "2001"),), heard("Originated", 0, "2001"), "first", {}),
    ((heard("ServiceInitiated", 0, "2001"),), heard("Originated", 30, "2001"), "first", {}),
    ((heard("Queued", 0, "5000"),), heard("Originated", 0, "2001"), "new", {}),
    ((heard("Queued", 0.5, "5000"),), heard("Originated", 0.5, "2001"), "first", {}),
    ((heard("Queued", 0.5, "5000"),), heard("Originated", 0.501, "2001"), "new", {}),
    ((heard("Queued", 0.5, "5000"),), heard("Originated", 1.5, "2001"), "first", NO_TIMES),
    ((heard("Queued", 0.5, "5000"),), heard("Originated", 1.501, "2001"), "new", NO_TIMES),
    # Queued again where it waits: another caller, unless the same number says otherwise.
    (WAITS, heard("Queued", 5, "5000", **A), "first", {}),
    (WAITS, heard("Queued", 5, "5000"), "new", {}),
    (WAITS, heard("Queued", 5, "5001"), "first", {}),
    (WAITS, heard("Queued", 1, "5000"), "first", {}),
    (WAITS, heard("Queued", 1.001, "5000"), "new", {}),
    ((heard("Queued", 0, "5000"),), heard("Queued", 5, "5000", **A), "new", {}),
    ((heard("Queued", 0, queueName="Sales"),), heard("Queued", 5, queueName="Sales"), "new", {}),
    ((heard("Queued", 0, queueName="Sales"),), heard("Queued", 5, queueName="Service"), "first", {}),
    ((heard("Queued", 0),), heard("Queued", 5), "new", {}),
    # Between two lives: the beginning of the next one, unless it contradicts that.
    (TWO_LIVES, heard("Delivered", 15, "2002"), "second", {}),
    (TWO_LIVES, heard("Delivered", 15, "2002", **I1), "new", {}),
    (TWO_LIVES, heard("ConnectionCleared", 15, "2003"), "new", {}),
    (TWO_LIVES, heard("Delivered", 10, "2001"), "second", {}),
    (TWO_LIVES, heard("ConnectionCleared", 25, "2002"), "second", {}),
    (TWO_LIVES, heard("Held", 21, "2002"), "second", {}),
]


@pytest.mark.parametrize(("history", "last", "owner", "site"), CASES, ids=str)
def test_an_event_belongs_to_the_call_that_the_evidence_names(
    history: Sequence[Heard], last: Heard, owner: str, site: dict[str, Any]
) -> None:
    assert call_of(history, last, **site) == owner
