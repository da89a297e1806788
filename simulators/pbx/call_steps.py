"""The parts of which scenarios are made: a customer is served, a colleague consulted, a conversation ends."""

from collections.abc import Generator

from simulators.pbx.call import SimulatedCall
from simulators.pbx.people import QUEUES, AcdGroup, SimulatedAgent
from simulators.pbx.reports import TrueLeg
from simulators.pbx.world import Process, World

ScenarioPart = Generator[float, SimulatedAgent | None, None]

#: One agent in this many forgets the wrap-up.
_FORGETS, _BREAKS = 0.2, 0.03
_CARD = "4111 1111 1111 1111"


class Conversation:
    """A conversation in progress: the call, the agent who has it, and the agent's leg."""

    __slots__ = ("agent", "call", "leg")

    def __init__(self, call: SimulatedCall, agent: SimulatedAgent, leg: TrueLeg) -> None:
        self.call, self.agent, self.leg = call, agent, leg


def incoming(world: World) -> tuple[SimulatedCall, AcdGroup]:
    """Let a customer's call come to a queue."""
    queue = world.rng.choice(QUEUES)
    call = world.switchboard.incoming(world.contact(), queue.device, queue)
    world.switchboard.alert(call, queue.device, "enteringDistribution")
    return call, queue


def served(world: World, *, is_lazy: bool = False) -> Generator[float, SimulatedAgent | None, Conversation | None]:
    """Bring a customer from a queue to an agent; None when the customer gave up before."""
    call, queue = incoming(world)
    agent = world.floor.take(queue.device)
    if agent is None:
        agent = yield from world.get_agent(call, queue.device)
    if agent is None:
        give_up(world, call, queue.device)
        return None
    distribute(world, call, queue, agent)
    yield world.around(world.plan.ring_seconds)
    cause = "normal"
    if is_lazy and (other := world.floor.take_any()):
        cause = ring_elsewhere(world, call, agent, other)
        agent = other
        yield world.around(world.plan.ring_seconds)
    leg = answer(world, call, agent, cause)
    if world.rng.random() < 0.4:
        world.start(send_call_data(world, leg), world.around(world.plan.talk_seconds / 4))
    return Conversation(call, agent, leg)


def talked(world: World, talk: Conversation | None) -> ScenarioPart:
    """Let an agent and a customer talk and part."""
    if talk:
        yield world.around(world.plan.talk_seconds)
        yield from part(world, talk)


def distribute(world: World, call: SimulatedCall, queue: AcdGroup, agent: SimulatedAgent) -> None:
    """Let a queue's call ring at an agent."""
    world.switchboard.divert(call, queue.device, agent.extension, "distributed")
    world.switchboard.alert(call, agent.extension, "distributed")


def give_up(world: World, call: SimulatedCall, group: str) -> None:
    """Let a customer leave a queue."""
    world.switchboard.clear(call, call.trunk, "abandoned_in_queue", "callCancelled")
    world.switchboard.clear(call, group, "abandoned_in_queue", "callCancelled")


def ring_elsewhere(world: World, call: SimulatedCall, agent: SimulatedAgent, other: SimulatedAgent) -> str:
    """Let a call that an agent does not answer go to another, and return why; the agent is not there for a while."""
    cause = "callForwardNoAnswer"
    world.switchboard.divert(call, agent.extension, other.extension, cause)
    world.switchboard.alert(call, other.extension, cause)
    world.start(away(world, agent, "missed call"))
    return cause


def away(world: World, agent: SimulatedAgent, reason: str) -> Process:
    """Let an agent take no calls for a while."""
    world.set_state(agent, "agentNotReady", reasonCode=reason)
    yield world.around(2 * world.plan.wrapup_seconds)
    world.let_go(agent)


def answer(world: World, call: SimulatedCall, agent: SimulatedAgent, cause: str = "normal", where: str = "") -> TrueLeg:
    """Let an agent answer, or the outside party that the agent called; return the agent's leg."""
    world.switchboard.answer(call, where or agent.extension, cause)
    world.set_state(agent, "agentBusy")
    return world.switchboard.legs[call.id, agent.extension]


def send_call_data(world: World, leg: TrueLeg) -> Process:
    """Let the agent's desktop say something about the call, unless the leg is over."""
    if leg.disconnected_at is None:
        case = world.rng.randrange(1000, 10000)
        correlator, user = f"CRM-{case}", f"Case={case};Product={world.rng.choice(('Blue', 'Red', 'Green'))}"
        if world.rng.random() < 0.05:
            user += f";Card={_CARD}"
        leg.query = {"correlatorData": correlator, "userData": user}
        world.switchboard.inform(leg, correlator, user)
    yield from ()


def dial_out(world: World, agent: SimulatedAgent) -> Generator[float, SimulatedAgent | None, SimulatedCall]:
    """Let an agent dial a customer's number."""
    call = world.switchboard.outgoing(agent.extension, world.contact())
    yield world.around(0.5)
    world.switchboard.originate(call, agent.extension, "newCall")
    return call


def consult(
    world: World, talk: Conversation, other: SimulatedAgent, *, is_answered: bool = True
) -> Generator[float, SimulatedAgent | None, SimulatedCall]:
    """Let an agent put the customer on hold and call a colleague."""
    extension = talk.agent.extension
    world.switchboard.hold(talk.call, extension, "consultation")
    call = world.switchboard.internal(extension, other.extension, talk.call.interaction)
    yield world.around(0.5)
    world.switchboard.originate(call, extension, "consultation")
    world.switchboard.alert(call, other.extension, "consultation")
    yield world.around(world.plan.ring_seconds)
    if is_answered:
        answer(world, call, other)
        yield world.around(world.plan.talk_seconds / 2)
    return call


def hang_up(world: World, call: SimulatedCall, first: str, second: str, ended: str) -> ScenarioPart:
    """Let both ends of an internal call leave, one after the other."""
    legs = [world.switchboard.legs.get((call.id, one)) for one in (first, second)]
    world.switchboard.clear(call, first, ended)
    yield 0.05
    world.switchboard.clear(call, second, ended)
    world.settle(*legs)


def part(world: World, talk: Conversation) -> ScenarioPart:
    """Let customer and agent part."""
    clear_both(world, talk.call, talk.agent.extension)
    yield from wrap_up(world, talk)


def part_from(world: World, call: SimulatedCall, agent: SimulatedAgent) -> ScenarioPart:
    """Let the customer and the one who took over the call part; there is no wrap-up."""
    leg = world.switchboard.legs[call.id, agent.extension]
    clear_both(world, call, agent.extension)
    world.settle(leg)
    world.let_go(agent)
    yield from ()


def clear_both(world: World, call: SimulatedCall, extension: str) -> None:
    """Let one end leave, and the other with it; who hangs up first decides what the switch sees of the trunk."""
    if world.rng.random() < 0.5:
        world.switchboard.clear(call, call.trunk, "caller_left")
        world.switchboard.clear(call, extension, "caller_left")
    else:
        world.switchboard.clear(call, extension, "agent_left")


def wrap_up(world: World, talk: Conversation) -> Process:
    """Let the agent of a queue's call say some seconds later how it was, then be there again or take a break."""
    agent, leg, queue = talk.agent, talk.leg, talk.call.queue
    if queue is None:
        world.settle(leg)
        world.let_go(agent)
        return
    seconds = world.around(world.plan.wrapup_seconds)
    world.set_state(agent, "agentWorkingAfterCall", "ready")
    yield seconds * 0.7
    if world.rng.random() >= _FORGETS:
        leg.wrapup = (queue.name, world.rng.choice(queue.wrapups))
        world.switchboard.wrap_up(leg, *leg.wrapup)
    world.settle(leg)
    yield seconds * 0.3
    if world.rng.random() < _BREAKS:
        yield from away(world, agent, "break")
    else:
        world.let_go(agent)
