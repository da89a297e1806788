"""Which sources a process of the events workers takes: those that nobody has, and some of a process that is busier.

The rule. A source weighs what it has its process work, as a share of the process's time, and a little for being there.
A free source goes to the process with the least weight, and to any process that finds it still free at its next look.
The process with the least weight takes over, from the one with the most, the source whose move lowers the greater of
their two weights most, the lighter of two that do so alike, and goes on while a move lowers it by more than a margin.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

#: Weight of a source without work: idle sources are spread by number.
IDLE_WEIGHT = 0.05
#: Minimum by which a move must lower the greater weight. A weight that was measured wrongly by less moves nothing.
MARGIN = 0.04

Loads = Mapping[str, Mapping[str, float]]


class Move(msgspec.Struct, frozen=True):
    """A source to be taken. ``holder``: the process that has it, empty where it is free."""

    slug: str
    holder: str = ""


def moves_to(own: str, loads: Loads, free: Sequence[str], overdue: Collection[str] = ()) -> list[Move]:
    """Return what the process ``own`` takes.

    ``loads``: for each process, itself included, its sources and the share of its time that each takes (0 to 1).
    ``overdue``: of the free sources, those that were free at the last look too.
    """
    weights = {name: {slug: IDLE_WEIGHT + load for slug, load in held.items()} for name, held in sorted(loads.items())}
    taken = []
    for slug in free:
        nearest = own if slug in overdue else _lightest(weights)
        weights[nearest][slug] = IDLE_WEIGHT
        if nearest == own:
            taken.append(Move(slug))
    return taken if _lightest(weights) != own else [*taken, *_evened(own, weights)]


def _evened(own: str, weights: dict[str, dict[str, float]]) -> Iterator[Move]:
    """Yield moves from the heaviest process while they are worth it."""
    while True:
        heaviest = max(weights, key=lambda name: _sum(weights[name]))
        theirs, ours = _sum(weights[heaviest]), _sum(weights[own])
        moved = [
            (max(ours + weight, theirs - weight), weight, slug)
            for slug, weight in weights[heaviest].items()
            if heaviest != own
        ]
        after, _, slug = min(moved, default=(theirs, 0.0, ""))
        if theirs - after <= MARGIN:
            return
        weights[own][slug] = weights[heaviest].pop(slug)
        yield Move(slug, heaviest)


def _lightest(weights: Mapping[str, Mapping[str, float]]) -> str:
    return min(weights, key=lambda name: _sum(weights[name]))


def _sum(held: Mapping[str, float]) -> float:
    return sum(held.values())
