"""The people of a run of faults, and the references of its calls: as the generator of worlds makes them.

Names, numbers and ids that look alike and are not the same: extensions 2001 and 02001, calls 100, 0100 and 100a.
"""

from random import Random

import msgspec

from devtools.worlds.judge.people import FIRST, LAST, Site, Style
from devtools.worlds.judge.stage import Stage
from qms.port import Licence
from simulators.pbx.cast import Cast, CastAgent
from simulators.pbx.people import Contact
from simulators.qms.records import SimulatedUser

CONTACTS = 5_000
#: References that look alike; where more calls are in progress, numbers follow.
REFERENCES = 300
#: How often an extension has another one beside it that differs by a zero.
ALIKE = 0.25


def made_cast(agents: int, seed: int) -> Cast:
    """Make the people of a seed."""
    rng = Random(seed)
    stage = Stage(rng, Site((), (), Style()), reuse=0.0)
    contacts = [stage.contact() for _ in range(CONTACTS)]
    references = tuple(stage.call(0.0, contacts[0]).id for _ in range(REFERENCES))
    known = tuple(Contact(x.number, x.name or None, x.name_source if x.name else None) for x in contacts)  # type: ignore[arg-type]
    return Cast(_agents(agents, rng), known, references)


def _agents(count: int, rng: Random) -> tuple[CastAgent, ...]:
    extensions: list[str] = []
    while len(extensions) < count:
        extensions.append(str(2001 + len(extensions)))
        extensions += [f"0{extensions[-1]}"] if rng.random() < ALIKE else []
    return tuple(_agent(number, one) for number, one in enumerate(extensions[:count]))


def _agent(number: int, extension: str) -> CastAgent:
    agent = str(9101 + number // 2) if number % 2 else f"0{9101 + number // 2}"
    return CastAgent(extension, agent, f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}")


def qms_users(cast: Cast) -> bytes:
    """Return the users of QMS, as its simulation's control interface takes them."""
    return msgspec.json.encode({"users": [_user(number, one) for number, one in enumerate(cast.agents)]})


def _user(number: int, one: CastAgent) -> SimulatedUser:
    first, _, last = one.name.partition(" ")
    return SimulatedUser(
        extension=one.extension,
        user_id=str(1001 + number),
        user_name=f"user.{one.extension}",
        first_name=first,
        last_name=last,
        agent_id=one.agent_id,
        department_name="Contact Centre",
        licence=Licence.UNLIMITED,
    )
