"""Conference rooms, pools of agents, pick-ups and waiting rooms."""

from cti.events import (
    CallCleared,
    Conferenced,
    ConnectionCleared,
    Established,
    Held,
    LoggedOn,
    Retrieved,
    Transferred,
)
from tests.cti.ami.pbx import Pbx, block, place
from tests.cti.ami.test_hard_cases import conversations, of, reported, spans
from tests.cti.ami.traces import play, trace


def test_a_redirect_into_a_conference_room_keeps_the_leg() -> None:
    """Both leave their bridge and meet in the room a moment later; a colleague dials in."""
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    pbx.leaves("b1", agent, customer)
    pbx.enters("room", agent, kind="softmix")
    pbx.says("ConfbridgeJoin", place("room", "softmix"), block(agent), Conference="700", Admin="No")
    pbx.passes(0.4)
    pbx.enters("room", customer, kind="softmix")
    announcer = pbx.line("", name=f"CBAnn/700-{pbx.count:08x};2")
    pbx.enters("room", announcer, kind="softmix")
    pbx.passes(2)
    third = pbx.phone("2002", "Bob Baker", exten="700")
    pbx.enters("room", third, kind="softmix")
    pbx.passes(3)
    pbx.leaves("room", third, kind="softmix")
    pbx.hangs_up(third)
    pbx.passes(1)
    pbx.leaves("room", customer, agent, announcer, kind="softmix")
    pbx.hangs_up(customer, agent, announcer)

    events, found = reported(pbx), conversations(pbx)
    assert spans(found) == [("2001", customer.uid, 2, 11), ("2002", customer.uid, 7, 10)]
    assert len(of(events, Conferenced)) == 1


def test_an_agent_of_the_pool_is_connected_through_local_channels() -> None:
    """He is logged on at a phone that waits in a holding bridge; every customer gets his Linkedid."""
    pbx = Pbx()
    agent = pbx.phone("2011", "Karla Klein", exten="*61")
    pbx.enters("hold", agent, kind="holding_bridge")
    pbx.says("AgentLogin", block(agent), Agent="900")
    customer = pbx.customer()
    pbx.waits(customer)
    one, two = pbx.wire("900", customer)
    pbx.offers(customer, one, "Karla Klein", interface="Local/900@agents")
    pbx.leaves("hold", agent, kind="holding_bridge")
    pbx.enters("b1", agent, two)
    customer.linked = one.linked = two.linked = agent.uid
    pbx.agent_answers(customer, one, "Karla Klein", interface="Local/900@agents")
    pbx.enters("b2", one, customer)
    pbx.passes(3)
    pbx.leaves("b2", customer, one)
    pbx.leaves("b1", two, agent)
    pbx.hangs_up(customer, one, two)
    pbx.enters("hold", agent, kind="holding_bridge")
    pbx.passes(3)
    pbx.leaves("hold", agent, kind="holding_bridge")
    pbx.says("AgentLogoff", block(agent), Agent="900", Logintime=9)
    pbx.hangs_up(agent)

    events, found = reported(pbx), conversations(pbx)
    assert spans(found) == [("2011", customer.uid, 0, 3)]
    assert [(one.queue, one.caller, one.agent_name) for one in found] == [("sales", customer.number, "Karla Klein")]
    assert next(event for event in events if isinstance(event, Established)).data.agent_id == "900"
    assert [event.data.agent_id for event in events if isinstance(event, LoggedOn)] == ["900"]


def test_a_system_name_before_the_ids_changes_nothing() -> None:
    pbx = Pbx(system="pbx-east")
    customer, agent = pbx.queue_call()
    pbx.leaves("b1", customer, agent)
    pbx.hangs_up(agent, customer)

    assert customer.uid.startswith("pbx-east-")
    assert spans(conversations(pbx)) == [("2001", customer.uid, 2, 5)]
    assert [event.data.call_id for event in reported(pbx) if isinstance(event, CallCleared)] == [customer.uid]


def test_a_picked_up_call_is_the_pickers() -> None:
    """A masquerade: the picker's channel takes the ringing one's place, and their names are exchanged for a while."""
    pbx = Pbx()
    customer = pbx.customer()
    rung = pbx.phone("2001", "Alice Archer", customer)
    pbx.dials(customer, rung)
    picker = pbx.phone("2002", "Bob Baker", exten="*8")
    name, other = picker.name, rung.name
    pbx.says("Rename", Channel=name, Newname=f"{name}<MASQ>", Uniqueid=picker.uid)
    pbx.says("Rename", Channel=other, Newname=name, Uniqueid=rung.uid)
    pbx.says("Rename", Channel=f"{name}<MASQ>", Newname=f"{other}<ZOMBIE>", Uniqueid=picker.uid)
    rung.name = f"{other}<ZOMBIE>"
    pbx.hangs_up(rung)
    pbx.enters("b1", picker, customer)
    pbx.passes(2)
    pbx.leaves("b1", picker, customer)
    pbx.hangs_up(picker, customer)

    assert spans(conversations(pbx)) == [("2002", customer.uid, 0, 2)]


def test_two_agents_in_a_waiting_room_do_not_talk() -> None:
    pbx = Pbx()
    for extension, agent in (("2011", "900"), ("2012", "901")):
        line = pbx.phone(extension, "Karla Klein", exten="*61")
        pbx.enters("hold", line, kind="holding_bridge")
        pbx.says("AgentLogin", block(line), Agent=agent)
    customer = pbx.customer()
    pbx.enters("hold", customer, kind="holding_bridge")

    assert not of(reported(pbx), Established)


def test_who_takes_anothers_place_in_a_bridge_was_transferred_and_is_reported_once() -> None:
    """At that moment the consulter still waits in the bridge that was left."""
    events = play(trace("h-attended-transfer")).events

    assert of(events, Established, Held, Retrieved, Transferred, ConnectionCleared) == [
        ("Established", "2001"),
        ("Held", "2001"),
        ("Established", "2001"),
        ("Established", "2002"),
        ("Retrieved", "2001"),
        ("Transferred", "2001"),
        ("ConnectionCleared", "2002"),
    ]
