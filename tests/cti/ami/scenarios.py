"""Calls of which there is no recording, written as Asterisk would send them, with what truly happened."""

from collections.abc import Callable

from tests.cti.ami.pbx import block
from tests.cti.ami.scenario import Scenario, answers_consultation, consults_by_feature_code, queue_call
from tests.cti.ami.transfer_scenarios import (
    feature_code_cancelled,
    feature_code_transfer,
    feature_code_unanswered,
    optimised_transfer,
    outbound_call_handed_on,
    phone_transfer,
)


def colleague_calls_while_customer_is_held() -> Scenario:
    """Bob calls Alice about something else."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    pbx.says("Hold", block(agent), MusicClass="default")
    caller = pbx.phone("2002", "Bob Baker", exten="2001")
    second = pbx.phone("2001", "Alice Archer", caller)
    pbx.dials(caller, second)
    pbx.passes(1)
    second.state = caller.state = 6
    pbx.rings_off(caller, second, "ANSWER")
    pbx.enters("b2", second, caller)
    others = pbx.talks(second, caller, "internal"), pbx.talks(caller, second, "internal")
    pbx.passes(3)
    pbx.leaves("b2", second, caller)
    pbx.ends(*others)
    pbx.hangs_up(caller, second)
    pbx.says("Unhold", block(agent))
    pbx.passes(2)
    pbx.leaves("b1", customer, agent)
    pbx.ends(first)
    pbx.hangs_up(customer, agent)
    return pbx


def member_behind_a_local_channel() -> Scenario:
    """Two calls; the second is answered at another phone than the member's own (follow-me)."""
    pbx = Scenario()
    pbx.member("2001", "Alice Archer", "front", interface="Local/2001@from-queue/n", state="hint:2001@ext-local")
    for extension, user in (("2001", "Alice Archer"), ("2003", "Cid Carter")):
        customer = pbx.customer(name="Carla Customer")
        pbx.waits(customer, "front")
        one, two = pbx.wire("2001", customer)
        pbx.offers(customer, one, "Alice Archer", "front", "Local/2001@from-queue/n")
        phone = pbx.phone(extension, user, customer)
        pbx.dials(two, phone)
        pbx.passes(1)
        phone.state = 6
        pbx.rings_off(two, phone, "ANSWER")
        pbx.enters("b1", phone, two)
        pbx.agent_answers(customer, one, "Alice Archer", "front", "Local/2001@from-queue/n")
        pbx.enters("b2", one, customer)
        talk = pbx.talks(phone, customer, "queue", "front")
        pbx.passes(3)
        pbx.leaves("b2", customer, one)
        pbx.leaves("b1", two, phone)
        pbx.ends(talk)
        pbx.hangs_up(customer, one, two, phone)
        pbx.passes(4)
    return pbx


def two_calls_through_one_trunk() -> Scenario:
    """The first customer holds the line; the next one comes through the same trunk."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx, "One")
    pbx.says("Hold", block(customer), MusicClass="default")
    other = pbx.customer("447700900102", "Two")
    pbx.waits(other, "support")
    phone = pbx.phone("2002", "Bob Baker", other)
    pbx.offers(other, phone, "Bob Baker", "support")
    pbx.passes(1)
    pbx.agent_answers(other, phone, "Bob Baker", "support")
    pbx.enters("b2", phone, other)
    second = pbx.talks(phone, other, "queue", "support")
    pbx.passes(3)
    pbx.leaves("b2", phone, other)
    pbx.ends(second)
    pbx.hangs_up(phone, other)
    pbx.passes(1)
    pbx.leaves("b1", customer, agent)
    pbx.ends(first)
    pbx.hangs_up(customer, agent)
    return pbx


def overlapping_log_ins() -> Scenario:
    """Bob logs on at Alice's phone before she logs off; after her, the phone is his."""
    pbx = Scenario()
    pbx.member("2001", "Bob Baker", "front", interface="PJSIP/2001")
    pbx.passes(2)
    pbx.says("QueueMemberRemoved", Queue="sales", MemberName="Alice Archer", Interface="PJSIP/2001")
    pbx.passes(2)
    customer = pbx.customer(name="Carla Customer")
    pbx.waits(customer, "front")
    phone = pbx.phone("2001", like=customer)
    pbx.offers(customer, phone, "Bob Baker", "front")
    pbx.passes(1)
    pbx.agent_answers(customer, phone, "Bob Baker", "front")
    pbx.enters("b1", phone, customer)
    one = pbx.talks(phone, customer, "queue", "front")
    one["agent_name"] = "Bob Baker"
    pbx.passes(3)
    pbx.leaves("b1", phone, customer)
    pbx.ends(one)
    pbx.hangs_up(phone, customer)
    return pbx


def back_to_a_queue() -> Scenario:
    """Alice's desktop redirects the customer to another queue, where Bob answers."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    pbx.leaves("b1", agent, customer)
    pbx.ends(first)
    pbx.hangs_up(agent)
    pbx.waits(customer, "support")
    phone = pbx.phone("2002", "Bob Baker", customer)
    pbx.offers(customer, phone, "Bob Baker", "support")
    pbx.passes(1)
    pbx.agent_answers(customer, phone, "Bob Baker", "support")
    pbx.enters("b2", phone, customer)
    second = pbx.talks(phone, customer, "queue", "support")
    pbx.passes(3)
    pbx.leaves("b2", phone, customer)
    pbx.ends(second)
    pbx.hangs_up(phone, customer)
    return pbx


def consults_outside_by_feature_code() -> Scenario:
    """Alice consults a number outside through the trunk, and comes back."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    pbx.leaves("b1", agent)
    one, two = pbx.wire("00447700900300", customer)
    pbx.enters("b2", agent, one)
    expert = pbx.line("PJSIP/trunk", customer, number="447700900300", context="from-trunk")
    pbx.dials(two, expert, "00447700900300@trunk")
    pbx.passes(1)
    expert.state = 6
    pbx.rings_off(two, expert, "ANSWER")
    second = pbx.talks(agent, expert, "outbound")
    pbx.enters("b3", expert, two)
    pbx.passes(2)
    pbx.ends(second)
    pbx.leaves("b3", expert, two)
    pbx.leaves("b2", one, agent)
    pbx.enters("b1", agent)
    pbx.hangs_up(expert, two, one)
    pbx.passes(2)
    pbx.ends(first)
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent, customer)
    return pbx


def direct_call_consulted_by_feature_code() -> Scenario:
    """A customer dials Alice's own number; no queue is in it."""
    pbx = Scenario()
    customer = pbx.customer(name="Carla Customer")
    agent = pbx.phone("2001", "Alice Archer", customer)
    pbx.dials(customer, agent)
    pbx.passes(1)
    customer.state = agent.state = 6
    pbx.rings_off(customer, agent, "ANSWER")
    first = pbx.talks(agent, customer, "direct")
    pbx.enters("b1", agent, customer)
    pbx.passes(2)
    one, two, third = consults_by_feature_code(pbx, customer, agent)
    consultation = answers_consultation(pbx, agent, two, third)
    pbx.ends(*consultation)
    pbx.leaves("b3", third, two)
    pbx.leaves("b2", one, agent)
    pbx.enters("b1", agent)
    pbx.hangs_up(third, two, one)
    pbx.passes(3)
    pbx.ends(first)
    pbx.leaves("b1", agent, customer)
    pbx.hangs_up(agent, customer)
    return pbx


def internal_call() -> Scenario:
    """Bob calls Cid."""
    pbx = Scenario()
    caller = pbx.phone("2002", "Bob Baker", exten="2003")
    called = pbx.phone("2003", "Cid Carter", caller)
    pbx.dials(caller, called)
    pbx.passes(1)
    called.state = caller.state = 6
    pbx.rings_off(caller, called, "ANSWER")
    both = pbx.talks(caller, called, "internal"), pbx.talks(called, caller, "internal")
    pbx.enters("b1", called, caller)
    pbx.passes(3)
    pbx.ends(*both)
    pbx.leaves("b1", called, caller)
    pbx.hangs_up(called, caller)
    return pbx


def picked_up() -> Scenario:
    """Bob picks up (*8) the call that rings at Alice's phone, and later calls Cid himself."""
    pbx = Scenario()
    customer = pbx.customer(name="Carla Customer")
    pbx.waits(customer)
    rung = pbx.phone("2001", "Alice Archer", customer)
    pbx.offers(customer, rung, "Alice Archer")
    pbx.passes(0.5)
    picker = pbx.phone("2002", "Bob Baker", exten="*8")
    name, other = picker.name, rung.name
    pbx.says("Rename", Channel=name, Newname=f"{name}<MASQ>", Uniqueid=picker.uid)
    pbx.says("Rename", Channel=other, Newname=name, Uniqueid=rung.uid)
    pbx.says("Rename", Channel=f"{name}<MASQ>", Newname=f"{other}<ZOMBIE>", Uniqueid=picker.uid)
    rung.name, rung.number, rung.caller_name = name, "2002", "Bob Baker"
    picker.name = f"{other}<ZOMBIE>"
    pbx.hangs_up(picker)
    pbx.agent_answers(customer, rung, "Alice Archer", interface="PJSIP/2001")
    first = pbx.talks(rung, customer, "queue", "sales")
    pbx.enters("b1", rung, customer)
    pbx.passes(3)
    pbx.ends(first)
    pbx.leaves("b1", rung, customer)
    pbx.hangs_up(rung, customer)
    pbx.passes(4)
    caller = pbx.phone("2002", "Bob Baker", exten="2003")
    called = pbx.phone("2003", "Cid Carter", caller)
    pbx.dials(caller, called)
    pbx.passes(1)
    pbx.rings_off(caller, called, "ANSWER")
    both = pbx.talks(caller, called, "internal"), pbx.talks(called, caller, "internal")
    pbx.enters("b2", called, caller)
    pbx.passes(3)
    pbx.ends(*both)
    pbx.leaves("b2", called, caller)
    pbx.hangs_up(called, caller)
    return pbx


SCENARIOS: dict[str, Callable[[], Scenario]] = {
    one.__name__: one
    for one in (
        feature_code_transfer,
        feature_code_cancelled,
        feature_code_unanswered,
        phone_transfer,
        colleague_calls_while_customer_is_held,
        member_behind_a_local_channel,
        two_calls_through_one_trunk,
        overlapping_log_ins,
        back_to_a_queue,
        consults_outside_by_feature_code,
        direct_call_consulted_by_feature_code,
        outbound_call_handed_on,
        optimised_transfer,
        internal_call,
        picked_up,
    )
}
