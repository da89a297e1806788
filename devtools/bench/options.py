"""What the person asked of the benches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """How much to do. ``size``: 1 is the whole, less shows only that it works.

    ``rate`` (calls a second) and ``seconds`` are for the benches of the whole gateway, ``legs`` for those of the pages,
    of open legs and of reconcile, ``scale`` is the part of the calls of day, replay and scale; None: what the bench is
    about.
    """

    size: float = 1.0
    rate: float | None = None
    seconds: float | None = None
    legs: int | None = None
    scale: float | None = None

    @property
    def is_quick(self) -> bool:
        """Say whether it is only to be shown that everything works."""
        return self.size < 1
