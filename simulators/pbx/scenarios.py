"""What happens in a call: each scenario is a process of the world, from the first ring to the last wrap-up."""

from collections.abc import Callable, Generator
from random import Random

from simulators.pbx.call_steps import (
    Conversation,
    ScenarioPart,
    answer,
    consult,
    dial_out,
    distribute,
    give_up,
    hang_up,
    incoming,
    part,
    part_from,
    ring_elsewhere,
    served,
    talked,
    wrap_up,
)
from simulators.pbx.people import SimulatedAgent
from simulators.pbx.plan import Plan
from simulators.pbx.world import Process, World


def script(world: World) -> Process:
    """Return a scenario drawn by the plan's weights."""
    mix = world.plan.mix
    name = world.rng.choices(list(mix), list(mix.values()))[0]
    return SCENARIOS[name](world)


def day(plan: Plan, seed: int) -> World:
    """Return a world whose day the seed decides."""
    return World(plan, Random(seed), script)


def queue_call(world: World) -> Process:
    """Let a customer be served from a queue."""
    talk = yield from served(world)
    if talk:
        yield world.around(world.plan.talk_seconds)
        yield from part(world, talk)


def held_call(world: World) -> Process:
    """Let the agent put the customer on hold for a while."""
    talk = yield from served(world)
    if talk:
        extension = talk.agent.extension
        yield world.around(world.plan.talk_seconds / 3)
        world.switchboard.hold(talk.call, extension)
        yield world.around(world.plan.talk_seconds / 3)
        world.switchboard.retrieve(talk.call, extension)
        yield world.around(world.plan.talk_seconds / 3)
        yield from part(world, talk)


def blind_transfer(world: World) -> Process:
    """Let the agent hand the customer on to a colleague unannounced."""
    yield from _handed_on(world, world.floor.take_any)


def escalation(world: World) -> Process:
    """Let the agent hand the customer on to a supervisor, which QMS does not know."""
    yield from _handed_on(world, world.floor.take_supervisor)


def _talk_and_colleague(
    world: World,
) -> Generator[float, SimulatedAgent | None, tuple[Conversation, SimulatedAgent] | None]:
    """Let an agent talk to a customer for a while and find a colleague; None where it ends without one."""
    talk = yield from served(world)
    if not talk:
        return None
    yield world.around(world.plan.talk_seconds / 2)
    other = world.floor.take_any()
    if other is None:
        yield from part(world, talk)
        return None
    return talk, other


def attended_transfer(world: World) -> Process:
    """Let the agent ask a colleague first; some hand the customer on before the colleague answers."""
    both = yield from _talk_and_colleague(world)
    if both is None:
        return
    talk, other = both
    is_early = world.rng.random() < 0.15
    consulted = yield from consult(world, talk, other, is_answered=not is_early)
    first = world.switchboard.legs.get((consulted.id, talk.agent.extension))
    call = world.switchboard.transfer(talk.call, consulted, talk.agent.extension, other.extension)
    world.settle(first)
    world.start(wrap_up(world, talk))
    if is_early:
        yield world.around(world.plan.ring_seconds)
        answer(world, call, other, "transfer")
    yield world.around(world.plan.talk_seconds)
    yield from part_from(world, call, other)


def conference(world: World) -> Process:
    """Let the agent bring a colleague in; one of the agents leaves, the others go on."""
    both = yield from _talk_and_colleague(world)
    if both is None:
        return
    talk, other = both
    consulted = yield from consult(world, talk, other)
    asked = world.switchboard.legs[consulted.id, talk.agent.extension]
    call = world.switchboard.conference(talk.call, consulted, talk.agent.extension, other.extension)
    world.settle(asked)
    yield world.around(world.plan.talk_seconds / 2)
    joined = Conversation(call, other, world.switchboard.legs[call.id, other.extension])
    if world.rng.random() < 0.7:
        world.switchboard.clear(call, talk.agent.extension, "left_conference")
        world.start(wrap_up(world, talk))
        yield world.around(world.plan.talk_seconds / 2)
        yield from part_from(world, call, other)
    else:
        world.switchboard.clear(call, other.extension, "left_conference")
        world.settle(joined.leg)
        world.let_go(other)
        yield world.around(world.plan.talk_seconds / 2)
        yield from part(world, Conversation(call, talk.agent, talk.leg))


def consultation(world: World) -> Process:
    """Let the agent ask a colleague and go back to the customer."""
    both = yield from _talk_and_colleague(world)
    if both is None:
        return
    talk, other = both
    consulted = yield from consult(world, talk, other)
    yield from hang_up(world, consulted, other.extension, talk.agent.extension, "consult_over")
    world.let_go(other)
    world.switchboard.retrieve(talk.call, talk.agent.extension)
    yield world.around(world.plan.talk_seconds / 2)
    yield from part(world, talk)


def abandoned_call(world: World) -> Process:
    """Let a customer give up, in the queue or while an agent's telephone rings."""
    call, queue = incoming(world)
    agent = world.floor.take(queue.device) if world.rng.random() < 0.5 else None
    if agent is None:
        world.switchboard.queue(call, queue.device, world.floor.waiting(queue.device))
        yield world.around(world.plan.talk_seconds)
        give_up(world, call, queue.device)
        return
    distribute(world, call, queue, agent)
    yield world.around(world.plan.ring_seconds)
    world.switchboard.clear(call, call.trunk, "abandoned_ringing")
    world.switchboard.clear(call, agent.extension, "abandoned_ringing")
    world.let_go(agent)


def no_answer(world: World) -> Process:
    """Let an agent's telephone ring in vain, so that the call goes to another."""
    yield from talked(world, (yield from served(world, is_lazy=True)))


def direct_call(world: World) -> Process:
    """Let a customer dial an agent's own number; not answered, it goes on to another."""
    agent = world.floor.take_any()
    if agent is None:
        yield from queue_call(world)
        return
    call = world.switchboard.incoming(world.contact(), agent.extension)
    world.switchboard.alert(call, agent.extension, "newCall")
    yield world.around(world.plan.ring_seconds)
    cause = "normal"
    if world.rng.random() < 0.3 and (other := world.floor.take_any()):
        cause = ring_elsewhere(world, call, agent, other)
        agent = other
        yield world.around(world.plan.ring_seconds)
    leg = answer(world, call, agent, cause)
    yield from talked(world, Conversation(call, agent, leg))


def outbound_call(world: World) -> Process:
    """Let an agent call a customer who answers."""
    agent = world.floor.take_any()
    if agent is None:
        return
    call = yield from dial_out(world, agent)
    world.switchboard.reach_network(call)
    world.switchboard.alert(call, call.trunk, "networkSignal")
    yield world.around(world.plan.ring_seconds)
    leg = answer(world, call, agent, "networkSignal", call.trunk)
    yield from talked(world, Conversation(call, agent, leg))


def unsupervised_call(world: World) -> Process:
    """Let an agent call on a trunk that reports nothing after the call has left."""
    agent = world.floor.take_any()
    if agent is None:
        return
    call = yield from dial_out(world, agent)
    world.switchboard.reach_network(call)
    call.is_answered = True
    world.switchboard.converse(call)
    world.set_state(agent, "agentBusy")
    leg = world.switchboard.legs[call.id, agent.extension]
    # Long enough that a listener may take it for a conversation.
    yield 4 + world.around(world.plan.talk_seconds)
    world.switchboard.clear(call, agent.extension, "agent_left")
    world.settle(leg)
    world.let_go(agent)


def busy_call(world: World) -> Process:
    """Let an agent call a customer who is busy."""
    agent = world.floor.take_any()
    if agent is None:
        return
    call = yield from dial_out(world, agent)
    world.switchboard.fail(call, "busy")
    yield world.around(world.plan.ring_seconds)
    world.switchboard.clear(call, agent.extension, "busy")
    world.let_go(agent)


def internal_call(world: World) -> Process:
    """Let one agent call another."""
    agent, other = world.floor.take_any(), world.floor.take_any()
    if agent is None or other is None:
        for one in filter(None, (agent, other)):
            world.let_go(one)
        return
    call = world.switchboard.internal(agent.extension, other.extension)
    yield world.around(0.5)
    world.switchboard.originate(call, agent.extension, "newCall")
    world.switchboard.alert(call, other.extension, "newCall")
    yield world.around(world.plan.ring_seconds)
    answer(world, call, other)
    world.set_state(agent, "agentBusy")
    yield world.around(world.plan.talk_seconds)
    yield from hang_up(world, call, other.extension, agent.extension, "agent_left")
    world.let_go(agent)
    world.let_go(other)


def _handed_on(world: World, take: Callable[[], SimulatedAgent | None]) -> ScenarioPart:
    talk = yield from served(world)
    if not talk:
        return
    yield world.around(world.plan.talk_seconds / 2)
    other = take()
    if other is None:
        yield from part(world, talk)
        return
    call = world.switchboard.transfer_blind(talk.call, talk.agent.extension, other.extension)
    world.start(wrap_up(world, talk))
    world.switchboard.alert(call, other.extension, "singleStepTransfer")
    yield world.around(world.plan.ring_seconds)
    answer(world, call, other, "singleStepTransfer")
    yield world.around(world.plan.talk_seconds)
    yield from part_from(world, call, other)


SCENARIOS: dict[str, Callable[[World], Process]] = {
    "queue": queue_call,
    "hold": held_call,
    "blind": blind_transfer,
    "attended": attended_transfer,
    "conference": conference,
    "consult": consultation,
    "abandon": abandoned_call,
    "no_answer": no_answer,
    "direct": direct_call,
    "outbound": outbound_call,
    "unsupervised": unsupervised_call,
    "busy": busy_call,
    "internal": internal_call,
    "escalate": escalation,
}
