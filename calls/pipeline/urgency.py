"""Which events are folded at once. All others may wait a moment for more to be folded with them.

Urgent is what has QMS asked for a recording (``cti.events.ASKING``). Nothing is lost by the others' wait: deadlines
count from the times in the events, and a journal gives the same legs and flags however it is cut into batches.
"""

from cti.events import ASKING, type_in, type_names

URGENT = frozenset(type_names(ASKING))


def is_urgent(payload: bytes) -> bool:
    """Say whether an event, as the journal has it, is folded at once."""
    return type_in(payload) in URGENT
