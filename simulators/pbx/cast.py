"""Who works and who calls at a site, and the references of its calls, from a file."""

from pathlib import Path

import msgspec

from simulators.pbx.people import QUEUES, Contact, SimulatedAgent


class CastAgent(msgspec.Struct, frozen=True):
    """An agent's extension, id and name."""

    extension: str
    agent_id: str
    name: str


class Cast(msgspec.Struct, frozen=True):
    """Everybody. ``calls``: the references that calls get; one is used again as soon as its call is over."""

    agents: tuple[CastAgent, ...]
    contacts: tuple[Contact, ...]
    calls: tuple[str, ...]

    def make_agents(self, count: int) -> list[SimulatedAgent]:
        """Return the first ``count`` agents, spread over the queues."""
        return [
            SimulatedAgent(one.extension, one.agent_id, one.name, QUEUES[number % len(QUEUES)])
            for number, one in enumerate(self.agents[:count])
        ]


def read_cast(file: Path) -> Cast:
    """Read a cast. Raises ``OSError`` and ``msgspec.DecodeError``."""
    return msgspec.json.decode(file.read_bytes(), type=Cast)
