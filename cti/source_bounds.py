"""What one source holds open in the gateway, and how long its journal is, against its bounds (``cti.bounds``).

The counts come from the database: a task of the calls publishes them every few seconds, and what came since is counted
here. So a source can overrun a bound by what it sends within that time, and never by more than its rate allows.
"""

import threading
import time
from collections.abc import Iterable

import msgspec

import clock
from cti.bounds import AGENTS, CALLS, DEVICES, JOURNAL, LEGS, Bound
from cti.events import AgentEvent, CallCleared, CallEvent, ConnectionCleared, Event, Failed, LoggedOff
from cti.journal.stream import JournalUnavailable, client, journal_key, translated

#: Published counts are read again after this, and forgotten after that, in seconds.
READ_SECONDS, KEPT_SECONDS = 1.0, 60
#: Events that end something are always taken: only so can a source come below its bound again.
ENDING = (ConnectionCleared, CallCleared, Failed, LoggedOff)


#: A count, and what was counted in it.
Counted = tuple[dict[str, float], str]


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


class SourceFull(Exception):
    """A source may open nothing more now; worth a retry when it has ended something."""

    retryable = True

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound.reached())
        self.bound = bound


def publish_load(slug: str, load: SourceLoad) -> None:
    """Let intake and listeners know what a source holds. Raises ``JournalUnavailable``."""
    with translated():
        client().set(_load_key(slug), msgspec.json.encode(load), ex=KEPT_SECONDS)


def read_load(slug: str) -> tuple[SourceLoad, int]:
    """Return what a source held when it was last counted (nothing where that is not known), and its journal's length.

    Raises ``JournalUnavailable``.
    """
    with translated():
        pipe = client().pipeline(transaction=False)
        pipe.get(_load_key(slug))
        pipe.xlen(journal_key(slug))
        found, length = pipe.execute()
    return msgspec.json.decode(found, type=SourceLoad) if found else SourceLoad(), length


def bounds_in_use(slug: str) -> list[tuple[Bound, int]]:
    """Return how much a source has of what it may have. Raises ``JournalUnavailable``."""
    load, length = read_load(slug)
    counts = (load.calls, load.legs, load.agents, load.devices, length)
    return list(zip((CALLS, LEGS, AGENTS, DEVICES, JOURNAL), counts, strict=True))


class SourceBounds:
    """The bounds of one source, as one process sees them. Safe for threads."""

    def __init__(self, slug: str) -> None:
        self._slug = slug
        self._lock = threading.Lock()
        self._load, self._read_at = SourceLoad(), 0.0
        self._journal_length = 0
        # What was accepted since the counts, each with the time.
        self._calls: dict[str, float] = {}
        self._agents: dict[str, float] = {}
        self._devices: dict[str, float] = {}

    @property
    def is_journal_full(self) -> bool:
        """Say whether the journal had no room when that was last read."""
        return self._journal_length >= JOURNAL.maximum

    def admit(self, event: Event, counted: list[Counted] | None = None) -> Bound | None:
        """Count an event that is about to be taken; return the bound where it may not be. Asks nobody, never waits.

        ``counted``: what this counts that was not counted before is added to it, for ``withdraw``.
        """
        if isinstance(event, ENDING):
            return None
        with self._lock:
            reached = self._reached(event)
            if reached is None:
                self._count(event, [] if counted is None else counted)
        return reached

    def withdraw(self, counted: list[Counted]) -> None:
        """Count no longer what was not taken after all."""
        with self._lock:
            for fresh, key in counted:
                fresh.pop(key, None)

    def refresh(self) -> None:
        """Read the published counts where they are older than a second.

        Never raises: while Redis is away the intake refuses anyway, and a listener's spool has a bound of its own.
        """
        now = time.monotonic()
        if now < self._read_at + READ_SECONDS:
            return
        self._read_at = now
        try:
            load, self._journal_length = read_load(self._slug)
        except JournalUnavailable:
            return
        self._take(load)

    def _reached(self, event: Event) -> Bound | None:
        load, devices = self._load, (DEVICES, self._load.devices + len(self._devices))
        if isinstance(event, CallEvent):
            fresh = len(self._calls)
            counts = [(CALLS, load.calls + fresh), (LEGS, load.legs + fresh), devices]
        elif isinstance(event, AgentEvent):
            counts = [(AGENTS, load.agents + len(self._agents)), devices]
        else:
            return None
        return next((bound for bound, count in counts if count >= bound.maximum), None)

    def _count(self, event: Event, counted: list[Counted]) -> None:
        now = clock.now().timestamp()
        if isinstance(event, CallEvent):
            self._note(self._calls, event.data.call_id or "", now, counted)
        if isinstance(event, AgentEvent):
            self._note(self._agents, event.data.agent_id or "", now, counted)
        device = event.data.device_id if isinstance(event, CallEvent | AgentEvent) else None
        if device:
            self._note(self._devices, device, now, counted)

    @staticmethod
    def _note(fresh: dict[str, float], key: str, now: float, counted: list[Counted]) -> None:
        if key not in fresh:
            counted.append((fresh, key))
        fresh[key] = now

    def _take(self, load: SourceLoad) -> None:
        with self._lock:
            if load.until == self._load.until:
                return
            self._load = load
            for fresh in (self._calls, self._agents, self._devices):
                for key in [key for key, at in fresh.items() if at <= load.until]:
                    del fresh[key]


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
