"""A queue is the call's when an agent of it answers, and not when the caller leaves it."""

import pytest

from cti.events import Diverted, Transferred
from tests.cti.ami.pbx import Pbx, block, place
from tests.cti.ami.test_hard_cases import conversations, of, reported


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_a_caller_who_left_the_queue_takes_it_to_nobody_else(is_abandoned: bool) -> None:
    """By a key, after the queue's time, or redirected: the flag would name a queue that did not serve him."""
    pbx = Pbx()
    customer = pbx.customer()
    pbx.waits(customer)
    agent = pbx.phone("2001", "Alice Archer", customer)
    pbx.offers(customer, agent, "Alice Archer")
    pbx.passes(1).rings_off(customer, agent, "CANCEL")
    pbx.gives_up(customer, is_abandoned=is_abandoned)
    pbx.hangs_up(agent)
    operator = pbx.phone("2005", "Erin Evans", customer)
    pbx.call(customer, operator, "b2")
    pbx.leaves("b2", operator, customer)
    pbx.hangs_up(operator, customer)

    found = conversations(pbx)
    left = [event for event in reported(pbx) if isinstance(event, Diverted) and event.data.cause == "queueCleared"]
    assert [(one.device, one.queue, one.caller) for one in found] == [("2005", "", "447700900100")]
    assert [event.data.device_id for event in left] == ["sales"]


def test_a_caller_who_left_one_queue_for_another_is_the_others() -> None:
    pbx = Pbx()
    customer = pbx.customer()
    pbx.waits(customer)
    pbx.passes(1).gives_up(customer)
    pbx.waits(customer, "support")
    agent = pbx.phone("2005", "Erin Evans", customer)
    pbx.offers(customer, agent, "Erin Evans", "support")
    pbx.agent_answers(customer, agent, "Erin Evans", "support")
    pbx.enters("b2", agent, customer)
    pbx.passes(2).hangs_up(agent, customer)

    assert [one.queue for one in conversations(pbx)] == ["support"]
    assert not of(reported(pbx), Diverted)


def test_a_caller_who_is_handed_back_to_the_queue_and_leaves_it_takes_it_to_nobody_else() -> None:
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    pbx.says(
        "BlindTransfer",
        {"Result": "Success"},
        block(agent, "Transferer"),
        block(customer, "Transferee"),
        place("b1"),
        IsExternal="Yes",
        Context="internal",
        Extension="6001",
    )
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent)
    pbx.waits(customer)
    pbx.passes(1).gives_up(customer)
    operator = pbx.phone("2005", "Erin Evans", customer)
    pbx.call(customer, operator, "b2")
    pbx.hangs_up(operator, customer)

    assert [(one.device, one.queue) for one in conversations(pbx)] == [("2001", "sales"), ("2005", "")]


def test_an_agent_of_whose_offer_nothing_is_heard_is_the_queues_if_he_was_rung_while_the_caller_waited() -> None:
    """A colleague to which the caller is handed on inherits the queue."""
    pbx = Pbx()
    customer = pbx.customer()
    pbx.waits(customer)
    agent = pbx.phone("2001", "Alice Archer", customer)
    pbx.dials(customer, agent)
    pbx.passes(1).gives_up(customer)
    pbx.enters("b1", agent, customer)
    pbx.passes(2)
    pbx.says(
        "BlindTransfer",
        {"Result": "Success"},
        block(agent, "Transferer"),
        block(customer, "Transferee"),
        place("b1"),
        IsExternal="Yes",
        Context="internal",
        Extension="2002",
    )
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent)
    colleague = pbx.phone("2002", like=customer)
    pbx.call(customer, colleague, "b3")
    pbx.hangs_up(colleague, customer)

    assert [(one.device, one.queue) for one in conversations(pbx)] == [("2001", "sales"), ("2002", "sales")]


@pytest.mark.parametrize("is_through_a_wire", [False, True])
def test_whom_the_queues_agent_transfers_to_keeps_the_queue_but_is_not_that_agent(is_through_a_wire: bool) -> None:
    """The transfer inherits the queue; the queue offered the caller to Alice alone."""
    pbx = Pbx()
    customer = pbx.customer()
    pbx.waits(customer)
    one, two = pbx.wire("2001", customer) if is_through_a_wire else (customer, customer)
    agent = pbx.phone("2001", like=customer)
    pbx.offers(customer, one if is_through_a_wire else agent, "Alice Archer", interface="Local/2001@internal")
    if is_through_a_wire:
        pbx.dials(two, agent)
        pbx.enters("inner", agent, two)
    pbx.agent_answers(customer, one if is_through_a_wire else agent, "Alice Archer", interface="Local/2001@internal")
    pbx.enters("outer", one if is_through_a_wire else agent, customer)
    pbx.passes(2)
    bridge = "inner" if is_through_a_wire else "outer"
    pbx.says(
        "BlindTransfer",
        {"Result": "Success"},
        block(agent, "Transferer"),
        block(two, "Transferee"),
        place(bridge),
        IsExternal="Yes",
        Context="internal",
        Extension="2002",
    )
    pbx.leaves(bridge, agent, two)
    pbx.hangs_up(agent)
    colleague = pbx.phone("2002", like=customer)
    pbx.call(two, colleague, "b3")
    pbx.hangs_up(colleague, *([one, two] if is_through_a_wire else []), customer)

    found = conversations(pbx)
    assert [(one.device, one.queue) for one in found] == [("2001", "sales"), ("2002", "sales")]
    assert [one.agent_name for one in found] == ["Alice Archer", ""]


@pytest.mark.parametrize("by", ["2001", "2005"])
@pytest.mark.parametrize("is_handed_on", [False, True])
def test_a_caller_who_is_parked_keeps_the_queue(by: str, *, is_handed_on: bool) -> None:
    """By a feature code, without a transfer, or handed on to the parking space; by whomever he is fetched."""
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    if is_handed_on:
        blocks = {"Result": "Success"}, block(agent, "Transferer"), block(customer, "Transferee"), place("b1")
        pbx.says("BlindTransfer", *blocks, IsExternal="Yes", Context="parkedcalls", Extension="700")
    pbx.leaves("b1", customer)
    pbx.enters("park", customer, kind="holding_bridge")
    pbx.says("ParkedCall", block(customer, "Parkee"), ParkerDialString="PJSIP/2001", ParkingSpace="701")
    pbx.leaves("b1", agent)
    pbx.hangs_up(agent)
    pbx.passes(6)
    fetcher = pbx.phone(by, "Erin Evans", exten="701")
    pbx.says("UnParkedCall", block(customer, "Parkee"), block(fetcher, "Retriever"), ParkingSpace="701")
    pbx.leaves("park", customer, kind="holding_bridge")
    pbx.enters("b2", fetcher, customer)
    pbx.passes(4).leaves("b2", fetcher, customer)
    pbx.hangs_up(fetcher, customer)

    handed_on = [event for event in reported(pbx) if isinstance(event, Transferred)]
    assert [event.data.transferred_to_device_id for event in handed_on] == ["700" if is_handed_on else "701"]
    assert [(one.device, one.queue, one.caller) for one in conversations(pbx)] == [
        ("2001", "sales", "447700900100"),
        (by, "sales", "447700900100"),
    ]
