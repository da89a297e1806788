"""Devices and queues that come into a call, or leave it unanswered, rule by rule, on the values themselves.

The call is C1, which began at 0; 2001 to 2005 are extensions, and 5000 is a queue. Seconds after noon.
"""

from typing import Any

import pytest

from calls.core.dispatch import apply
from calls.core.state import CallState, LegState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent
from tests.calls.call_states import call, event, holding, left, party
from tests.calls.leg_states import leg as any_leg
from tests.calls.leg_states import over
from tests.calls.switchboard import NOON, Switchboard, moment, with_site

pytestmark = pytest.mark.core

TRUNK = "T17:3"
ALERTING, INITIATED, ORIGINATED, NULL = (
    PartyState.ALERTING,
    PartyState.INITIATED,
    PartyState.ORIGINATED,
    PartyState.NULL,
)
QUEUES: dict[str, Any] = {"queues": frozenset({"5000"})}


def after(one: CallState | None, said: CallEvent, *, legs: tuple[LegState, ...] = (), **site: Any) -> UnitOfWork:
    """Return the work after an event; without a call the event begins one."""
    work = holding(*(() if one is None else (one,)), legs=legs, **site)
    apply(said, work)
    return work


def seconds(at: Any) -> float | None:
    return None if at is None else (at - NOON).total_seconds()


def leg(at: float, number: int = 1, device: str = "2001") -> LegState:
    return any_leg(at, number=number, call_id="C1", incarnation=1, device_id=device)


# Ringing and dialling


@pytest.mark.parametrize(
    ("who", "kind", "state", "since"),
    [
        (None, "Delivered", ALERTING, 5),
        (None, "Originated", ORIGINATED, 5),
        (None, "ServiceInitiated", INITIATED, 5),
        (party(state=INITIATED, since=4.5), "Originated", ORIGINATED, 4.5),
        (party(state=INITIATED, since=4.5), "ServiceInitiated", INITIATED, 4.5),
        (party(state=INITIATED, since=5.5), "Originated", ORIGINATED, 5),
        # It dialled already, or rings and is lifted to answer.
        (party(state=ORIGINATED, since=4.5), "ServiceInitiated", ORIGINATED, 4.5),
        (party(state=ALERTING, since=4.5), "ServiceInitiated", ALERTING, 4.5),
        (party(since=4.5), "Delivered", PartyState.CONNECTED, 4.5),
        (party(state=PartyState.HOLD, since=4.5), "Delivered", PartyState.HOLD, 4.5),
        # It had left before.
        (left(at=4, since=1, cleared_gateway_at=4), "Delivered", ALERTING, 5),
        (left(at=4, since=1, cleared_gateway_at=4), "ServiceInitiated", INITIATED, 5),
        (left(at=5, since=1, cleared_gateway_at=5, had_leg=False), "Delivered", NULL, 1),
    ],
)
def test_a_device_comes_into_a_call_by_ringing_or_dialling(
    who: Party | None, kind: str, state: PartyState, since: float
) -> None:
    site: dict[str, Any] = {"has_source_times": False} if who is None or who.state is not NULL else {}
    one = None if who is None else call(who, party("2002", ALERTING, since=4.9), born_at=4.5, entered_at=4.5)
    here = after(one, event(kind, 5, "2001"), **site).calls[1]

    assert (here.parties["2001"].state, seconds(here.parties["2001"].since)) == (state, since)


def test_a_device_that_comes_again_keeps_the_count_of_its_legs_and_has_dialled_only_if_it_dials() -> None:
    work = after(call(left(at=4, cleared_gateway_at=4, ordinal=2), party("2002")), event("Delivered", 5, "2001"))

    assert (work.calls[1].parties["2001"].ordinal, work.calls[1].parties["2001"].has_dialled) == (2, False)
    assert after(None, event("Originated", 0, "2001")).calls[1].parties["2001"].has_dialled


def test_a_party_knows_whether_it_is_outside() -> None:
    work = after(None, event("Delivered", 0, TRUNK, outside=True))

    assert work.calls[1].parties[TRUNK].outside
    assert not after(None, event("Delivered", 0, "2001")).calls[1].parties["2001"].outside


@pytest.mark.parametrize(("waits_at", "waits"), [("", None), ("5000", 2)])
def test_a_call_that_is_on_its_way_waits_no_more_once_a_phone_rings_and_one_in_a_queue_does(
    waits_at: str, waits: float | None
) -> None:
    work = after(call(waits_since=2, waits_at=waits_at), event("Delivered", 5, "2001"))

    assert seconds(work.calls[1].waits_since) == waits


def test_a_device_that_dials_where_the_far_end_was_quicker_is_connected() -> None:
    talks = party("2002", since=4.9, had_leg=True)
    work = after(call(talks, born_at=4.9), event("Originated", 5, "2001"), has_source_times=False)

    assert [(one.device_id, seconds(one.connected_source_at)) for one in work.legs.values()] == [("2001", 5)]


def test_a_device_that_dials_where_others_only_ring_is_not_connected() -> None:
    work = after(call(party("2002", ALERTING, since=4.9), born_at=4.9), event("Originated", 5, "2001"))

    assert work.legs == {}


@pytest.mark.parametrize("kind", ["Delivered", "Failed"])
def test_a_trunk_that_says_something_has_answer_supervision(kind: str) -> None:
    one = call(party(state=ORIGINATED, since=0), reached_at=1, reached_gateway_at=1, entered_at=1)
    work = after(one, event(kind, 1.5, TRUNK, outside=True))

    assert (work.calls[1].reached_at, work.calls[1].reached_gateway_at, work.calls[1].reached_origin) == (None,) * 3


def test_a_trunk_that_says_nothing_is_asked_no_more_once_its_call_is_connected() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", TRUNK, outside=True)
    board.waits(4.5)

    (one,) = board.state.calls.values()
    assert (one.reached_at, one.reached_gateway_at, one.reached_origin) == (None, None, None)


@pytest.mark.parametrize(
    ("parties", "device", "outside", "is_reached"),
    [
        ((party(state=ORIGINATED, since=0),), TRUNK, True, True),
        ((party(state=ORIGINATED, since=0),), "2001", False, True),
        ((party(state=ORIGINATED, since=0), party(TRUNK, ALERTING, outside=True)), TRUNK, True, False),
        ((party(since=0),), TRUNK, True, False),
    ],
)
def test_the_network_is_reached_by_a_call_in_which_nobody_talks_and_whose_trunk_said_nothing_before(
    parties: tuple[Party, ...], device: str, outside: bool, is_reached: bool
) -> None:
    work = after(call(*parties), event("NetworkReached", 0.5, device, heard=0.7, outside=outside))

    one = work.calls[1]
    assert (seconds(one.reached_at), seconds(one.reached_gateway_at)) == ((0.5, 0.7) if is_reached else (None, None))
    if is_reached:
        assert one.reached_origin is not None
        assert one.reached_origin.event == "NetworkReached"
        assert seconds(one.due) == 2.7


# Queues


@pytest.mark.parametrize(
    ("one", "at", "waits", "where"),
    [
        (None, 0.5, 0.5, "5000"),
        (call(waits_since=0.2, waits_at="5001", entered_at=0.2), 0.5, 0.2, "5000"),
        (call(waits_since=0.2, entered_at=0.2), 0.5, 0.5, "5000"),  # It was on its way, and is queued only now.
        (call(party(since=0), entered_at=0), 0.5, 0.5, "5000"),
        (call(left(at=10), entered_at=0), 10, None, ""),  # It was over by then.
        (call(left(at=10), entered_at=0), 9, None, ""),
    ],
)
def test_a_call_waits_in_its_queue_since_it_came_there(
    one: CallState | None, at: float, waits: float | None, where: str
) -> None:
    here = after(one, event("Queued", at, "5000")).calls[1]

    assert (seconds(here.waits_since), here.waits_at) == (waits, where)


@pytest.mark.parametrize(("connected", "waits"), [(5, None), (5.1, None), (4.9, 5)])
def test_a_queue_that_is_heard_of_after_the_answer_is_left_again(connected: float, waits: float | None) -> None:
    one = call(party(since=connected, leg=1, had_leg=True), entered_at=connected)
    here = after(one, event("Queued", 5, "5000"), legs=(leg(connected),)).calls[1]

    assert seconds(here.waits_since) == waits


# Calls that are led away, or fail


@pytest.mark.parametrize(
    ("one", "waits"),
    [
        (call(party(state=ALERTING, since=0)), 5),
        (call(party(state=ALERTING, since=0), waits_since=2, waits_at="5000"), 2),
        (call(party(since=0, had_leg=True)), 5),  # It parked the call.
        (call(party(state=ALERTING, since=0), party("2002", since=0)), None),
        (call(party(since=0), party("2002", since=0)), 5),
        (call(party("2002", ALERTING, since=0)), None),  # Not of a device that is in the call.
        (call(party(state=ALERTING, since=0), cleared_at=5), None),
        (call(party(state=ALERTING, since=0), superseded_at=6), None),
        (call(party(state=ALERTING, since=0), moved_to=2, moved_at=6), None),
    ],
)
def test_a_call_that_is_led_away_from_a_device_goes_on_without_it(one: CallState, waits: float | None) -> None:
    here = after(one, event("Diverted", 5, "2001")).calls[1]

    assert seconds(here.waits_since) == waits
    if "2001" in here.parties and not one.parties["2001"].is_talking:
        assert here.parties["2001"].state is NULL


def test_a_call_that_was_answered_since_it_was_led_away_does_not_wait() -> None:
    one = call(party(state=ALERTING, since=0), left("2002", 8, since=6))
    here = after(one, event("Diverted", 5, "2001"), legs=(over(leg(6, device="2002"), 8),)).calls[1]

    assert here.waits_since is None


@pytest.mark.parametrize(("at", "state"), [(11, NULL), (11.1, ALERTING)])
def test_a_call_is_not_led_away_more_than_a_second_after_its_end(at: float, state: PartyState) -> None:
    one = call(party(state=ALERTING, since=0), superseded_at=10)
    work = after(one, event("Diverted", at, "2001"), has_source_times=False)

    assert work.calls[1].parties["2001"].state is state


@pytest.mark.parametrize(
    ("parties", "data", "doubtful"),
    [
        ((), {"cause": "queueCleared"}, 5),
        ((party(state=ALERTING, since=0),), {"cause": "queueCleared"}, 5),
        ((party(since=0),), {"cause": "queueCleared"}, None),
        ((), {"cause": "queueCleared", "newDestination": "2002"}, None),
        ((), {"cause": "redirected"}, None),
    ],
)
def test_a_call_that_left_its_queue_for_no_destination_may_be_over(
    parties: tuple[Party, ...], data: dict[str, Any], doubtful: float | None
) -> None:
    work = after(call(*parties, waits_since=1, waits_at="5000"), event("Diverted", 5, "5000", **data), **QUEUES)

    assert seconds(work.calls[1].doubtful_since) == doubtful


def test_a_queue_that_was_left_late_is_known_to_be_left() -> None:
    """The call is over; that its caller left the queue is heard of more than a second after that."""
    one = call(left(at=10), interaction="I1", entered_at=0)
    data: dict[str, Any] = {"cause": "queueCleared"}
    assert seconds(after(one, event("Diverted", 12, "5000", **data), **QUEUES).calls[1].doubtful_since) == 12


@pytest.mark.parametrize(
    ("one", "failed", "due"),
    [
        (call(party(state=ORIGINATED, since=0)), 6, 66),
        (call(party(state=ORIGINATED, since=0), party("2002", ALERTING, since=0)), 6, 66),  # The one that failed.
        (call(party(state=ORIGINATED, since=0), party("2003", ALERTING, since=0)), None, None),
        (call(party(since=0), party("2002", ALERTING, since=0)), None, None),
        (call(party("2002", ALERTING, since=0), waits_since=1, waits_at="5000"), None, None),
    ],
)
def test_a_call_that_failed_at_its_only_destination_is_over_if_nothing_else_is_heard_of_it(
    one: CallState, failed: float | None, due: float | None
) -> None:
    here = after(one, event("Failed", 5, "2002", heard=6)).calls[1]

    assert (seconds(here.failed_gateway_at), seconds(here.due)) == (failed, due)


@pytest.mark.parametrize(
    ("who", "cleared"),
    [
        (party("2002", ALERTING, since=0), 5),
        (party("2002", since=0, had_leg=True), 5),
        (party("2002", ALERTING, since=6), None),
        (left("2002", 4, cleared_gateway_at=4), 4),
    ],
)
def test_the_device_at_which_a_call_failed_has_left(who: Party, cleared: float | None) -> None:
    here = after(call(party(state=ORIGINATED, since=0), who), event("Failed", 5, "2002")).calls[1]

    assert seconds(here.parties["2002"].cleared_at) == cleared


@pytest.mark.parametrize(("queued", "doubtful"), [(4, 5), (5, 5), (6, None)])
def test_the_failure_of_the_queue_in_which_a_call_waits_ends_the_wait_that_had_begun(
    queued: float, doubtful: float | None
) -> None:
    one = call(party("2002", ALERTING, since=6), waits_since=queued, waits_at="5000")

    assert seconds(after(one, event("Failed", 5, "5000"), **QUEUES).calls[1].doubtful_since) == doubtful


def test_the_failure_of_a_phone_that_rang_can_show_that_the_call_was_over() -> None:
    """2002 answered and left at 4; that the call had failed at 2001 is heard after the id was used again."""
    one = call(party(state=ALERTING, since=0), left("2002", 6, since=1), party("2003", since=7), entered_at=7)
    work = after(one, event("Failed", 5, "2001"))

    assert sorted(name for name in work.calls[2].parties) == ["2003"]


def test_a_leg_that_was_taken_for_the_former_calls_is_of_the_call_that_rang_for_another_interaction() -> None:
    """2001 rings at 19.5, and is connected at 20.3; that it rang at 20.2 for another interaction is heard last."""
    board = Switchboard(with_site()).call("Delivered", 19.5, "C1", "2001", interactionId="I1", queueName="Sales")
    board.call("Established", 20.3, "C1", "2001").call("Delivered", 20.2, "C1", "2001", interactionId="I2")

    assert (board.leg.facts.interaction_id, board.leg.facts.queue_name) == ("I2", "")
    (first,) = [one for one in board.state.calls.values() if one.born_at == moment(19.5)]
    assert first.parties["2001"].state is NULL


def test_who_came_later_into_the_former_call_is_of_the_next_one_too() -> None:
    board = Switchboard().call("Queued", 19, "C1", "5000", interactionId="I1", queueName="Sales")
    board.call("Established", 20.3, "C1", "2001").call("Delivered", 20.2, "C1", "2001", interactionId="I2")

    assert (board.leg.facts.interaction_id, board.leg.facts.queue_name) == ("I2", "")


@pytest.mark.parametrize("kind", ["ServiceInitiated", "Originated"])
@pytest.mark.parametrize(("cause", "inherits"), [("consultation", True), (None, False)])
def test_who_dials_while_it_talks_consults_where_the_pbx_says_so(kind: str, cause: str | None, inherits: bool) -> None:
    board = Switchboard().call("Established", 1, "C1", "2001", interactionId="I1")
    board.call(kind, 5, "C2", "2001", **({} if cause is None else {"cause": cause}))

    (one,) = [two for two in board.state.calls.values() if two.call_id == "C2"]
    assert ("inherited" in one.facts) is inherits
