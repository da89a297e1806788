"""How one CSTA server writes what the standard leaves open; chosen from the title of the scenario."""

from random import Random
from zlib import crc32

from msgspec import Struct

ECMA = "http://www.ecma-international.org/standards/ecma-323/csta/"
EDITIONS = ("http://www.ecma.ch/standards/ecma-323/csta/ed2", *(f"{ECMA}ed{n}" for n in (3, 4, 5, 6)))


class Habits(Struct, frozen=True):
    """Hold the habits of one server.

    `written_out`: devices are `N<2001>`. `opaque`: connections name their device by an id of the switch. `answerer`:
    an Established names the connection that answered, also where the contract's event names the caller's. `one_r`:
    TransferedEvent. `segments`: snapshots come in segments. `session`: there is an application session (ECMA-354).
    `agents`: GetAgentState is served. `new_call`: what an extension dialled is a new call (cause `newCall`) where it
    rings and is answered, also of a consultation.
    """

    edition: str = EDITIONS[2]
    written_out: bool = False
    opaque: bool = False
    answerer: bool = True
    one_r: bool = False
    segments: bool = False
    session: bool = True
    agents: bool = True
    new_call: bool = False


def chosen_habits(title: str) -> Habits:
    """Choose the habits of a scenario's server."""
    rng = Random(crc32(title.encode()))
    return Habits(
        edition=rng.choice(EDITIONS),
        written_out=rng.random() < 0.3,
        opaque=rng.random() < 0.4,
        answerer=rng.random() < 0.6,
        one_r=rng.random() < 0.5,
        segments=rng.random() < 0.3,
        session=rng.random() < 0.6,
        agents=rng.random() < 0.7,
        new_call=rng.random() < 0.4,
    )
