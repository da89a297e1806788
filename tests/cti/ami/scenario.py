"""What the scenarios of a simulated Asterisk are made of: a queue call, and consultations by feature code."""

from typing import Any

from devtools.disturb.trace import RecordedTrace, read
from tests.cti.ami.pbx import Line, Pbx, block

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
