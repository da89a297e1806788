"""Which events are folded at once. All others may wait a moment for more to be folded with them.

Urgent is what has QMS asked for a recording, which it names for seconds only: a device is connected, or a call is
handed on. Nothing is lost by the others' wait: deadlines count from the times in the events, and a journal gives the
same legs and flags however it is cut into batches. ``Originated`` is urgent as it may be reported after its answer.
"""

from cti.events import Conferenced, Established, Originated, Transferred, type_in, type_names

URGENT = frozenset(type_names([Originated, Established, Transferred, Conferenced]))


def is_urgent(payload: bytes) -> bool:
    """Say whether an event, as the journal has it, is folded at once."""
    return type_in(payload) in URGENT
