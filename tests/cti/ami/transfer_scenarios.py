"""Scenarios of a simulated Asterisk in which a call is handed on."""

from tests.cti.ami.pbx import block, place
from tests.cti.ami.scenario import Scenario, answers_consultation, consults_by_feature_code, queue_call


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
