"""Which fault when: a seed decides. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

#: Quiet at the beginning, so that there are calls to harm, and at the end, so that what follows a fault is seen.
FIRST_SECONDS, LAST_SECONDS = 8.0, 8.0
EVERY_SECONDS = 10.0
#: How long what lasts may last: up to nearly the time in which QMS reports a GUID.
LASTS_SECONDS = (1.5, 8.0)


@dataclass(frozen=True)
class Planned:
    """One fault to come, in seconds after the load began."""

    at: float
    kind: str
    seconds: float


def upgrade_and_back(kinds: Sequence[str], seconds: float) -> list[Planned]:
    """Plan the two parts of an upgrade, each once, at a third and at two thirds of the run."""
    return [Planned(seconds * part / 3, kind, 0.0) for part, kind in enumerate(kinds, start=1)]


def schedule(kinds: Sequence[str], seconds: float, seed: int, every_seconds: float = EVERY_SECONDS) -> list[Planned]:
    """Plan faults over a run, one every so often; every kind comes once before any comes twice."""
    chance = Random(seed)
    planned: list[Planned] = []
    bag: list[str] = []
    at = FIRST_SECONDS
    while at < seconds - LAST_SECONDS:
        if not bag:
            bag = list(kinds)
            chance.shuffle(bag)
        planned.append(Planned(at, bag.pop(), chance.uniform(*LASTS_SECONDS)))
        at += every_seconds * chance.uniform(0.5, 1.5)
    return planned
