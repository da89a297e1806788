"""What one source may hold open in the gateway: calls, legs, agents, devices. Beyond, nothing new is taken from it.

The counts come from the database: a task of the calls publishes them every few seconds, and what came since is counted
here. So a source can overrun a bound by what it sends within that time, and never by more than its rate allows.
"""

import threading
import time
from collections.abc import Iterable

import msgspec
import structlog
from django.conf import settings

import clock
from cti.events import AgentEvent, CallCleared, CallEvent, ConnectionCleared, Event, Failed, LoggedOff
from cti.journal.stream import JournalUnavailable, client, translated

#: Published counts are read again after this, and forgotten after that, in seconds.
READ_SECONDS, KEPT_SECONDS = 1.0, 60
#: How long a source that overran a bound is reported, in seconds.
REPORTED_SECONDS = 600
#: Events that end something are always taken: only so can a source come below its bound again.
ENDING = (ConnectionCleared, CallCleared, Failed, LoggedOff)

log = structlog.get_logger()


class SourceLoad(msgspec.Struct, frozen=True):
    """What a source holds open.

    ``until``: events accepted up to then, as a Unix time, are in the counts; later ones still wait in the journal.
    ``version``: the source's fold after which it was counted; -1: not known.
    """

    calls: int = 0
    legs: int = 0
    agents: int = 0
    devices: int = 0
    until: float = 0.0
    version: int = -1


class BoundReached(msgspec.Struct, frozen=True):
    """A bound that a source has reached: what is bounded, and at how many."""

    what: str
    bound: int

    def __str__(self) -> str:
        return f"This source has {self.bound:,} {self.what}, its maximum. Only events that end something are taken."


def publish_load(slug: str, load: SourceLoad) -> None:
    """Let intake and listeners know what a source holds. Raises ``JournalUnavailable``."""
    with translated():
        client().set(_load_key(slug), msgspec.json.encode(load), ex=KEPT_SECONDS)


def read_load(slug: str) -> SourceLoad:
    """Return what a source held when it was last counted; nothing where that is not known."""
    with translated():
        found = client().get(_load_key(slug))
    return msgspec.json.decode(found, type=SourceLoad) if isinstance(found, bytes) else SourceLoad()


def bound_reached_lately(slug: str) -> str:
    """Return which bound a source has reached within the last ten minutes, or "". Raises ``JournalUnavailable``."""
    with translated():
        found = client().get(_report_key(slug))
    return found.decode() if isinstance(found, bytes) else ""


class SourceFull(Exception):
    """A source may open nothing more now; worth a retry when it has ended something."""

    retryable = True


class SourceBounds:
    """The bounds of one source, as one process sees them. Safe for threads."""

    def __init__(self, slug: str) -> None:
        self._slug = slug
        self._lock = threading.Lock()
        self._load, self._read_at = SourceLoad(), 0.0
        # What was accepted since the counts, each with the time.
        self._calls: dict[str, float] = {}
        self._agents: dict[str, float] = {}
        self._devices: dict[str, float] = {}
        self._unreported: BoundReached | None = None

    def admit(self, event: Event) -> BoundReached | None:
        """Count an event that is about to be taken; return the bound where it may not be. Asks nobody, never waits."""
        if isinstance(event, ENDING):
            return None
        with self._lock:
            reached = self._reached(event)
            if reached is None:
                self._count(event)
            else:
                self._unreported = reached
        return reached

    def refresh(self) -> None:
        """Read the published counts where they are older than a second, and report a bound that was reached.

        Never raises: while Redis is away the intake refuses anyway, and a listener's spool has a bound of its own.
        """
        now = time.monotonic()
        if now < self._read_at + READ_SECONDS:
            return
        self._read_at = now
        try:
            self._take(read_load(self._slug))
            self._report()
        except JournalUnavailable:
            return

    def _reached(self, event: Event) -> BoundReached | None:
        load = self._load
        if isinstance(event, CallEvent):
            fresh = len(self._calls)
            limits = [
                ("open calls", load.calls + fresh, settings.SOURCE_MAX_CALLS),
                ("open legs", load.legs + fresh, settings.SOURCE_MAX_LEGS),
                ("devices", load.devices + len(self._devices), settings.SOURCE_MAX_DEVICES),
            ]
        elif isinstance(event, AgentEvent):
            limits = [
                ("agents", load.agents + len(self._agents), settings.SOURCE_MAX_AGENTS),
                ("devices", load.devices + len(self._devices), settings.SOURCE_MAX_DEVICES),
            ]
        else:
            return None
        return next((BoundReached(what, bound) for what, count, bound in limits if count >= bound), None)

    def _count(self, event: Event) -> None:
        now = clock.now().timestamp()
        if isinstance(event, CallEvent):
            self._calls[event.data.call_id or ""] = now
        if isinstance(event, AgentEvent):
            self._agents[event.data.agent_id or ""] = now
        device = event.data.device_id if isinstance(event, CallEvent | AgentEvent) else None
        if device:
            self._devices[device] = now

    def _take(self, load: SourceLoad) -> None:
        with self._lock:
            if load.until == self._load.until:
                return
            self._load = load
            for fresh in (self._calls, self._agents, self._devices):
                for key in [key for key, at in fresh.items() if at <= load.until]:
                    del fresh[key]

    def _report(self) -> None:
        with self._lock:
            reached, self._unreported = self._unreported, None
        if reached is None:
            return
        with translated():
            is_first = client().set(_report_key(self._slug), reached.what, ex=REPORTED_SECONDS, nx=True)
        if is_first:
            log.warning("source_bound_reached", source=self._slug, what=reached.what, bound=reached.bound)


_bounds: dict[str, SourceBounds] = {}
_bounds_lock = threading.Lock()


def bounds_of(slug: str) -> SourceBounds:
    """Return this process's view of a source's bounds."""
    with _bounds_lock:
        return _bounds.setdefault(slug, SourceBounds(slug))


def forget_bounds(slugs: Iterable[str] = ()) -> None:
    """Forget what this process counted, of all sources where none is named."""
    with _bounds_lock:
        for slug in list(slugs) or list(_bounds):
            _bounds.pop(slug, None)


def _load_key(slug: str) -> str:
    return f"load:{{{slug}}}"


def _report_key(slug: str) -> str:
    return f"bounded:{{{slug}}}"
