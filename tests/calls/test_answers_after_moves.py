"""An answer that is heard just after the transfer or conference that it came before: it is the answer in what goes on.

So it is where no time says which came first. Times are seconds after noon, as heard; Uma's call C1 has queue Sales and
interaction I1, 2001 consults 2002 in C2, and C2 is used again for Vic.
"""

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_transfers_heard_late import UMA, known_of, said

pytestmark = pytest.mark.core

VIC: dict[str, Any] = {"callerName": "Vic", "callerNameSource": "isdn", "queueName": "Support", "interactionId": "I2"}
NAMES = {"Transferred": "transferredToDeviceId", "Conferenced": "addedPartyId"}
HOSTS = {"Transferred": "transferringDeviceId", "Conferenced": "conferencingDeviceId"}
KINDS, RESULTS, CLOCKS, RINGS = (*NAMES,), ("C1", "C3"), ("none", "whole seconds"), (True, False)


def of_whole_seconds(one: AnyEvent) -> AnyEvent:
    """Return an event with the time of a source without fractions; it is heard as it was."""
    return replace(one, time=one.time.replace(microsecond=0), gatewaytime=one.time)


def after(board: Switchboard, clock: str, *events: AnyEvent) -> Switchboard:
    return board.hears(*(of_whole_seconds(one) if clock == "whole seconds" else one for one in events))


def heard(clock: str, *events: AnyEvent) -> Switchboard:
    return after(Switchboard(with_site(has_source_times=clock != "none", queues=frozenset({"Q8"}))), clock, *events)


def moved(kind: str, at: float, result: str, to: str = "2002") -> AnyEvent:
    """2001 joins Uma's call with its consultation of a device, which is not known to have answered."""
    data = {HOSTS[kind]: "2001", "primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": result}
    return event(kind, at, callId="C1", **data, **{NAMES[kind]: to})


def consulting(*, rings: bool) -> list[AnyEvent]:
    ringing = [said("Delivered", 11.1, "C2", "2002")] if rings else []
    return [
        said("Queued", 0.2, "C1", **UMA),
        said("Established", 5.2, "C1", "2001"),
        said("Held", 10.2, "C1", "2001"),
        said("Originated", 11.05, "C2", "2001"),
        *ringing,
    ]


@pytest.mark.parametrize(("kind", "result", "clock", "rings"), list(product(KINDS, RESULTS, CLOCKS, RINGS)))
def test_an_answer_that_is_heard_after_its_call_was_moved_opens_the_leg_in_the_call_that_goes_on(
    kind: str, result: str, clock: str, rings: bool
) -> None:
    board = heard(clock, *consulting(rings=rings), moved(kind, 12.1, result), said("Established", 12.3, "C2", "2002"))
    ends = [said("ConnectionCleared", 20.2, result, "2001")] if kind == "Conferenced" else []
    board = after(board, clock, *ends, said("ConnectionCleared", 30.2, result, "2002")).waits(40)

    (leg,) = [one for one in board.legs if one.device_id == "2002"]
    assert (leg.call_id, leg.disconnected_gateway_at) == (result, moment(30.2))
    assert known_of(board)[-1][3:] == ("Sales", "Uma", True)


@pytest.mark.parametrize(("kind", "result", "clock"), list(product(KINDS, RESULTS, CLOCKS)))
def test_the_next_call_of_the_id_has_a_leg_of_its_own(kind: str, result: str, clock: str) -> None:
    board = heard(clock, *consulting(rings=True), moved(kind, 12.1, result), said("Established", 12.3, "C2", "2002"))
    after(board, clock, said("ConnectionCleared", 14.2, result, "2002"), said("Queued", 16.2, "C2", "Q8", **VIC))
    after(board, clock, said("Established", 20.2, "C2", "2002"), said("ConnectionCleared", 30.2, "C2", "2002"))

    legs = [one for one in known_of(board) if one[0] == "2002"]
    assert [one[3:] for one in legs] == [("Sales", "Uma", True), ("Support", "Vic", False)]


OTHERS: dict[str, list[AnyEvent]] = {
    "the answer of another device": [said("Established", 12.3, "C2", "2003")],
    "an answer of another interaction": [said("Established", 12.3, "C2", "2002", interactionId="I2")],
    "an answer more than a second later": [said("Established", 13.4, "C2", "2002")],
    "the answer of a call that began since": [
        said("Queued", 12.2, "C2", "Q8", **VIC),
        said("Established", 12.3, "C2", "2002"),
    ],
    "the answer of a device that talks in it": [
        said("Established", 12.2, "C1", "2002"),
        said("Established", 12.3, "C2", "2002"),
    ],
}


@pytest.mark.parametrize("later", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("clock", CLOCKS)
def test_what_is_no_such_answer_begins_a_call(clock: str, later: list[AnyEvent]) -> None:
    board = heard(clock, *consulting(rings=True), moved("Transferred", 12.1, "C1"), *later)

    last = board.legs[-1]
    assert (last.call_id, last.facts.caller_name == "Uma") == ("C2", False)


def test_the_sources_own_times_say_that_an_answer_is_of_after_the_move() -> None:
    board = Switchboard().hears(*consulting(rings=True), moved("Transferred", 12.1, "C1"))
    board.call("Established", 12.3, "C2", "2002")

    assert board.legs[-1].call_id == "C2"
