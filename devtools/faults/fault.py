"""A fault: what it does, and how it is undone if it lasts."""

from collections.abc import Callable
from dataclasses import dataclass

from devtools.faults.stack import FaultStack

#: How long after its end a fault may still keep a recording's GUID from being learnt: a program starts again in a
#: few seconds on an idle machine, and a listener is found dead by its keeper within three.
AFTER_SECONDS = 12.0

Undo = Callable[[], None]
Harm = Callable[[FaultStack], Undo | None]


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    ``lasts``: it is undone after a while, or after ``seconds`` if given. ``hurts_searches``: a GUID may be missed
    because of it. ``breaks_link``: the gateway's ledger must show a gap for it. ``ends_at_once``: it is over as soon as
    it is done, and undoing it later has no effect. ``harms_at_its_end``: what undoes it is what is felt.
    ``after_seconds``: how long after its end it may keep a GUID from being learnt.
    """

    name: str
    do: Harm
    lasts: bool = False
    hurts_searches: bool = True
    seconds: float | None = None
    breaks_link: bool = False
    ends_at_once: bool = False
    harms_at_its_end: bool = False
    after_seconds: float = AFTER_SECONDS
