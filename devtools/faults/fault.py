"""What a fault is: a harm, and how to undo it where it lasts."""

from collections.abc import Callable
from dataclasses import dataclass

from devtools.faults.stack import FaultStack

Undo = Callable[[], None]
Harm = Callable[[FaultStack], Undo | None]


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    ``lasts``: it is undone after a while, or after ``seconds`` where its kind says how long. ``hurts_searches``: a GUID
    may be missed by it. ``breaks_link``: the gateway's ledger must have a gap of it. ``ends_at_once``: it is over as
    soon as it is done, and what is undone later is felt by nobody.
    """

    name: str
    do: Harm
    lasts: bool = False
    hurts_searches: bool = True
    seconds: float | None = None
    breaks_link: bool = False
    ends_at_once: bool = False
