"""The calls and parties of the naive player."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Inc:
    """One life of a call id."""

    key: int
    id: str
    begun: float
    contact: list[str]  # shared by all lives of one contact; holds the interaction once it is known
    facts: list[tuple[float, str, str]] = field(default_factory=list)
    legs: list[Part] = field(default_factory=list)
    originator: str = ""
    over: bool = False
    wrapup: str = ""
    query: str = ""
    ended: float = 1e9
    queued: bool = False
    progressed: bool = False
    moved: float = -1e9
    rung: set[str] = field(default_factory=set)
    dialled: float = -1e9


@dataclass
class Part:
    """One leg while it is made."""

    inc: Inc
    phone: str
    start: float
    heard: float
    agent: tuple[str, str]
    end: float | None = None
    held: bool = False
    late: bool = False
    guid: str | None = None
    state: str = ""
    ref: str = ""
    before: tuple[Inc, float, float] | None = None
    asked_from: float | None = None


def frozen(inc: Inc, at: float) -> Inc:
    """Return a call as it was at a moment."""
    return Inc(inc.key, inc.id, inc.begun, inc.contact, [x for x in inc.facts if x[0] <= at], over=True, ended=at)
