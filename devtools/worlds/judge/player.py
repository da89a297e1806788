"""The port: who plays a scenario, and what is observed of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from .scenario import Scenario
from .world import World

OUTCOMES = frozenset(
    [
        "flagged",
        "partly_flagged",
        "waiting",
        "joined_late",
        "agent_unknown",
        "user_unmatched",
        "extension_conflict",
        "user_inactive",
        "user_unlicensed",
        "not_recorded",
        "window_missed",
        "recording_gone",
        "refused",
        "write_unknown",
        "given_up",
    ]
)


class Leg(Struct, frozen=True):
    """Hold one leg as the gateway shows it; `end` None while it is open, `recording` None where no GUID is held."""

    extension: str
    start: float
    end: float | None
    call: str
    recording: str | None
    outcome: str
    reason: str
    flags: dict[str, str]


class Write(Struct, frozen=True):
    """Hold one flag that reached QMS; a request with five flags makes five writes."""

    recording: str
    flag: str
    value: str
    at: float


class Note(Struct, frozen=True):
    """Hold an entry that says why a recording has no leg of its own."""

    recording: str
    reason: str


class Gap(Struct, frozen=True):
    """Hold one row of the ledger of lost links."""

    start: float
    end: float | None
    saved: int = 0
    lost: int = 0


class Observed(Struct, frozen=True):
    """Hold what came of a scenario after all its waits are over (an hour past the last event is enough)."""

    legs: tuple[Leg, ...]
    writes: tuple[Write, ...]
    notes: tuple[Note, ...] = ()
    gaps: tuple[Gap, ...] = ()


class Player(Protocol):
    """Play scenarios through a gateway."""

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario from an empty gateway to its end.

        `partition` holds the sizes of the batches in which the events are folded, in order, and sums up to the number
        of events; None: the player's own way. A batch is folded when its last event is heard; what falls due between
        two events of a batch must come out as if they had been folded one by one.
        """
        ...


@runtime_checkable
class LatePlayer(Protocol):
    """Know when each event of the last play was acted on, where that was later than it was heard."""

    def acted_on(self) -> dict[str, float]:
        """Return for each event's id the second in which it was acted on."""
        ...


@runtime_checkable
class SelectivePlayer(Protocol):
    """Play worlds as a wire says them, which cannot say all that the contract can."""

    def world_of(self, seed: int, kinds: Iterable[str]) -> World:
        """Make the world of a seed, restricted to what the wire can say."""
        ...


def comparable(observed: Observed, reported: frozenset[str] = frozenset()) -> tuple[object, ...]:
    """Reduce an observation to what no partition may change: legs, and each flag written, in any order.

    `reported`: the interactions that the source named. Others are of the gateway's own making and may differ from one
    play to the next, as long as they tie the same recordings together.
    """
    names: dict[str, str] = {}

    def plain(flag: str, value: str) -> str:
        own = flag == "InteractionGuid" and value not in reported
        return names.setdefault(value, f"own {len(names)}") if own else value

    ordered = sorted(observed.writes, key=lambda x: (x.recording, x.flag))
    writes = [(x.recording, x.flag, plain(x.flag, x.value)) for x in ordered]
    legs = sorted(
        (x.extension, x.start, x.call, x.end or -1.0, x.recording or "", x.outcome, sorted(x.flags))
        for x in observed.legs
    )
    return tuple(legs), tuple(writes)
