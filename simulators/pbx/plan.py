"""What the simulated day is like: how many agents and calls, how long things take, which scenarios how often."""

import math
from dataclasses import dataclass, field

from simulators.pbx.cast import Cast
from simulators.pbx.people import MAXIMUM_AGENTS, QUEUES

#: Scenario -> how many of a hundred calls.
MIX = {
    "queue": 46,
    "hold": 9,
    "blind": 7,
    "attended": 6,
    "conference": 5,
    "consult": 4,
    "abandon": 6,
    "no_answer": 5,
    "direct": 3,
    "outbound": 4,
    "unsupervised": 1,
    "busy": 1,
    "internal": 1,
    "escalate": 2,
}


class PlanError(ValueError):
    """The day cannot be as asked for; the text says why."""

    retryable = False


@dataclass(frozen=True)
class Plan:
    """The figures of a day; all seconds are virtual."""

    agents: int = 20
    calls_per_second: float = 1.0
    ring_seconds: float = 1.5
    talk_seconds: float = 6.0
    wrapup_seconds: float = 3.0
    patience_seconds: float = 60.0
    mix: dict[str, int] = field(default_factory=lambda: dict(MIX))
    splits_transfers: bool = False
    #: Eight characters that set this run's interaction ids apart from those of others.
    domain: str = "51425058"
    #: Who works and calls here; None: made by rule.
    cast: Cast | None = None

    def __post_init__(self) -> None:
        if self.cast is not None and len(self.cast.agents) < self.agents:
            raise PlanError(f"The file of people has {len(self.cast.agents)} agents, not {self.agents}.")
        unknown = self.mix.keys() - MIX.keys()
        if unknown:
            raise PlanError(f"There is no scenario {min(unknown)!r}; there are {', '.join(MIX)}.")
        if not 1 <= self.agents <= MAXIMUM_AGENTS:
            raise PlanError(f"Between 1 and {MAXIMUM_AGENTS} agents have an extension here, not {self.agents}.")
        if self.calls_per_second <= 0 or sum(self.mix.values()) <= 0:
            raise PlanError("Calls per second and weights must be more than nothing.")

    @property
    def longest_call_seconds(self) -> float:
        """Return how long nearly every call and its wrap-up take when nobody has to wait."""
        return 3 * self.ring_seconds + 2 * self.talk_seconds + 2 * self.wrapup_seconds


def enough_agents(calls_per_second: float, ring: float, talk: float, wrapup: float) -> int:
    """Return how many agents a rate of calls needs: what is offered, a third for second parties, some to spare."""
    offered = calls_per_second * (ring + talk + wrapup)
    return max(math.ceil(offered * 4 / 3 + 2 * math.sqrt(offered)), 4 * len(QUEUES))
