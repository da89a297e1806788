"""A failing world made small: happenings, faults, events and recordings are dropped as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from .emit import LATENCY
from .judge import Finding
from .legs import right_legs
from .scenario import AGENT_TYPES
from .transcript import dumps
from .world import World, scenario_of

Fails = Callable[[World], bool]


def without_group(world: World, group: int) -> World:
    """Drop a happening with its recordings."""
    said = tuple(x for x in world.said if x.group != group)
    return replace(world, said=said, truths=tuple(x for x in world.truths if x.group != group))


def without_gap(world: World) -> World:
    """Give the link back: what was lost is reported."""
    kept = (x for x in world.said if "gap-" not in x.event.id)
    return replace(world, said=tuple(replace(x, lost=False) for x in kept), gap=None)


def on_time(world: World) -> World:
    """Let every event be heard at once."""
    said = (replace(x, event=replace(x.event, heard=x.event.at)) for x in world.said)
    return replace(world, said=tuple(said), stall=None)


def without_repeats(world: World) -> World:
    """Drop all duplicates."""
    seen, said = set(), []
    for one in world.said:
        if not one.event.id.endswith("-b") and one.event.id not in seen:
            seen.add(one.event.id)
            said.append(one)
    return replace(world, said=tuple(said))


def without_seats(world: World) -> World:
    """Let nobody be logged on."""
    kept = (x for x in world.said if x.event.type not in AGENT_TYPES)
    said = tuple(replace(x, event=replace(x.event, data=_unnamed(x.event.data))) for x in kept)
    truths = tuple(replace(x, agent="", agent_name="") for x in world.truths)
    return replace(world, said=said, truths=truths)


def _unnamed(data: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in data.items() if k != "agentId"}


def without_agent(world: World, agent: str) -> World:
    """Drop everything reported about one agent's log-ons."""
    kept = (x for x in world.said if x.event.type not in AGENT_TYPES or x.event.data["agentId"] != agent)
    return replace(world, said=tuple(kept))


def _whole(world: World) -> Iterator[World]:
    for group in sorted({x.group for x in world.said if x.group}):
        yield without_group(world, group)
    if world.gap:
        yield without_gap(world)
    # With whole seconds the moments of hearing alone keep the order of what happened.
    if not world.whole_seconds and any(x.event.heard > x.event.at for x in world.said):
        yield on_time(world)
    if without_repeats(world) != world:
        yield without_repeats(world)
    if any(x.event.type in AGENT_TYPES for x in world.said):
        yield without_seats(world)
    for agent in sorted({str(x.event.data["agentId"]) for x in world.said if x.event.type in AGENT_TYPES}):
        # Whoever is nobody's agent in truth may never have been there; for another one the truth would change.
        if all(x.agent != agent for x in world.truths):
            yield without_agent(world, agent)
    calm = replace(world, qms=replace(world.qms, away=(), slow=(), late_writes=()))
    if calm != world:
        yield calm


def _single(world: World) -> Iterator[World]:
    for i in range(len(world.truths)):
        yield replace(world, truths=world.truths[:i] + world.truths[i + 1 :])
    for i, one in enumerate(world.said):
        # Only what the contract lets a source leave out, so that the smaller stream is one a source could send.
        if one.spare:
            yield replace(world, said=world.said[:i] + world.said[i + 1 :])
        late = one.event.heard > one.event.at + 2 * LATENCY
        # By a clock of whole seconds it would be heard before it happened.
        if late and not one.lost and not world.whole_seconds:
            soon = replace(one, event=replace(one.event, heard=round(one.event.at + LATENCY, 4)))
            yield replace(world, said=(*world.said[:i], soon, *world.said[i + 1 :]))


def shrunk(world: World, fails: Fails, tries: int = 3000) -> World:
    """Return a smaller world that still fails; `fails` plays and judges. At most `tries` worlds are played."""
    found = True
    while found and tries > 0:
        found = False
        for steps in (_whole, _single):
            smaller: World | None = world
            while smaller is not None and tries > 0:
                smaller = None
                for candidate in steps(world):
                    tries -= 1
                    if fails(candidate):
                        world, smaller, found = candidate, candidate, True
                        break
    return world


def transcript_of(world: World, findings: list[Finding]) -> str:
    """Write a world as a transcript, with the findings as remarks."""
    remarks = [f"{x.kind} {x.recording} {x.flag}: got {x.got!r}, right {x.right!r} ({x.why})" for x in findings]
    return dumps(scenario_of(world), right_legs(world), [f"seed {world.seed}", *remarks])
