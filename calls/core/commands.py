"""Commands: what the core asks the pipeline to do besides saving the state."""

from datetime import datetime
from typing import Literal

import msgspec

from agents.core.presence import SessionChange


class StartSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Ask QMS for the recording of a leg, one of ``services`` in this order; ``known_guid`` is no answer."""

    leg: int
    search: int
    services: tuple[int, ...]
    extension: str
    connected_source_at: datetime
    since_gateway_at: datetime
    known_guid: str = ""
    is_canary: bool = False


class CancelSearch(msgspec.Struct, frozen=True):
    """Stop a search: its answer would be a guess, or is not needed any more."""

    leg: int


class WriteFlags(msgspec.Struct, frozen=True):
    """Write a part of a leg's flags to its recording."""

    leg: int
    part: Literal["base", "wrapup"]
    at: datetime


class ChangeSession(msgspec.Struct, frozen=True):
    """An agent logged on, changed state or logged off."""

    change: SessionChange


class NameQueue(msgspec.Struct, frozen=True):
    """Remember a name for a queue: the queue is new, or was renamed."""

    device_id: str
    name: str
    since: datetime


class OpenGap(msgspec.Struct, frozen=True):
    """From now on events of the source may be missed; ``devices``: those of these alone."""

    began_at: datetime
    reason: str
    devices: frozenset[str] | None = None


class LeaveGap(msgspec.Struct, frozen=True):
    """Events of these devices are heard again, while the gap goes on for others."""

    began_at: datetime
    ended_at: datetime
    devices: frozenset[str]


class CloseGap(msgspec.Struct, frozen=True):
    """The gap is over; the legs that were kept and lost."""

    began_at: datetime
    ended_at: datetime
    legs_saved: int
    legs_lost: int


CoreCommand = StartSearch | CancelSearch | WriteFlags | ChangeSession | NameQueue | OpenGap | LeaveGap | CloseGap
