"""What the core asks the shell to do, beside saving the state."""

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


class CancelSearch(msgspec.Struct, frozen=True):
    """Stop asking: an answer would be a guess, or nobody needs it."""

    leg: int


class WriteFlags(msgspec.Struct, frozen=True):
    """Write a part of a leg's flags to its recording."""

    leg: int
    part: Literal["base", "wrapup"]
    at: datetime


class ChangeSession(msgspec.Struct, frozen=True):
    """An agent sat down, changed state or left."""

    change: SessionChange


class NameQueue(msgspec.Struct, frozen=True):
    """A queue is called so from now on: it is heard of for the first time, or was renamed."""

    device_id: str
    name: str
    since: datetime


class OpenGap(msgspec.Struct, frozen=True):
    """From now on events of the source may be missed."""

    began_at: datetime
    reason: str


class CloseGap(msgspec.Struct, frozen=True):
    """The gap is over; which legs came through it."""

    began_at: datetime
    ended_at: datetime
    legs_saved: int
    legs_lost: int


CoreCommand = StartSearch | CancelSearch | WriteFlags | ChangeSession | NameQueue | OpenGap | CloseGap
