"""Who and what there is at a site: names, agents, phones, queues, trunks and the habits of a source."""

from __future__ import annotations

from random import Random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

FIRST = (
    "Uma",
    "Vic",
    "Wim",
    "Xia",
    "Yara",
    "Zoe",
    "Abel",
    "Bea",
    "Carl",
    "Dora",
    "Egon",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "Jo",
    "Kai",
    "Lea",
    "Max",
    "Nora",
)
LAST = ("Ängström", "O'Neil", "Müller-Lüdenscheidt", "Li", "van_der_Berg", "Šimák", "Roth", "Smith", "Yılmaz", "Nguyễn")  # noqa: RUF001  (the dotless i of Turkish is meant)
QUEUES = ("Sales", "Support", "Doctors", "Billing", "Vertrieb Süd")


class Agent(Struct, frozen=True):
    """Name one agent; `name` empty where the log-on does not tell it."""

    id: str
    name: str


class Style(Struct, frozen=True):
    """Say how a source uses the freedoms of the contract; one source is one program and keeps its habits.

    `minimal`: only Established and ConnectionCleared for each extension. `interaction`: on every event of a call, on
    its first, or never. `clears`: CallCleared comes. `causes`, `trunks`, `connections`: whether these are sent.
    `both_ends`: Established comes for the caller's extension, too. `old_clears`: the connections of who leaves at a
    transfer are cleared one by one. `words`: how often Established names the agent. `repeats`: how often optional
    facts are repeated with later events. `keeps_id`: after a transfer the customer's id goes on. `silences`: a caller
    who gives up in a queue may do so without a word. `agent_names`: consultations state the agent who consults as their
    caller. `far_ends`: the connection of the outside party is reported as it answers. `dialled`: the share of calls
    that are handed on which an agent dialled, or which were called back.
    """

    minimal: bool = False
    interaction: Literal["always", "first", "never"] = "always"
    clears: bool = True
    causes: bool = True
    trunks: bool = False
    connections: bool = True
    delivers: bool = True
    both_ends: bool = False
    old_clears: bool = False
    words: float = 0.15
    repeats: float = 0.3
    keeps_id: bool = False
    silences: bool = True
    agent_names: bool = False
    far_ends: bool = False
    dialled: float = 0.0


class Site(Struct, frozen=True):
    """Hold the parts of one site."""

    phones: tuple[str, ...]
    agents: tuple[Agent, ...]
    style: Style


def chosen_style(rng: Random) -> Style:
    """Choose the habits of a source."""
    return Style(
        minimal=rng.random() < 0.2,
        interaction=rng.choice(("always", "always", "first", "never")),
        clears=rng.random() < 0.5,
        causes=rng.random() < 0.7,
        trunks=rng.random() < 0.3,
        connections=rng.random() < 0.8,
        delivers=rng.random() < 0.7,
        both_ends=rng.random() < 0.4,
        old_clears=rng.random() < 0.3,
        words=rng.choice((0.0, 0.15, 0.15, 1.0)),
        repeats=rng.choice((0.0, 0.3, 1.0)),
    )


#: Habits that a source may have beside those of every world.
HABITS = ("agent_names", "far_ends", "dialled")


def with_habits(style: Style, rng: Random, allowed: frozenset[str]) -> Style:
    """Return habits with more of them, of those that are allowed."""
    return replace(
        style,
        agent_names="agent_names" in allowed and rng.random() < 0.4,
        far_ends="far_ends" in allowed and rng.random() < 0.4,
        dialled=0.4 if "dialled" in allowed and rng.random() < 0.5 else 0.0,
    )


def chosen_site(rng: Random) -> Site:
    """Choose phones, agents and the source's habits."""
    count = rng.randint(3, 6)
    named = rng.random() < 0.5
    # Extensions are text: a leading zero and a prefix of another number are real extensions of their own.
    phones: list[str] = []
    while len(phones) < count:
        phones.append(str(2001 + len(phones)))
        phones += [f"0{phones[-1]}"] if rng.random() < 0.25 else []
    rows = [str(9101 + i // 2) if i % 2 else f"0{9101 + i // 2}" for i in range(len(phones) + 3)]
    agents = tuple(Agent(x, f"{FIRST[-1 - i]} Agent{i}" if named else "") for i, x in enumerate(rows))
    return Site(phones=tuple(phones), agents=agents, style=chosen_style(rng))
