"""What happens in a call: each scenario is a process of the world, from the first ring to the last wrap-up."""

from collections.abc import Callable, Generator
from random import Random

from cti.simulated.call import Call
from cti.simulated.facts import Leg
from cti.simulated.people import QUEUES, Queue, Seat, contact
from cti.simulated.plan import Plan
from cti.simulated.world import Process, World

Part = Generator[float, Seat | None, None]

#: One of so many agents forgets to say how the call was.
_FORGETS, _BREAKS = 0.2, 0.03
_CARD = "4111 1111 1111 1111"


class Talk:
    """A conversation in progress: the call, the agent who has it, and the agent's leg."""

    __slots__ = ("call", "leg", "seat")

    def __init__(self, call: Call, seat: Seat, leg: Leg) -> None:
        self.call, self.seat, self.leg = call, seat, leg


def script(world: World) -> Process:
    """Return a scenario drawn by the plan's weights."""
    mix = world.plan.mix
    name = world.rng.choices(list(mix), list(mix.values()))[0]
    return SCENARIOS[name](world)


def day(plan: Plan, seed: int) -> World:
    """Return a world whose day the seed decides."""
    return World(plan, Random(seed), script)


# Scenarios.


def queue_call(world: World) -> Process:
    """Let a customer be served from a queue."""
    talk = yield from _served(world)
    if talk:
        yield world.around(world.plan.talk_seconds)
        yield from _part(world, talk)


def held_call(world: World) -> Process:
    """Let the agent put the customer on hold for a while."""
    talk = yield from _served(world)
    if talk:
        extension = talk.seat.extension
        yield world.around(world.plan.talk_seconds / 3)
        world.board.hold(talk.call, extension)
        yield world.around(world.plan.talk_seconds / 3)
        world.board.retrieve(talk.call, extension)
        yield world.around(world.plan.talk_seconds / 3)
        yield from _part(world, talk)


def blind_transfer(world: World) -> Process:
    """Let the agent hand the customer on to a colleague unannounced."""
    yield from _handed_on(world, world.floor.take_any)


def escalation(world: World) -> Process:
    """Let the agent hand the customer on to a supervisor, whom QMS does not know."""
    yield from _handed_on(world, world.floor.take_supervisor)


def attended_transfer(world: World) -> Process:
    """Let the agent ask a colleague first; some hand the customer on before the colleague answers."""
    talk = yield from _served(world)
    if not talk:
        return
    yield world.around(world.plan.talk_seconds / 2)
    other = world.floor.take_any()
    if other is None:
        yield from _part(world, talk)
        return
    is_early = world.rng.random() < 0.15
    consulted = yield from _consult(world, talk, other, is_answered=not is_early)
    first = world.board.legs.get((consulted.id, talk.seat.extension))
    call = world.board.transfer(talk.call, consulted, talk.seat.extension, other.extension)
    world.settle(first)
    world.start(_wrap_up(world, talk))
    if is_early:
        yield world.around(world.plan.ring_seconds)
        _answer(world, call, other, "transfer")
    yield world.around(world.plan.talk_seconds)
    yield from _part_from(world, call, other)


def conference(world: World) -> Process:
    """Let the agent bring a colleague in; one of the agents leaves, the others go on."""
    talk = yield from _served(world)
    if not talk:
        return
    yield world.around(world.plan.talk_seconds / 2)
    other = world.floor.take_any()
    if other is None:
        yield from _part(world, talk)
        return
    consulted = yield from _consult(world, talk, other)
    asked = world.board.legs[consulted.id, talk.seat.extension]
    call = world.board.conference(talk.call, consulted, talk.seat.extension, other.extension)
    world.settle(asked)
    yield world.around(world.plan.talk_seconds / 2)
    joined = Talk(call, other, world.board.legs[call.id, other.extension])
    if world.rng.random() < 0.7:
        world.board.clear(call, talk.seat.extension, "left_conference")
        world.start(_wrap_up(world, talk))
        yield world.around(world.plan.talk_seconds / 2)
        yield from _part_from(world, call, other)
    else:
        world.board.clear(call, other.extension, "left_conference")
        world.settle(joined.leg)
        world.let_go(other)
        yield world.around(world.plan.talk_seconds / 2)
        yield from _part(world, Talk(call, talk.seat, talk.leg))


def consultation(world: World) -> Process:
    """Let the agent ask a colleague and go back to the customer."""
    talk = yield from _served(world)
    if not talk:
        return
    yield world.around(world.plan.talk_seconds / 2)
    other = world.floor.take_any()
    if other is not None:
        consulted = yield from _consult(world, talk, other)
        yield from _hang_up(world, consulted, other.extension, talk.seat.extension, "consult_over")
        world.let_go(other)
        world.board.retrieve(talk.call, talk.seat.extension)
        yield world.around(world.plan.talk_seconds / 2)
    yield from _part(world, talk)


def abandoned_call(world: World) -> Process:
    """Let a customer give up, in the queue or while an agent's telephone rings."""
    call, queue = _incoming(world)
    seat = world.floor.take(queue.device) if world.rng.random() < 0.5 else None
    if seat is None:
        world.board.queue(call, queue.device, world.floor.waiting(queue.device))
        yield world.around(world.plan.talk_seconds)
        _give_up(world, call, queue.device)
        return
    _distribute(world, call, queue, seat)
    yield world.around(world.plan.ring_seconds)
    world.board.clear(call, call.trunk, "abandoned_ringing")
    world.board.clear(call, seat.extension, "abandoned_ringing")
    world.let_go(seat)


def no_answer(world: World) -> Process:
    """Let an agent's telephone ring in vain, so that the call goes to another."""
    yield from _talked(world, (yield from _served(world, is_lazy=True)))


def direct_call(world: World) -> Process:
    """Let a customer dial an agent's own number; not answered, it goes on to another."""
    seat = world.floor.take_any()
    if seat is None:
        yield from queue_call(world)
        return
    call = world.board.incoming(contact(world.rng), seat.extension)
    world.board.alert(call, seat.extension, "newCall")
    yield world.around(world.plan.ring_seconds)
    cause = "normal"
    if world.rng.random() < 0.3 and (other := world.floor.take_any()):
        cause = _ring_elsewhere(world, call, seat, other)
        seat = other
        yield world.around(world.plan.ring_seconds)
    leg = _answer(world, call, seat, cause)
    yield from _talked(world, Talk(call, seat, leg))


def outbound_call(world: World) -> Process:
    """Let an agent call a customer who answers."""
    seat = world.floor.take_any()
    if seat is None:
        return
    call = yield from _dial_out(world, seat)
    world.board.reach_network(call)
    world.board.alert(call, call.trunk, "networkSignal")
    yield world.around(world.plan.ring_seconds)
    leg = _answer(world, call, seat, "networkSignal", call.trunk)
    yield from _talked(world, Talk(call, seat, leg))


def unsupervised_call(world: World) -> Process:
    """Let an agent call on a trunk that tells nothing after the call has left."""
    seat = world.floor.take_any()
    if seat is None:
        return
    call = yield from _dial_out(world, seat)
    world.board.reach_network(call)
    call.is_answered = True
    world.board.converse(call)
    world.set_state(seat, "agentBusy")
    leg = world.board.legs[call.id, seat.extension]
    # Long enough that a listener may take it for a conversation.
    yield 4 + world.around(world.plan.talk_seconds)
    world.board.clear(call, seat.extension, "agent_left")
    world.settle(leg)
    world.let_go(seat)


def busy_call(world: World) -> Process:
    """Let an agent call a customer who is busy."""
    seat = world.floor.take_any()
    if seat is None:
        return
    call = yield from _dial_out(world, seat)
    world.board.fail(call, "busy")
    yield world.around(world.plan.ring_seconds)
    world.board.clear(call, seat.extension, "busy")
    world.let_go(seat)


def internal_call(world: World) -> Process:
    """Let one agent call another."""
    seat, other = world.floor.take_any(), world.floor.take_any()
    if seat is None or other is None:
        for one in filter(None, (seat, other)):
            world.let_go(one)
        return
    call = world.board.internal(seat.extension, other.extension)
    yield world.around(0.5)
    world.board.originate(call, seat.extension, "newCall")
    world.board.alert(call, other.extension, "newCall")
    yield world.around(world.plan.ring_seconds)
    _answer(world, call, other)
    world.set_state(seat, "agentBusy")
    yield world.around(world.plan.talk_seconds)
    yield from _hang_up(world, call, other.extension, seat.extension, "agent_left")
    world.let_go(seat)
    world.let_go(other)


SCENARIOS: dict[str, Callable[[World], Process]] = {
    "queue": queue_call, "hold": held_call, "blind": blind_transfer, "attended": attended_transfer,
    "conference": conference, "consult": consultation, "abandon": abandoned_call, "no_answer": no_answer,
    "direct": direct_call, "outbound": outbound_call, "unsupervised": unsupervised_call, "busy": busy_call,
    "internal": internal_call, "escalate": escalation,
}  # fmt: skip


# Parts of them.


def _incoming(world: World) -> tuple[Call, Queue]:
    queue = world.rng.choice(QUEUES)
    call = world.board.incoming(contact(world.rng), queue.device, queue)
    world.board.alert(call, queue.device, "enteringDistribution")
    return call, queue


def _served(world: World, *, is_lazy: bool = False) -> Generator[float, Seat | None, Talk | None]:
    """Bring a customer from a queue to an agent; None when the customer gave up before."""
    call, queue = _incoming(world)
    seat = world.floor.take(queue.device)
    if seat is None:
        seat = yield from world.get_agent(call, queue.device)
    if seat is None:
        _give_up(world, call, queue.device)
        return None
    _distribute(world, call, queue, seat)
    yield world.around(world.plan.ring_seconds)
    cause = "normal"
    if is_lazy and (other := world.floor.take_any()):
        cause = _ring_elsewhere(world, call, seat, other)
        seat = other
        yield world.around(world.plan.ring_seconds)
    leg = _answer(world, call, seat, cause)
    if world.rng.random() < 0.4:
        world.start(_tell_data(world, leg), world.around(world.plan.talk_seconds / 4))
    return Talk(call, seat, leg)


def _talked(world: World, talk: Talk | None) -> Part:
    if talk:
        yield world.around(world.plan.talk_seconds)
        yield from _part(world, talk)


def _distribute(world: World, call: Call, queue: Queue, seat: Seat) -> None:
    world.board.divert(call, queue.device, seat.extension, "distributed")
    world.board.alert(call, seat.extension, "distributed")


def _give_up(world: World, call: Call, group: str) -> None:
    world.board.clear(call, call.trunk, "abandoned_in_queue", "callCancelled")
    world.board.clear(call, group, "abandoned_in_queue", "callCancelled")


def _ring_elsewhere(world: World, call: Call, seat: Seat, other: Seat) -> str:
    """Let a call that an agent does not answer go to another, and return why; the agent is not there for a while."""
    cause = "callForwardNoAnswer"
    world.board.divert(call, seat.extension, other.extension, cause)
    world.board.alert(call, other.extension, cause)
    world.start(_away(world, seat, "missed call"))
    return cause


def _away(world: World, seat: Seat, reason: str) -> Process:
    world.set_state(seat, "agentNotReady", reasonCode=reason)
    yield world.around(2 * world.plan.wrapup_seconds)
    world.let_go(seat)


def _answer(world: World, call: Call, seat: Seat, cause: str = "normal", where: str = "") -> Leg:
    world.board.answer(call, where or seat.extension, cause)
    world.set_state(seat, "agentBusy")
    return world.board.legs[call.id, seat.extension]


def _tell_data(world: World, leg: Leg) -> Process:
    """Let the agent's desktop say something about the call, unless the leg is over."""
    if leg.disconnected_at is None:
        case = world.rng.randrange(1000, 10000)
        correlator, user = f"CRM-{case}", f"Case={case};Product={world.rng.choice(('Blue', 'Red', 'Green'))}"
        if world.rng.random() < 0.05:
            user += f";Card={_CARD}"
        leg.query = {"correlatorData": correlator, "userData": user}
        world.board.inform(leg.seat.extension, leg.call_refs[-1], correlator, user)
    yield from ()


def _dial_out(world: World, seat: Seat) -> Generator[float, Seat | None, Call]:
    call = world.board.outgoing(seat.extension, contact(world.rng))
    yield world.around(0.5)
    world.board.originate(call, seat.extension, "newCall")
    return call


def _handed_on(world: World, take: Callable[[], Seat | None]) -> Part:
    talk = yield from _served(world)
    if not talk:
        return
    yield world.around(world.plan.talk_seconds / 2)
    other = take()
    if other is None:
        yield from _part(world, talk)
        return
    call = world.board.transfer_blind(talk.call, talk.seat.extension, other.extension)
    world.start(_wrap_up(world, talk))
    world.board.alert(call, other.extension, "singleStepTransfer")
    yield world.around(world.plan.ring_seconds)
    _answer(world, call, other, "singleStepTransfer")
    yield world.around(world.plan.talk_seconds)
    yield from _part_from(world, call, other)


def _consult(
    world: World, talk: Talk, other: Seat, *, is_answered: bool = True
) -> Generator[float, Seat | None, Call]:  # fmt: skip
    """Let an agent put the customer on hold and call a colleague."""
    extension = talk.seat.extension
    world.board.hold(talk.call, extension, "consultation")
    call = world.board.internal(extension, other.extension, talk.call.interaction)
    yield world.around(0.5)
    world.board.originate(call, extension, "consultation")
    world.board.alert(call, other.extension, "consultation")
    yield world.around(world.plan.ring_seconds)
    if is_answered:
        _answer(world, call, other)
        yield world.around(world.plan.talk_seconds / 2)
    return call


def _hang_up(world: World, call: Call, first: str, second: str, ended: str) -> Part:
    """Let both ends of an internal call leave, one after the other."""
    legs = [world.board.legs.get((call.id, one)) for one in (first, second)]
    world.board.clear(call, first, ended)
    yield 0.05
    world.board.clear(call, second, ended)
    world.settle(*legs)


def _part(world: World, talk: Talk) -> Part:
    """Let customer and agent part."""
    _clear_both(world, talk.call, talk.seat.extension)
    yield from _wrap_up(world, talk)


def _part_from(world: World, call: Call, seat: Seat) -> Part:
    """Let the customer and somebody to whom the call was handed on part; nothing is wrapped up."""
    leg = world.board.legs[call.id, seat.extension]
    _clear_both(world, call, seat.extension)
    world.settle(leg)
    world.let_go(seat)
    yield from ()


def _clear_both(world: World, call: Call, extension: str) -> None:
    """Let one end leave, and the other with it; who hangs up first decides what the switch sees of the trunk."""
    if world.rng.random() < 0.5:
        world.board.clear(call, call.trunk, "caller_left")
        world.board.clear(call, extension, "caller_left")
    else:
        world.board.clear(call, extension, "agent_left")


def _wrap_up(world: World, talk: Talk) -> Process:
    """Let the agent of a queue's call say some seconds later how it was, then be there again or take a break."""
    seat, leg, queue = talk.seat, talk.leg, talk.call.queue
    if queue is None:
        world.settle(leg)
        world.let_go(seat)
        return
    seconds = world.around(world.plan.wrapup_seconds)
    world.set_state(seat, "agentWorkingAfterCall", "ready")
    yield seconds * 0.7
    if world.rng.random() >= _FORGETS:
        leg.wrapup = (queue.name, world.rng.choice(queue.wrapups))
        world.board.wrap_up(seat.extension, leg.call_refs[-1], *leg.wrapup)
    world.settle(leg)
    yield seconds * 0.3
    if world.rng.random() < _BREAKS:
        yield from _away(world, seat, "break")
    else:
        world.let_go(seat)
