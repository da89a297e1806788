"""What says that a call waits in a queue."""

import msgspec

from calls.core.outside_parties import is_queue
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent, Delivered, Queued


def as_queued(work: UnitOfWork, event: CallEvent) -> CallEvent:
    """Return an event by which a call rings at a queue's device as the one that queues it there: the same is known.

    A CSTA switch reports ``Delivered`` there as a call enters a distribution group, and ``Queued`` after it if no agent
    is free.
    """
    device_id = event.data.device_id or ""
    if not isinstance(event, Delivered) or device_id in work.site.devices or not is_queue(work, device_id):
        return event  # A phone that is listed is no queue, though a queue was once stated with its number.
    return Queued(**msgspec.structs.asdict(event))
