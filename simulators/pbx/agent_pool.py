"""The floor: which agents are free, and which calls wait for them. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterable

from simulators.pbx.people import SimulatedAgent


class Waiting:
    """A call's place in a queue; ``process`` is the world's handle of what goes on when an agent is free."""

    __slots__ = ("process",)

    def __init__(self, process: int) -> None:
        self.process = process


class Floor:
    """Free agents by queue, the one idle longest first; calls that wait, the longest first; supervisors apart."""

    def __init__(self, agents: Iterable[SimulatedAgent], supervisors: Iterable[SimulatedAgent]) -> None:
        self._free: dict[str, deque[SimulatedAgent]] = {}
        self._supervisors = deque(supervisors)
        self._lines: dict[str, OrderedDict[Waiting, None]] = {}
        for agent in agents:
            self.give_back(agent)

    def take(self, group: str) -> SimulatedAgent | None:
        """Take a free agent of a queue."""
        free = self._free.get(group)
        return free.popleft() if free else None

    def take_any(self) -> SimulatedAgent | None:
        """Take a free agent of the queue that has most of them."""
        return self.take(max(self._free, key=lambda one: len(self._free[one]), default=""))

    def take_supervisor(self) -> SimulatedAgent | None:
        """Take a free supervisor."""
        return self._supervisors.popleft() if self._supervisors else None

    def give_back(self, agent: SimulatedAgent) -> Waiting | None:
        """Let an agent be free again; return the call that the agent is for instead, if one waits."""
        if not agent.is_in_qms:
            self._supervisors.append(agent)
            return None
        line = self._lines.get(agent.queue.device)
        if line:
            return line.popitem(last=False)[0]
        self._free.setdefault(agent.queue.device, deque()).append(agent)
        return None

    def wait(self, group: str, waiting: Waiting) -> int:
        """Let a call wait; return how many are in front of it."""
        line = self._lines.setdefault(group, OrderedDict())
        line[waiting] = None
        return len(line) - 1

    def waiting(self, group: str) -> int:
        """Return how many calls wait."""
        return len(self._lines.get(group, ()))

    def leave(self, group: str, waiting: Waiting) -> None:
        """Let a call wait no longer."""
        self._lines[group].pop(waiting, None)
