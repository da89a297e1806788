"""Replay events through the core with a QMS that follows its specification. Pure: no database, no clock, no waiting.

For transcripts of calls, and for tests that ask what a stream of events comes to.
"""

import heapq
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import count

import msgspec

from agents.core.matching import Directory, MatchVerdict
from calls.core.commands import CancelSearch, CloseGap, CoreCommand, OpenGap, StartSearch, WriteFlags
from calls.core.flag_facts import leg_facts
from calls.core.legs import EARLY
from calls.core.reducer import fold_into
from calls.core.result_events import (
    LATE,
    RecordingFound,
    RecordingMissed,
    ResultEvent,
    TimePassed,
    WriteSettled,
    why_before,
)
from calls.core.source_state import SiteSettings, SourceState
from calls.core.state import LegState, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import AnyEvent
from flags.catalogue.values import FIELDS, FlagSpec, flag_texts

#: The id of the only Recording Service of a replay.
SERVICE = 1
#: Flags that are hashed are hashed with this key: a replay has no secrets.
HASH_KEY = b"replay"


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that QMS makes; it names it within the window only, and while it is open."""

    guid: str
    extension: str
    began: datetime
    ended: datetime | None = None


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """QMS, as far as a replay needs it. ``refuses``: recordings to which it takes no flags."""

    recordings: tuple[Recorded, ...] = ()
    window: timedelta = timedelta(seconds=10)
    interval: timedelta = timedelta(milliseconds=200)
    answers_after: timedelta = timedelta(milliseconds=100)
    refuses: frozenset[str] = frozenset()
    away: tuple[tuple[datetime, datetime], ...] = ()

    def find(self, extension: str, not_before: datetime, now: datetime) -> Recorded | None:
        """Return the newest open recording of an extension whose GUID may still be reported."""
        open_now = [
            one
            for one in self.recordings
            if one.extension == extension
            and not_before <= one.began <= now <= one.began + self.window
            and (one.ended is None or now < one.ended)
        ]
        return max(open_now, key=lambda one: one.began, default=None)

    def is_away(self, now: datetime) -> bool:
        """Say whether QMS does not answer now."""
        return any(start <= now < end for start, end in self.away)


class ReplayContext(msgspec.Struct, frozen=True):
    """The context of a replay: the source's settings and the QMS users."""

    site: SiteSettings
    directory: Directory

    def verdict(self, extension: str, agent_id: str = "", agent_name: str = "") -> MatchVerdict:
        """Match an extension with a QMS user."""
        return self.directory.verdict(extension, agent_id, agent_name)


class _Question(msgspec.Struct, frozen=True):
    """The next question of a search."""

    search: StartSearch
    attempts: int = 0
    why: str = ""
    asked_at: datetime | None = None
    first_asked_at: datetime | None = None


class Replay:
    """Feed the core in the order of the gateway's clock, and answer what it asks of QMS when it is due.

    ``legs``: every leg by its number. ``flags``: a leg's flags as QMS has taken them. ``written_twice``: flags that
    would have been written to a recording a second time, which must never happen.
    """

    def __init__(self, context: ReplayContext, recorder: Recorder, specs: Sequence[FlagSpec] = FIELDS) -> None:
        self.recorder, self.specs = recorder, tuple(specs)
        self.work = UnitOfWork(LiveState(source=SourceState(slug="replay")), context)
        self.flags: dict[int, dict[str, str]] = {}
        self.written_twice: list[tuple[str, str]] = []
        self.gaps: list[OpenGap | CloseGap] = []
        self._written: set[tuple[str, str]] = set()
        self._cancelled: set[tuple[int, int]] = set()
        self._searches: dict[int, list[int]] = {}
        self._waiting: list[tuple[datetime, int, _Question | ResultEvent]] = []
        self._serial = count()

    @property
    def legs(self) -> list[LegState]:
        """All legs in the order in which they were opened."""
        return [self.work.legs[number] for number in sorted(self.work.legs)]

    def play(self, events: Iterable[AnyEvent], rest: timedelta = timedelta(seconds=15)) -> "Replay":
        """Play events, each at its ``at``, and let so much time pass after the last."""
        now: datetime | None = None
        for event in events:
            now = max(event.at, now or event.at)
            self._pass_until(now)
            self._apply(event, now)
        if now is not None:
            self._pass_until(now + rest)
        return self

    def _pass_until(self, end: datetime) -> None:
        while (at := self._next()) is not None and at <= end:
            if self._waiting and self._waiting[0][0] <= at:
                self._take(heapq.heappop(self._waiting)[2], at)
            else:
                self._apply(TimePassed(at), at)
        self._apply(TimePassed(end), end)

    def _next(self) -> datetime | None:
        moments = [self._waiting[0][0] if self._waiting else None, self.work.next_due()]
        return min((one for one in moments if one is not None), default=None)

    def _take(self, item: _Question | ResultEvent, at: datetime) -> None:
        if isinstance(item, _Question):
            self._ask_for_guid(item, at)
        elif not isinstance(item, RecordingFound) or (item.leg, item.search) not in self._cancelled:
            self._apply(item, at)

    def _apply(self, item: AnyEvent | ResultEvent, now: datetime) -> None:
        before = len(self.work.commands)
        fold_into(self.work, [item])
        for command in self.work.commands[before:]:
            self._execute(command, now)
        if not isinstance(item, TimePassed):
            self._apply(TimePassed(now), now)

    def _execute(self, command: CoreCommand, now: datetime) -> None:
        if isinstance(command, StartSearch):
            self._searches.setdefault(command.leg, []).append(command.search)
            self._later(now, _Question(command))
        elif isinstance(command, CancelSearch):
            self._cancelled |= {(command.leg, search) for search in self._searches.get(command.leg, ())}
        elif isinstance(command, WriteFlags):
            self._write(command, now)
        elif isinstance(command, OpenGap | CloseGap):
            self.gaps.append(command)

    def _later(self, at: datetime, item: _Question | ResultEvent) -> None:
        heapq.heappush(self._waiting, (at, next(self._serial), item))

    def _ask_for_guid(self, question: _Question, now: datetime) -> None:
        search = question.search
        if (search.leg, search.search) in self._cancelled:
            return
        deadline = search.since_gateway_at + self.recorder.window
        if now >= deadline:
            self._apply(_missed(question, deadline if question.attempts else now), now)
            return
        question = msgspec.structs.replace(question, first_asked_at=question.first_asked_at or now)
        answer = None if self.recorder.is_away(now) else self._answered(question, now)
        if isinstance(answer, RecordingFound):
            self._later(answer.at, answer)
        else:
            self._later(min(now + self.recorder.interval, deadline), answer or _unreachable(question))

    def _answered(self, question: _Question, now: datetime) -> RecordingFound | _Question:
        search, attempts = question.search, question.attempts + 1
        found = self.recorder.find(search.extension, search.connected_source_at - EARLY, now)
        asked_at = question.asked_at
        if asked_at is None or asked_at < search.since_gateway_at + LATE:
            asked_at = now
        holder = self.work.holder_of(found.guid) if found is not None else None
        if found is not None and (found.guid == search.known_guid or (holder is not None and not search.known_guid)):
            return _Question(search, attempts, "same", asked_at, question.first_asked_at)
        if found is None or holder is not None:  # Another leg's says nothing of the one that is known.
            return _Question(search, attempts, question.why or "none", asked_at, question.first_asked_at)
        return RecordingFound(
            leg=search.leg,
            search=search.search,
            guid=found.guid,
            service=SERVICE,
            started_at=found.began,
            attempts=attempts,
            at=now + self.recorder.answers_after,
            asked_at=now,
            why=_why_before(question),
            first_asked_at=question.first_asked_at,
        )

    def _write(self, command: WriteFlags, now: datetime) -> None:
        leg, at = self.work.legs[command.leg], now + self.recorder.answers_after
        texts = flag_texts(self.specs, leg_facts(leg), command.part, HASH_KEY)
        status, error = WriteStatus.WRITTEN, ""
        if not texts or leg.guid in self.recorder.refuses:
            status = WriteStatus.REFUSED
            error = "QMS refused the flags." if texts else "No flag that has a value is switched on."
        else:
            self._note(leg, {text.name: text.value for text in texts})
        self._later(at, WriteSettled(leg=leg.number, part=command.part, status=status, at=at, error=error))

    def _note(self, leg: LegState, flags: dict[str, str]) -> None:
        self.written_twice += [(leg.guid, name) for name in flags if (leg.guid, name) in self._written]
        self._written |= {(leg.guid, name) for name in flags}
        self.flags.setdefault(leg.number, {}).update(flags)


def _unreachable(question: _Question) -> _Question:
    search, asked_at = question.search, question.asked_at
    is_undecided = bool(search.known_guid) and (asked_at is None or asked_at < search.since_gateway_at + LATE)
    return msgspec.structs.replace(question, why="unreachable" if is_undecided else question.why or "unreachable")


def _why_before(question: _Question) -> str:
    search = question.search
    if not search.known_guid:
        return question.why
    return why_before(question.why, question.attempts, search.since_gateway_at, question.asked_at)


def _missed(question: _Question, at: datetime) -> RecordingMissed:
    search = question.search
    why = question.why or "late"
    return RecordingMissed(
        leg=search.leg,
        search=search.search,
        why=why,
        attempts=question.attempts,
        at=at,
        asked_at=question.asked_at,
        first_asked_at=question.first_asked_at,
    )
