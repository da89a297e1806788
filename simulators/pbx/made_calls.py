"""Calls that a client has the switch make (MakeCall): the test phone dials by itself, and the far end answers."""

from simulators.pbx.call import SimulatedCall
from simulators.pbx.people import Contact
from simulators.pbx.world import Process, World

#: Duration until the phone has dialled, and until the far end answers, in seconds.
DIAL_SECONDS, ANSWER_SECONDS = 0.3, 0.7
#: Duration after which the announcement at the far end is over and hangs up, in seconds.
ANNOUNCEMENT_SECONDS = 90.0
#: A number that begins so is never answered.
UNANSWERED = "0"


def make_test_call(world: World, extension: str, number: str) -> SimulatedCall:
    """Let an extension begin to call a number outside."""
    call = world.switchboard.outgoing(extension, Contact(number, None, None))
    world.start(_progress(world, call, extension))
    return call


def hang_up_test_call(world: World, call: SimulatedCall, extension: str) -> None:
    """Let the extension leave the call, as soon as anything happens again."""
    world.start(_leave(world, call, extension))


def _progress(world: World, call: SimulatedCall, extension: str) -> Process:
    yield DIAL_SECONDS
    if extension in call.parties:
        world.switchboard.originate(call, extension, "makeCall")
    yield ANSWER_SECONDS
    if extension in call.parties and not call.called.startswith(UNANSWERED):
        world.switchboard.reach_network(call)
        world.switchboard.answer(call, call.trunk)
    yield ANNOUNCEMENT_SECONDS
    yield from _leave(world, call, extension)


def _leave(world: World, call: SimulatedCall, extension: str) -> Process:
    if extension in call.parties:
        leg = world.switchboard.legs.get((call.id, extension))
        world.switchboard.clear(call, extension, "agent_left")
        world.settle(leg)
    yield from ()
