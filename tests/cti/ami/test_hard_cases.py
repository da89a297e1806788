"""Cases of which there is no recording, as the PBX would tell them: transfers by feature code, conferences, wires."""

import pytest

from cti.events import (
    AgentEvent,
    CallEvent,
    Conferenced,
    ConnectionCleared,
    Delivered,
    Diverted,
    Established,
    Event,
    Held,
    Originated,
    Queued,
    Retrieved,
    Transferred,
)
from tests.cti.ami.folding import Conversation, Fold
from tests.cti.ami.pbx import START, Line, Pbx, block, place
from tests.cti.ami.traces import play


def reported(pbx: Pbx) -> list[Event]:
    """Return the events of a scenario; nothing of it may be refused."""
    played = play(pbx.data)
    assert not played.refused
    return played.events


def conversations(pbx: Pbx) -> list[Conversation]:
    """Return the conversations of a scenario, all of them ended, in the order of their beginning."""
    fold = Fold(reported(pbx))
    assert not fold.open
    return sorted(fold.done, key=lambda one: one.start)


def spans(found: list[Conversation]) -> list[tuple[str, str, int, int]]:
    """Return extension, call and the seconds from when to when."""
    return [
        (one.device, one.call_id, at(one.start.timestamp()), at((one.end or one.start).timestamp())) for one in found
    ]


def at(moment: float) -> int:
    """Return a moment as whole seconds of the scenario."""
    return round(moment - START)


def of(events: list[Event], *kinds: type[Event]) -> list[tuple[str, str | None]]:
    """Return kind and extension of the events of some kinds that are of extensions."""
    wanted = [event for event in events if isinstance(event, kinds) and isinstance(event, CallEvent | AgentEvent)]
    return [(type(e).__name__, e.data.device_id) for e in wanted if not getattr(e.data, "outside", False)]


def test_an_internal_call_gives_each_phone_a_leg() -> None:
    pbx = Pbx()
    caller = pbx.phone("2001", "Alice", exten="2002")
    called = pbx.phone("2002", "Bob", caller)
    pbx.call(caller, called, "b1")
    pbx.leaves("b1", caller, called)
    pbx.hangs_up(caller, called)

    found = conversations(pbx)
    assert sorted(spans(found)) == [("2001", caller.uid, 1, 3), ("2002", caller.uid, 1, 3)]
    assert {one.direction for one in found} == {"internal"}
    assert of(reported(pbx), Originated, Delivered) == [("Originated", "2001"), ("Delivered", "2002")]


def test_a_call_that_ends_on_hold_is_never_retrieved() -> None:
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    pbx.says("Hold", block(agent), MusicClass="default")
    pbx.passes(4)
    pbx.leaves("b1", customer, agent)
    pbx.hangs_up(customer, agent)

    assert of(reported(pbx), Held, Retrieved) == [("Held", "2001")]
    assert spans(conversations(pbx)) == [("2001", customer.uid, 2, 9)]


def by_second_line(pbx: Pbx) -> tuple[Line, Line, Line, Line]:
    """An agent holds the customer, and its second line is to reach the colleague: neither dials yet."""
    customer, agent = pbx.queue_call()
    pbx.says("Hold", block(agent), MusicClass="default")
    second = pbx.phone("2001", "Alice Archer", exten="2002")
    third = pbx.phone("2002", "Bob Baker", second)
    return customer, agent, second, third


def test_a_cancelled_attended_transfer_ends_the_consultation_only() -> None:
    pbx = Pbx()
    customer, agent, second, third = by_second_line(pbx)
    pbx.call(second, third, "b2")
    pbx.leaves("b2", second, third)
    pbx.hangs_up(second, third)
    pbx.says("Unhold", block(agent))
    pbx.passes(2)
    pbx.leaves("b1", customer, agent)
    pbx.hangs_up(agent, customer)

    found = conversations(pbx)
    consultation = [("2001", second.uid, 6, 8), ("2002", second.uid, 6, 8)]
    assert sorted(spans(found)) == sorted([("2001", customer.uid, 2, 10), *consultation])
    assert {one.interaction for one in found} == {customer.uid}
    assert not of(reported(pbx), Transferred)


def test_a_consultation_that_is_not_answered_is_no_leg() -> None:
    pbx = Pbx()
    customer, agent, second, third = by_second_line(pbx)
    pbx.dials(second, third)
    pbx.rings_off(second, third, "BUSY")
    pbx.hangs_up(third, second)
    pbx.says("Unhold", block(agent))
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent, customer)

    events = reported(pbx)
    assert [one.device for one in conversations(pbx)] == ["2001"]
    assert of(events, Diverted) == [("Diverted", "2002")]
    assert ("ConnectionCleared", "2001") in of(events, ConnectionCleared)


def by_feature_code(pbx: Pbx) -> tuple[Line, Line, Line, Line, Line]:
    """An agent consults by feature code: he leaves the customer's bridge, and a Local pair rings the colleague."""
    customer, agent = pbx.queue_call()
    one, two = pbx.wire("2002", agent)
    pbx.leaves("b1", agent)
    pbx.enters("b2", agent)
    third = pbx.phone("2002", "Bob Baker", two)
    pbx.dials(two, third)
    pbx.passes(2)
    third.state = 6
    pbx.rings_off(two, third, "ANSWER")
    pbx.enters("b3", third, two)
    pbx.enters("b2", one)
    pbx.passes(3)
    return customer, agent, one, two, third


@pytest.mark.parametrize("is_event_told", [True, False])
def test_an_attended_transfer_by_feature_code_is_reported_once(is_event_told: bool) -> None:
    """Also when the PBX's own event does not come: the consulted colleague now reaches the customer."""
    pbx = Pbx()
    customer, agent, one, two, third = by_feature_code(pbx)
    pbx.leaves("b2", agent)
    pbx.says(
        "BridgeMerge", {"To" + k: v for k, v in place("b1").items()}, {"From" + k: v for k, v in place("b2").items()}
    )
    pbx.leaves("b2", one)
    pbx.enters("b1", one)
    if is_event_told:
        pbx.transferred(agent, agent, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.hangs_up(agent)
    pbx.passes(4)
    pbx.leaves("b1", customer, one)
    pbx.leaves("b3", two, third)
    pbx.hangs_up(customer, one, two, third)

    events = reported(pbx)
    found = conversations(pbx)
    transfer = next(event for event in events if isinstance(event, Transferred))
    assert len(of(events, Transferred)) == 1
    assert transfer.data.primary_old_call_id == customer.uid
    assert (transfer.data.transferring_device_id, transfer.data.transferred_to_device_id) == ("2001", "2002")
    assert sorted((one.device, at(one.start.timestamp()), at((one.end or one.start).timestamp())) for one in found) == [
        ("2001", 2, 10),
        ("2001", 7, 10),
        ("2002", 7, 10),
        ("2002", 10, 14),
    ]
    assert found[-1].call_id == customer.uid
    assert sorted(one.queue for one in found) == ["", "", "", "sales"]
    assert {one.interaction for one in found} == {customer.uid}
    assert of(events, Held) == [("Held", "2001")]


def test_a_local_channel_that_is_optimised_away_changes_no_leg() -> None:
    pbx = Pbx()
    customer, agent, one, two, third = by_feature_code(pbx)
    pbx.leaves("b2", agent)
    pbx.leaves("b2", one)
    pbx.enters("b1", one)
    pbx.transferred(agent, agent, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.hangs_up(agent)
    pbx.says("LocalOptimizationBegin", block(one, "LocalOne"), block(two, "LocalTwo"), block(third, "Source"), Id=1)
    pbx.leaves("b3", third)
    pbx.enters("b1", third, swap=one)
    pbx.leaves("b1", one)
    pbx.says("LocalOptimizationEnd", block(one, "LocalOne"), block(two, "LocalTwo"), Success="Yes", Id=1)
    pbx.leaves("b3", two)
    pbx.hangs_up(one, two)
    pbx.passes(4)
    pbx.leaves("b1", customer, third)
    pbx.hangs_up(customer, third)

    assert [(one.device, at((one.end or one.start).timestamp())) for one in conversations(pbx)][-1] == ("2002", 14)
    assert len(of(reported(pbx), Established)) == 3


def test_a_cancelled_transfer_by_feature_code_brings_the_agent_back() -> None:
    pbx = Pbx()
    customer, agent, one, two, third = by_feature_code(pbx)
    pbx.leaves("b3", third, two)
    pbx.leaves("b2", one)
    pbx.leaves("b2", agent)
    pbx.enters("b1", agent)
    pbx.hangs_up(third, two, one)
    pbx.passes(3)
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent, customer)

    events, found = reported(pbx), conversations(pbx)
    assert sorted((one.device, at(one.start.timestamp()), at((one.end or one.start).timestamp())) for one in found) == [
        ("2001", 2, 13),
        ("2001", 7, 10),
        ("2002", 7, 10),
    ]
    assert of(events, Held, Retrieved) == [("Held", "2001"), ("Retrieved", "2001")]
    assert not of(events, Transferred)


def test_a_consultation_becomes_a_conference_of_three() -> None:
    pbx = Pbx()
    customer, agent, one, two, third = by_feature_code(pbx)
    pbx.leaves("b2", one)
    pbx.enters("b1", one)
    pbx.leaves("b2", agent)
    pbx.enters("b1", agent)
    pbx.transferred(agent, agent, DestType="Threeway", DestBridgeUniqueid="b1")
    pbx.passes(3)
    pbx.leaves("b1", agent)
    pbx.hangs_up(agent)
    pbx.passes(1)
    pbx.leaves("b1", customer, one)
    pbx.leaves("b3", two, third)
    pbx.hangs_up(customer, one, two, third)

    events, found = reported(pbx), conversations(pbx)
    conference = next(event for event in events if isinstance(event, Conferenced))
    assert (conference.data.primary_old_call_id, conference.data.conferencing_device_id) == (customer.uid, "2001")
    assert conference.data.secondary_old_call_id == one.uid
    assert {item.new.device_id for item in conference.data.connections} == {"2001", "2002", customer.name}
    assert sorted((one.device, at(one.start.timestamp()), at((one.end or one.start).timestamp())) for one in found) == [
        ("2001", 2, 13),
        ("2001", 7, 10),
        ("2002", 7, 14),
    ]


def test_a_consultation_by_a_second_line_becomes_a_conference_of_who_consulted() -> None:
    """The second line of 2001 is left outside: its first one, and the colleague, are with the customer."""
    pbx = Pbx()
    customer, agent, second, third = by_second_line(pbx)
    pbx.call(second, third, "b2")
    pbx.says("Unhold", block(agent))
    pbx.leaves("b2", third)
    pbx.enters("b1", third)
    pbx.transferred(agent, second, DestType="Threeway", DestBridgeUniqueid="b1")
    pbx.leaves("b2", second)
    pbx.hangs_up(second)
    pbx.passes(3)
    pbx.leaves("b1", customer, agent, third)
    pbx.hangs_up(agent, third, customer)

    conference = next(event for event in reported(pbx) if isinstance(event, Conferenced))
    assert (conference.data.conferencing_device_id, conference.data.added_party_id) == ("2001", "2002")
    assert (conference.data.primary_old_call_id, conference.data.secondary_old_call_id) == (customer.uid, second.uid)


def test_a_transfer_before_the_colleague_answers_is_reported_as_blind() -> None:
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    one, two = pbx.wire("2002", agent)
    pbx.leaves("b1", agent)
    pbx.enters("b2", agent)
    third = pbx.phone("2002", "Bob Baker", two)
    pbx.dials(two, third)
    pbx.passes(1)
    pbx.leaves("b2", agent)
    pbx.enters("b1", one)
    pbx.transferred(agent, agent, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.hangs_up(agent)
    pbx.passes(2)
    pbx.rings_off(two, third, "ANSWER")
    pbx.enters("b3", third, two)
    pbx.passes(2)
    pbx.leaves("b3", third, two)
    pbx.leaves("b1", one, customer)
    pbx.hangs_up(third, two, one, customer)

    assert spans(conversations(pbx)) == [("2001", customer.uid, 2, 6), ("2002", customer.uid, 8, 10)]
    assert len(of(reported(pbx), Transferred)) == 1


def test_the_customer_may_take_the_agents_place_in_the_consultation() -> None:
    """Which of the two bridges goes on is the PBX's choice."""
    pbx = Pbx()
    customer, agent, second, third = by_second_line(pbx)
    pbx.call(second, third, "b2")
    pbx.leaves("b1", customer)
    pbx.leaves("b2", second)
    pbx.enters("b2", customer, swap=second)
    pbx.transferred(agent, second, DestType="Bridge", DestBridgeUniqueid="b2")
    pbx.leaves("b1", agent)
    pbx.hangs_up(agent, second)
    pbx.passes(2)
    pbx.leaves("b2", third, customer)
    pbx.hangs_up(third, customer)

    assert spans(conversations(pbx))[-1] == ("2002", customer.uid, 8, 10)
    assert len(of(reported(pbx), Transferred)) == 1


@pytest.mark.parametrize("is_transfer", [True, False])
def test_a_call_handed_back_to_a_queue_waits_there_again(is_transfer: bool) -> None:
    """By a blind transfer, or by AMI's Redirect, which reports no transfer."""
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    if is_transfer:
        pbx.says(
            "BlindTransfer",
            {"Result": "Success"},
            block(agent, "Transferer"),
            block(customer, "Transferee"),
            place("b1"),
            IsExternal="Yes",
            Context="internal",
            Extension="6002",
        )
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent)
    pbx.waits(customer, "support")
    other = pbx.phone("2005", "Erin Evans", customer)
    pbx.offers(customer, other, "Erin Evans", "support")
    pbx.passes(1)
    pbx.agent_answers(customer, other, "Erin Evans", "support")
    pbx.enters("b4", other, customer)
    pbx.passes(2)
    pbx.leaves("b4", other, customer)
    pbx.hangs_up(other, customer)

    events, found = reported(pbx), conversations(pbx)
    assert spans(found) == [("2001", customer.uid, 2, 5), ("2005", customer.uid, 6, 8)]
    assert [one.queue for one in found] == ["sales", "support"]
    assert [event.data.queue_name for event in events if isinstance(event, Queued)] == ["sales", "support"]
    assert len(of(events, Transferred)) == is_transfer
