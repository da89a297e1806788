"""What a player is given: the events as heard, the site, the users and what QMS does. Nothing of the truth behind."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

CALL_TYPES = frozenset(
    [
        "ServiceInitiated",
        "Originated",
        "Delivered",
        "Established",
        "Held",
        "Retrieved",
        "Queued",
        "Diverted",
        "Transferred",
        "Conferenced",
        "ConnectionCleared",
        "CallCleared",
        "Failed",
        "NetworkReached",
        "CallInformation",
    ]
)
AGENT_TYPES = frozenset(["LoggedOn", "LoggedOff", "Ready", "NotReady", "Busy", "WorkingAfterCall"])
GATEWAY_TYPES = frozenset(["snapshot.Began", "snapshot.Ended", "link.Lost", "link.Restored"])


class Event(Struct, frozen=True):
    """Name one event of the source: `at` by its clock, `heard` by the gateway's, `type` without its prefix."""

    at: float
    type: str
    data: dict[str, Any]
    heard: float
    id: str


class Recording(Struct, frozen=True):
    """Name one recording that QMS made at an extension; GUIDs are unique within a scenario."""

    guid: str
    extension: str
    start: float
    end: float


class User(Struct, frozen=True):
    """Name one QMS user; without any user in a scenario every extension has an active, licensed one."""

    extension: str
    name: str = ""
    agent_id: str = ""
    active: bool = True
    licensed: bool = True


class Site(Struct, frozen=True):
    """Say what is configured for the source."""

    devices: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    settle_seconds: float = 1.0
    wrapup_wait_seconds: float = 120.0
    agents_calls_only: bool = False
    stale_hours: float = 12.0
    has_free_seating: bool = False


class Qms(Struct, frozen=True):
    """Say what QMS does: its recordings, its pace, and when it fails.

    `away`: pairs of from and to in which no request is answered. `slow`: triples of from, to and the seconds of an
    answer then. `late_writes`: pairs in which WriteFlags exceeds its time-out but takes effect `late_seconds` after
    it was sent. The last two are no part of the transcript format; a player that cannot do them ignores them.
    """

    window_seconds: float = 10.0
    interval_seconds: float = 0.5
    answer_seconds: float = 0.02
    refuses: tuple[str, ...] = ()
    away: tuple[tuple[float, float], ...] = ()
    slow: tuple[tuple[float, float, float], ...] = ()
    late_writes: tuple[tuple[float, float], ...] = ()
    late_seconds: float = 40.0
    recordings: tuple[Recording, ...] = ()


class Scenario(Struct, frozen=True):
    """Hold everything that a transcript holds but the expected legs; `events` are in the order of hearing."""

    title: str
    events: tuple[Event, ...]
    site: Site = Site()
    users: tuple[User, ...] = ()
    qms: Qms = Qms()
