"""Where a value is from: which event stated it, and the rule by which it became the leg's."""

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from cti.events import Event


class OriginRule(StrEnum):
    """The rule by which a value became a leg's. The values are stored: short, and never changed."""

    STATED = "s"
    #: The event names a queue by its device alone.
    QUEUE_DEVICE = "q"
    #: The interaction of the call that a device held as it dialled.
    CONSULTATION = "c"
    #: A call handed it on at a transfer or conference.
    HANDED_ON = "h"
    #: The call reference of the call in which the extension was connected, or to which a transfer moved it.
    CONNECTED = "n"
    MOVED = "m"
    #: An agent: named as the device answered; logged on there, by a log-on, a snapshot or the report of a state.
    ANSWERED = "a"
    LOG_ON = "l"
    SNAPSHOT = "p"
    STATE = "t"


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event by its type and id, when it happened by the source's clock, and the rule. Stored as an array."""

    event: str
    id: str
    at: datetime
    rule: OriginRule = OriginRule.STATED


def origin_of(event: Event, rule: OriginRule = OriginRule.STATED) -> Origin:
    """Return an event as the origin of a value."""
    return Origin(type(event).__name__, event.id, event.time, rule)


def handed_on(origin: Origin | None) -> Origin | None:
    """Return the origin of a value that a call handed on; the event remains the one that stated it."""
    return None if origin is None else replace(origin, rule=OriginRule.HANDED_ON)
