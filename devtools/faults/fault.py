"""A fault: what it does, and how it is undone if it lasts."""

from collections.abc import Callable
from dataclasses import dataclass

from devtools.faults.stack import FaultStack

Undo = Callable[[], None]
Harm = Callable[[FaultStack], Undo | None]


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    ``lasts``: it is undone after a while, or after ``seconds`` if given. ``hurts_searches``: a GUID may be missed
    because of it. ``breaks_link``: the gateway's ledger must show a gap for it. ``ends_at_once``: it is over as soon as
    it is done, and undoing it later has no effect.
    """

    name: str
    do: Harm
    lasts: bool = False
    hurts_searches: bool = True
    seconds: float | None = None
    breaks_link: bool = False
    ends_at_once: bool = False
