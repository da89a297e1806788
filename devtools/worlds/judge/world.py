"""A world: what truly happened, what was reported, what QMS recorded. The judge reads it; a player never does."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from .scenario import Event, Qms, Recording, Scenario
from .scenario import Site as SiteConfig

Born = Literal["connect", "transfer", "retrieve", "anew"]


class Said(Struct, frozen=True):
    """Hold an event with the truth about it: the incarnation of which it speaks, and whether it reached the gateway.

    `call` is 0 for events that are of no call. `group` is the happening that it is part of. `spare` is true where the
    contract lets a source leave it out and no end of a call is reported by it alone.
    """

    event: Event
    call: int
    group: int
    lost: bool = False
    spare: bool = False


class Before(Struct, frozen=True):
    """Hold what a recording was about before a transfer over which it went on."""

    at: float
    refs: tuple[str, ...]
    calls: tuple[int, ...]


class Truth(Struct, frozen=True):
    """Hold what is true of one recording.

    `leg_start` and `leg_end`: the conversation of which it is. `calls`: the incarnations whose caller and queue are
    its own. `kin`: all incarnations of the same contact. `refs`: the ids that CTICallRef may have. `agent` empty:
    nobody is known to sit there. `before`: where it went on over an attended transfer. `doubt`: why an observer could
    miss facts of it although nothing failed; `whole_doubt`: the same, by a clock of whole seconds. `shared`: another
    call was connected or held at the phone meanwhile; `crowded`: already when this one was connected.
    """

    guid: str
    extension: str
    start: float
    end: float
    leg_start: float
    leg_end: float
    refs: tuple[str, ...]
    calls: tuple[int, ...]
    kin: tuple[int, ...]
    contact: int
    interaction: str
    group: int
    agent: str = ""
    agent_name: str = ""
    seat_sure: bool = True
    born: Born = "connect"
    before: Before | None = None
    doubt: str = ""
    shared: bool = False
    wrapup: str = ""
    query: str = ""
    crowded: bool = False
    whole_doubt: str = ""


class Incarnation(Struct, frozen=True):
    """Hold one life of a call id: from its first event to its last, and whether its end was reported."""

    key: int
    id: str
    start: float
    end: float
    contact: int
    silent: bool = False


class World(Struct, frozen=True):
    """Hold a world; `scenario_of` gives the part of it that a player sees.

    `timeless`: the source does not say when its events happened, so that nobody sees whether its link stalls.
    """

    seed: int
    site: SiteConfig
    said: tuple[Said, ...]
    truths: tuple[Truth, ...]
    lives: tuple[Incarnation, ...]
    qms: Qms = Qms()
    gap: tuple[float, float] | None = None
    stall: tuple[float, float] | None = None
    whole_seconds: bool = False
    timeless: bool = False
    kinds: tuple[str, ...] = ()


def reported(world: World) -> list[Said]:
    """Return what reached the gateway, in the order in which it was heard."""
    return sorted((x for x in world.said if not x.lost), key=lambda x: x.event.heard)


def scenario_of(world: World) -> Scenario:
    """Return what a player sees of a world."""
    made = tuple(Recording(x.guid, x.extension, x.start, x.end) for x in world.truths)
    return Scenario(
        title=f"world {world.seed}: {', '.join(world.kinds)}",
        events=tuple(x.event for x in reported(world)),
        site=world.site,
        qms=replace(world.qms, recordings=made),
    )


def acted_on(world: World, moments: dict[str, float]) -> World:
    """Return a world in which events were heard when they were acted on: to a gateway that is held up it is the same.

    A repeat keeps its moment, for it was not acted on.
    """
    said, known = list[Said](), set[str]()
    for one in world.said:
        moment = moments.get(one.event.id, one.event.heard)
        is_first = one.event.id not in known
        known.add(one.event.id)
        late = is_first and moment > one.event.heard
        said.append(replace(one, event=replace(one.event, heard=moment)) if late else one)
    return replace(world, said=tuple(said))
