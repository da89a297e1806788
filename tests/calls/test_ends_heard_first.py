"""An end that is heard before the connection which it ended, of a device that had been in the call before.

Times are seconds after noon; ``at`` is the event's own time, and events come in the order in which they are written.
"""

from itertools import permutations

import pytest
from msgspec.structs import replace

from calls.core.state import LegState
from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def _of(kind: str, at: float, device: str, receipt: float) -> AnyEvent:
    return replace(event(kind, at, callId="C1", deviceId=device), gatewaytime=moment(receipt))


def _with_colleague(first: str) -> Switchboard:
    """Let 2003 talk in the call, in which 2001 was first: it talked, rang only, or handed the call on."""
    board = Switchboard().call("Queued", 38, "C1", "5000", queueName="Sales", interactionId="I1")
    board.call("Delivered" if first == "rang" else "Established", 40, "C1", "2001")
    if first == "handed on":
        moved = {"transferringDeviceId": "2001", "transferredToDeviceId": "2003"}
        board.call("Transferred", 48, "C1", primaryOldCallId="C1", resultingCallId="C1", **moved)
    board.call("Established", 49, "C1", "2003")
    if first != "handed on":
        board.call("ConnectionCleared", 50, "C1", "2001")
    return board


@pytest.mark.parametrize("first", ["talked", "rang", "handed on"])
@pytest.mark.parametrize(("came", "left", "heard_at"), [(60.2, 60.4, 60.5), (60.2, 60.4, 61.1), (50.2, 50.5, 50.9)])
def test_a_connection_that_is_heard_after_its_end_has_ended_there(
    first: str, came: float, left: float, heard_at: float
) -> None:
    board = _with_colleague(first).hears(_of("ConnectionCleared", left, "2001", left))
    board.hears(_of("Established", came, "2001", heard_at)).call("ConnectionCleared", 62, "C1", "2003")
    board.call("Established", 74.8, "C1", "2002").call("ConnectionCleared", 90, "C1", "2002").waits(95)

    spans = [("2001", came, left), ("2002", 74.8, 90.0)]
    assert [one for one in board.spans() if one[1] > 50] == spans
    assert board.legs[-1].facts.queue_name == ""
    assert board.legs[-1].facts.interaction_id != "I1"


BACK = [("Established", 60.2, "2001"), ("ConnectionCleared", 60.5, "2001"), ("CallCleared", 60.6, "")]


@pytest.mark.parametrize("order", [*permutations(BACK)])
@pytest.mark.parametrize("first", ["talked", "rang", "handed on"])
def test_a_phone_that_comes_back_just_before_its_call_is_cleared_has_a_leg_in_any_order(
    first: str, order: tuple[tuple[str, float, str], ...]
) -> None:
    board = _with_colleague(first)
    for place, (kind, at, device) in enumerate(order):
        board.hears(_of(kind, at, device, 60.7 + place / 10))

    assert [one for one in board.waits(80).spans() if one[1] > 50] == [("2001", 60.2, 60.5)]


@pytest.mark.parametrize("order", [*permutations(BACK)])
@pytest.mark.parametrize("destination", ["failed", "rang"])
def test_so_has_a_phone_to_which_a_call_comes_back_that_it_had_handed_on(
    destination: str, order: tuple[tuple[str, float, str], ...]
) -> None:
    board = Switchboard().call("Established", 40, "C1", "2001", interactionId="I1")
    if destination == "failed":
        board.hears(_of("Failed", 58.3, "2003", 58.4))
    moved = {"transferringDeviceId": "2001", "transferredToDeviceId": "2003"}
    board.hears(event("Transferred", 58, primaryOldCallId="C1", resultingCallId="C1", **moved))
    if destination == "rang":
        board.call("Delivered", 58.2, "C1", "2003")
    board.call("Diverted", 59, "C1", "2003", newDestination="2001", cause="recall")
    for place, (kind, at, device) in enumerate(order):
        board.hears(_of(kind, at, device, 60.7 + place / 10))

    assert board.waits(80).spans() == [("2001", 40, 58), ("2001", 60.2, 60.5)]
    assert board.legs[-1].facts.interaction_id == "I1"


CALLER_LEFT = [("ConnectionCleared", "T3"), ("Established", "2001"), ("ConnectionCleared", "2001")]


@pytest.mark.parametrize("order", [*permutations(CALLER_LEFT)])
@pytest.mark.parametrize("caller_left", [60.4, 60.5, 60.6])
@pytest.mark.parametrize("place_of_failure", [None, 1, 2, 3])
def test_so_has_one_whose_end_as_it_handed_the_call_on_was_reported_twice_where_the_caller_leaves_first(
    place_of_failure: int | None, caller_left: float, order: tuple[tuple[str, str], ...]
) -> None:
    """2001 leaves by the transfer and by an end of its own; the call comes back to it, and the caller's end is heard.

    Then nobody seems to await the call any more: it counts as over, until it is heard that 2001 had answered.
    """
    board = Switchboard().call("Established", 40, "C1", "2001", interactionId="I1")
    moved = {"transferringDeviceId": "2001", "transferredToDeviceId": "2003"}
    board.hears(event("Transferred", 58, primaryOldCallId="C1", resultingCallId="C1", **moved))
    board.call("ConnectionCleared", 58.02, "C1", "2001", cause="transfer")
    board.call("Diverted", 59, "C1", "2003", newDestination="2001", cause="recall")
    ats = {"Established": 60.2, "ConnectionCleared": 60.5}
    heard = [(kind, caller_left if device == "T3" else ats[kind], device) for kind, device in order]
    if place_of_failure is not None and order[0] != ("ConnectionCleared", "2001"):
        heard.insert(place_of_failure, ("Failed", 58.9, "2003"))
    for place, (kind, at, device) in enumerate(heard):
        board.hears(_of(kind, at, device, 60.7 + place / 10))

    first, (device, came, left) = board.waits(80).spans()
    assert (first, device, came) == (("2001", 40, 58), "2001", 60.2)
    assert left in (caller_left, 60.5)
    assert board.legs[-1].facts.interaction_id == "I1"


RING_TOO = [("ConnectionCleared", 6.2), ("Delivered", 6.4), ("Established", 6.45), ("ConnectionCleared", 6.55)]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("has_rung", [True, False])
@pytest.mark.parametrize("rings_too", [True, False])
def test_a_connection_that_is_heard_as_its_phone_rings_or_talks_in_the_next_life_is_a_leg_of_the_first(
    rings_too: bool, has_rung: bool, place: int
) -> None:
    """Its end was heard before; the next caller has another name, and nothing of the first one's queue."""
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    board.call("Queued", 0.5, "C1", "5000", queueName="Support", interactionId="I1")
    if has_rung:
        board.call("Delivered", 4, "C1", "2002")
    events = [_of(kind, at, "2002", at) for kind, at in RING_TOO if rings_too or kind != "Delivered"]
    place = min(place, len(events))
    heard_at = 5.9 if place == 0 else RING_TOO[place - 1][1] + 0.02
    board.hears(*events[:place], _of("Established", 5.9, "2002", heard_at), *events[place:]).waits(30)

    found = sorted((span, leg.facts.queue_name, leg.facts.interaction_id == "I1") for span, leg in _with_spans(board))
    assert found == [(("2002", 5.9, 6.2), "Support", True), (("2002", 6.45, 6.55), "", False)]


def _with_spans(board: Switchboard) -> list[tuple[tuple[str, float, float | None], LegState]]:
    return list(zip(board.spans(), board.legs, strict=True))


@pytest.mark.parametrize("first", ["talked", "rang", "handed on"])
def test_a_connection_of_after_an_end_that_is_heard_before_it_goes_on(first: str) -> None:
    board = _with_colleague(first).call("ConnectionCleared", 60.1, "C1", "2001")
    board.call("Established", 60.2, "C1", "2001").call("ConnectionCleared", 62, "C1", "2003")
    board.call("ConnectionCleared", 70, "C1", "2001").waits(75)

    assert board.spans()[-1] == ("2001", 60.2, 70.0)


def test_without_times_a_connection_that_is_heard_just_after_its_end_has_ended() -> None:
    board = _with_colleague("talked")
    board.context = with_site(has_source_times=False)
    board.call("ConnectionCleared", 60.4, "C1", "2001").call("Established", 60.7, "C1", "2001")
    assert board.spans()[-1] == ("2001", 60.7, 60.7)
    board.call("Established", 64, "C1", "2001")

    assert board.spans()[-1] == ("2001", 64.0, None)


@pytest.mark.parametrize("kind", ["Originated", "ServiceInitiated"])
@pytest.mark.parametrize("joined", ["Conferenced", "Transferred"])
def test_the_dialling_of_a_consultation_that_is_heard_after_it_was_joined_begins_no_call(
    kind: str, joined: str
) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Queued", 1, "C1", "5000", interactionId="I4")
    board.call("Established", 5, "C1", "2001").call("Held", 50, "C1", "2001").call("Delivered", 60.3, "C2", "2002")
    board.call("Established", 60.84, "C2", "2001")
    ids = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C1"}
    named = {"conferencingDeviceId": "2001", "addedPartyId": "2002"}
    if joined == "Transferred":
        named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    new = {"callId": "C1", "deviceId": "2002"}
    links = [{"old": {"callId": "C2", "deviceId": "2002"}, "new": new}]
    board.call(joined, 61.28, "C1", **ids, **named, connections=links)
    board.call(kind, 61.37, "C2", "2001", cause="consultation").call("Established", 61.66, "C2", "2002")
    board.call("ConnectionCleared", 65.4, "C1", "2002").call("CallCleared", 66.6, "C1")
    board.call("Queued", 90, "C2", "5001", interactionId="I8").call("Established", 95, "C2", "2003")
    board.call("CallCleared", 125, "C2").waits(130)

    assert [
        (leg.facts.interaction_id, end)
        for leg, (name, _, end) in zip(board.legs, board.spans(), strict=True)
        if name == "2002"
    ] == [("I4", 65.4)]


@pytest.mark.parametrize("joined", [True, False])
def test_a_device_that_dials_under_an_id_that_it_had_dialled_before_begins_a_call(joined: bool) -> None:
    board = Switchboard(with_site(has_source_times=False)).call("Established", 5, "C1", "2001", interactionId="I4")
    board.call("Held", 50, "C1", "2001").call("Originated", 58, "C2", "2001").call("Established", 60, "C2", "2002")
    named = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    board.call("Transferred", 61.3, "C1", primaryOldCallId="C1", secondaryOldCallId="C2", resultingCallId="C1", **named)
    board.call("Originated", 61.6, "C2", "2001").call("Established", 66, "C2", "2003" if joined else "2004")
    board.call("CallCleared", 90, "C2").waits(95)

    assert ("2001", 66.0, 90.0) in board.spans()


@pytest.mark.parametrize("how", ["ConnectionCleared", "Transferred to a queue", "Transferred to a phone"])
def test_a_phone_that_is_connected_again_before_its_end_is_heard_has_two_legs(how: str) -> None:
    board = Switchboard().call("Queued", 37, "C1", "5000", queueName="Sales").call("Established", 38.8, "C1", "2001")
    if how == "ConnectionCleared":
        board.call("Established", 40, "C1", "2003")
    if how == "Transferred to a queue":
        board.call("Queued", 49.82, "C1", "5001", queueName="Service").call("Delivered", 50, "C1", "2001")
    board.call("Established", 50.6, "C1", "2001")
    if how == "ConnectionCleared":
        ended = event(how, 49.8, callId="C1", deviceId="2001")
    else:
        named = {"transferringDeviceId": "2001", "transferredToDeviceId": "5001" if "queue" in how else "2001"}
        ended = event("Transferred", 49.8, callId="C1", primaryOldCallId="C1", resultingCallId="C1", **named)
    board.hears(replace(ended, gatewaytime=moment(50.7))).call("ConnectionCleared", 64, "C1", "2001").waits(66)

    assert [one for one in board.spans() if one[0] == "2001"] == [("2001", 38.8, 49.8), ("2001", 50.6, 64.0)]
    assert board.legs[0].facts.queue_name == "Sales"
