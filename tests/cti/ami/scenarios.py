"""Calls of which there is no recording, written as Asterisk would send them, with what truly happened."""

from collections.abc import Callable
from typing import Any

from devtools.disturb.trace import RecordedTrace, read
from tests.cti.ami.pbx import Line, Pbx, block, place

Truth = dict[str, Any]


class Scenario(Pbx):
    """A PBX that also keeps what its phones would say: who talked, with which partner, from when to when."""

    def __init__(self) -> None:
        super().__init__()
        self.true: list[Truth] = []
        for extension, name in (("2001", "Alice Archer"), ("2002", "Bob Baker"), ("2003", "Cid Carter")):
            self.member(extension, name, "sales" if extension == "2001" else "support")
        self.passes(1)

    def talks(self, line: Line, partner: Line, kind: str, queue: str = "") -> Truth:
        """Begin a conversation of a phone; ``ends`` ends it."""
        role = "agent" if partner.context == "internal" else "customer"
        one = {
            "agent": line.number,
            "agent_name": line.caller_name,
            "kind": kind,
            "queue": queue or None,
            "with": [{"role": role, "party": partner.number, "uniqueid": partner.uid}],
            "from": self.now,
            "to": self.now,
        }
        self.true.append(one)
        return one

    def ends(self, *conversations: Truth) -> None:
        """End conversations."""
        for one in conversations:
            one["to"] = self.now

    def trace(self, name: str) -> RecordedTrace:
        """Return the scenario as a trace."""
        agents = {one["agent"]: {"name": one["agent_name"]} for one in self.true}
        return read(name, self.data, {"conversations": self.true, "agents": agents})


def queue_call(pbx: Scenario, name: str = "Carla Customer") -> tuple[Line, Line, Truth]:
    """A customer talks with Alice for two seconds."""
    customer = pbx.customer(name=name)
    pbx.waits(customer)
    agent = pbx.phone("2001", "Alice Archer", customer)
    pbx.offers(customer, agent, "Alice Archer")
    pbx.passes(1)
    pbx.agent_answers(customer, agent, "Alice Archer")
    pbx.enters("b1", agent, customer)
    one = pbx.talks(agent, customer, "queue", "sales")
    pbx.passes(2)
    return customer, agent, one


def consults_by_feature_code(pbx: Scenario, customer: Line, agent: Line) -> tuple[Line, Line, Line]:
    """Alice leaves the customer's bridge for one with a Local channel that rings Bob, who does not answer yet."""
    pbx.leaves("b1", agent)
    pbx.says("MusicOnHoldStart", block(customer), Class="default")
    one, two = pbx.wire("2002", customer)
    pbx.enters("b2", agent, one)
    third = pbx.phone("2002", "Bob Baker", customer)
    pbx.dials(two, third)
    pbx.passes(1.5)
    return one, two, third


def answers_consultation(pbx: Scenario, agent: Line, two: Line, third: Line) -> tuple[Truth, Truth]:
    """Bob answers, and talks with Alice for two seconds."""
    third.state = 6
    pbx.rings_off(two, third, "ANSWER")
    pbx.enters("b3", third, two)
    both = pbx.talks(agent, third, "consult"), pbx.talks(third, agent, "consult")
    pbx.passes(2)
    return both


def feature_code_transfer() -> Scenario:
    """By feature code or AMI's Atxfer: Alice consults Bob and hangs up."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    one, two, third = consults_by_feature_code(pbx, customer, agent)
    consultation = answers_consultation(pbx, agent, two, third)
    pbx.ends(first, *consultation)
    last = pbx.talks(third, customer, "transferred")
    pbx.leaves("b2", agent)
    pbx.says(
        "BridgeMerge", {"To" + k: v for k, v in place("b1").items()}, {"From" + k: v for k, v in place("b2").items()}
    )
    pbx.leaves("b2", one)
    pbx.enters("b1", one)
    pbx.transferred(agent, agent, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.hangs_up(agent)
    pbx.passes(4)
    pbx.leaves("b1", customer, one)
    pbx.leaves("b3", two, third)
    pbx.ends(last)
    pbx.hangs_up(customer, one, two, third)
    return pbx


def feature_code_cancelled() -> Scenario:
    """Bob hangs up, and Alice comes back to the customer."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    one, two, third = consults_by_feature_code(pbx, customer, agent)
    consultation = answers_consultation(pbx, agent, two, third)
    pbx.leaves("b3", third, two)
    pbx.ends(*consultation)
    pbx.leaves("b2", one, agent)
    pbx.enters("b1", agent)
    pbx.hangs_up(third, two, one)
    pbx.passes(3)
    pbx.leaves("b1", agent, customer)
    pbx.ends(first)
    pbx.hangs_up(agent, customer)
    return pbx


def feature_code_unanswered() -> Scenario:
    """Bob does not answer, and Alice comes back to the customer."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    one, two, third = consults_by_feature_code(pbx, customer, agent)
    pbx.rings_off(two, third, "NOANSWER")
    pbx.leaves("b2", one, agent)
    pbx.enters("b1", agent)
    pbx.hangs_up(third, two, one)
    pbx.passes(3)
    pbx.leaves("b1", agent, customer)
    pbx.ends(first)
    pbx.hangs_up(agent, customer)
    return pbx


def phone_transfer() -> Scenario:
    """Alice's phone holds the customer, calls Bob on a second line, and joins the two."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    pbx.says("Hold", block(agent), MusicClass="default")
    second = pbx.phone("2001", "Alice Archer", exten="2002")
    third = pbx.phone("2002", "Bob Baker", second)
    pbx.dials(second, third)
    pbx.passes(1)
    third.state = second.state = 6
    pbx.rings_off(second, third, "ANSWER")
    pbx.enters("b2", third, second)
    consultation = pbx.talks(second, third, "consult"), pbx.talks(third, second, "consult")
    pbx.passes(2)
    pbx.ends(first, *consultation)
    last = pbx.talks(third, customer, "transferred")
    pbx.leaves("b2", third)
    pbx.enters("b1", third, swap=agent)
    pbx.leaves("b1", agent)
    pbx.transferred(agent, second, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.leaves("b2", second)
    pbx.hangs_up(agent, second)
    pbx.passes(3)
    pbx.leaves("b1", customer, third)
    pbx.ends(last)
    pbx.hangs_up(customer, third)
    return pbx


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


def outbound_call_handed_on() -> Scenario:
    """Alice calls a customer, consults Bob by feature code and hands the customer to him."""
    pbx = Scenario()
    agent = pbx.phone("2001", "Alice Archer", exten="00447700900100")
    customer = pbx.line("PJSIP/trunk", agent, number="447700900100", context="from-trunk")
    pbx.dials(agent, customer, "00447700900100@trunk")
    pbx.passes(1)
    customer.state = agent.state = 6
    pbx.rings_off(agent, customer, "ANSWER")
    first = pbx.talks(agent, customer, "outbound")
    pbx.enters("b1", customer, agent)
    pbx.passes(2)
    one, two, third = consults_by_feature_code(pbx, agent, agent)
    consultation = answers_consultation(pbx, agent, two, third)
    pbx.ends(first, *consultation)
    last = pbx.talks(third, customer, "transferred")
    pbx.leaves("b2", agent, one)
    pbx.enters("b1", one)
    pbx.transferred(agent, agent, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.hangs_up(agent)
    pbx.passes(3)
    pbx.ends(last)
    pbx.leaves("b1", customer, one)
    pbx.leaves("b3", two, third)
    pbx.hangs_up(customer, one, two, third)
    return pbx


def optimised_transfer() -> Scenario:
    """With audio the Local channel is optimised away: Bob enters Alice's bridge, later the customer's."""
    pbx = Scenario()
    customer, agent, first = queue_call(pbx)
    one, two, third = consults_by_feature_code(pbx, customer, agent)
    third.state = 6
    pbx.rings_off(two, third, "ANSWER")
    both = pbx.talks(agent, third, "consult"), pbx.talks(third, agent, "consult")
    pbx.enters("b3", third, two)
    pbx.passes(0.1)
    pbx.says("LocalOptimizationBegin", block(one, "LocalOne"), block(two, "LocalTwo"), block(third, "Source"), Id=1)
    pbx.leaves("b3", third)
    pbx.enters("b2", third, swap=one)
    pbx.leaves("b2", one)
    pbx.says("LocalOptimizationEnd", block(one, "LocalOne"), block(two, "LocalTwo"), Success="Yes", Id=1)
    pbx.leaves("b3", two)
    pbx.hangs_up(one, two)
    pbx.passes(2)
    pbx.ends(first, *both)
    last = pbx.talks(third, customer, "transferred")
    pbx.leaves("b2", agent)
    pbx.says(
        "BridgeMerge", {"To" + k: v for k, v in place("b1").items()}, {"From" + k: v for k, v in place("b2").items()}
    )
    pbx.leaves("b2", third)
    pbx.enters("b1", third)
    pbx.transferred(agent, agent, DestType="Bridge", DestBridgeUniqueid="b1")
    pbx.hangs_up(agent)
    pbx.passes(3)
    pbx.ends(last)
    pbx.leaves("b1", customer, third)
    pbx.hangs_up(customer, third)
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
