"""The world: a heap of what is to happen when, and the processes that it moves. Pure: time and chance are arguments.

A process is a generator: it acts, yields how many seconds it waits, and is sent the agent it waited for, if one came.
"""

from collections.abc import Callable, Generator, Iterator
from heapq import heappop, heappush
from itertools import count
from random import Random

from simulators.pbx import messages
from simulators.pbx.agent_pool import Floor, Waiting
from simulators.pbx.call import SimulatedCall
from simulators.pbx.call_references import CallReferences
from simulators.pbx.people import (
    TEST_PHONE,
    AgentStateName,
    Contact,
    SimulatedAgent,
    contact,
    make_agents,
    make_supervisors,
    make_test_phone,
)
from simulators.pbx.plan import Plan
from simulators.pbx.reports import SwitchReport, TrueLeg
from simulators.pbx.switchboard import Numbers, Switchboard, describe

Process = Generator[float, SimulatedAgent | None, None]
Getting = Generator[float, SimulatedAgent | None, SimulatedAgent | None]

#: What a switch calls the beginning of each state.
STATE_EVENTS: dict[AgentStateName, str] = {
    "agentReady": "AgentReadyEvent",
    "agentNotReady": "AgentNotReadyEvent",
    "agentBusy": "AgentBusyEvent",
    "agentWorkingAfterCall": "AgentWorkingAfterCallEvent",
}


class World:
    """A contact centre's day. ``run`` gives its facts in order; the same plan and seed give the same ones."""

    def __init__(self, plan: Plan, rng: Random, script: "Script") -> None:
        self.plan, self.rng, self._script = plan, rng, script
        cast, supervisors = plan.cast, make_supervisors(plan.agents)
        ordinary_agents = cast.make_agents(plan.agents) if cast else make_agents(plan.agents)
        self.agents = {agent.extension: agent for agent in (*ordinary_agents, *supervisors)}
        self.floor = Floor(ordinary_agents, supervisors)
        references = CallReferences(rng.randrange(0x1000, 0x8000), cast.calls if cast else ())
        numbers = Numbers(plan.domain, references)
        phones = {**self.agents, TEST_PHONE: make_test_phone()}
        self.switchboard = Switchboard(numbers, phones, splits_transfers=plan.splits_transfers)
        self.is_open = True
        self._heap: list[tuple[float, int, int, int]] = []
        self._order, self._handles = count(), count(1)
        self._processes: dict[int, Process] = {}
        #: A process that is woken early leaves its old place in the heap behind; it is recognised by its turn.
        self._turns: dict[int, int] = {}
        self._gifts: dict[int, SimulatedAgent] = {}
        self._current = 0
        self.start(self._arrivals())

    @property
    def now(self) -> float:
        """Return the virtual time in seconds."""
        return self.switchboard.now

    @property
    def next_at(self) -> float | None:
        """Return when something happens next, or None when nothing ever will."""
        while self._heap and self._turns.get(self._heap[0][2]) != self._heap[0][3]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def close(self) -> None:
        """Let no new calls come; those in progress go on."""
        self.is_open = False

    def run(self, until: float) -> Iterator[SwitchReport]:
        """Let the world go on until a time; give what happened, moment by moment."""
        while (next_at := self.next_at) is not None and next_at <= until:
            at, _, handle, _ = heappop(self._heap)
            self.switchboard.now = self.switchboard.fact.at = at
            self._step(handle)
            if not self.switchboard.fact.is_empty:
                yield self.switchboard.take()

    def idle_until(self, at: float) -> None:
        """Let time pass in which nothing happens: what a client asks for then happens then."""
        self.switchboard.now = self.switchboard.fact.at = max(self.now, at)

    def unfinished(self) -> list[TrueLeg]:
        """Return the legs that are still open, as they stand."""
        for (call_id, _), leg in self.switchboard.legs.items():
            describe(leg, self.switchboard.calls[call_id])
        return list(self.switchboard.legs.values())

    def start(self, process: Process, after: float = 0.0) -> None:
        """Let a process begin."""
        handle = next(self._handles)
        self._processes[handle] = process
        self._plan(handle, self.now + after)

    def around(self, seconds: float) -> float:
        """Draw a time of about ``seconds``."""
        return seconds * (0.5 + self.rng.random())

    def contact(self) -> Contact:
        """Draw a customer."""
        return self.rng.choice(self.plan.cast.contacts) if self.plan.cast else contact(self.rng)

    # Agents.

    def get_agent(self, call: SimulatedCall, group: str) -> Getting:
        """Wait at a queue for an agent; none comes when the caller's patience ends first."""
        waiting = Waiting(self._current)
        self.switchboard.queue(call, group, self.floor.wait(group, waiting))
        agent = yield self.around(self.plan.patience_seconds)
        if agent is None:
            self.floor.leave(group, waiting)
        return agent

    def let_go(self, agent: SimulatedAgent) -> None:
        """Let an agent take calls again."""
        self.set_state(agent, "agentReady")
        waiting = self.floor.give_back(agent)
        if waiting is not None:
            self._gifts[waiting.process] = agent
            self._plan(waiting.process, self.now)

    def set_state(self, agent: SimulatedAgent, state: AgentStateName, pending: str = "", **private: str) -> None:
        """Let an agent do something else, and tell it."""
        if agent.state != state:
            agent.state = state
            self.switchboard.report_agent(agent, STATE_EVENTS[state], messages.agent_members(agent, pending, **private))

    def settle(self, *legs: TrueLeg | None) -> None:
        """Say that nothing more will become known of legs."""
        self.switchboard.fact.settled += [leg for leg in legs if leg is not None]

    def _arrivals(self) -> Process:
        while True:
            yield self.rng.expovariate(self.plan.calls_per_second)
            if not self.is_open:
                return
            self.start(self._script(self))

    def _plan(self, handle: int, at: float) -> None:
        turn = self._turns[handle] = next(self._order)
        heappush(self._heap, (at, turn, handle, turn))

    def _step(self, handle: int) -> None:
        self._current = handle
        try:
            wait = self._processes[handle].send(self._gifts.pop(handle, None))
        except StopIteration:
            del self._processes[handle], self._turns[handle]
        else:
            self._plan(handle, self.now + wait)


Script = Callable[[World], Process]
