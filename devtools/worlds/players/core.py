"""The pure core as a player: its events folded in batches, its searches and writes answered by a QMS of the scenario.

Nothing of Django, Redis or SOAP runs: thousands of worlds a minute. What the search worker and the outbox do around
the core is done here by the book: a search asks at once and then at its interval until its deadline; a write that
gets no answer is sent again when QMS is back.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from calls.core.commands import CancelSearch, CloseGap, CoreCommand, OpenGap, StartSearch, WriteFlags
from calls.core.flag_facts import leg_facts
from calls.core.legs import EARLY
from calls.core.reducer import fold_into
from calls.core.result_events import LATE, RecordingFound, RecordingMissed, ResultEvent, TimePassed, WriteSettled
from calls.core.source_state import SourceState
from calls.core.state import LegPhase, LegState, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from cti.events import AnyEvent
from devtools.worlds.judge.player import Gap, Leg, Observed, Write
from devtools.worlds.judge.scenario import Scenario
from devtools.worlds.players.product_words import SERVICE, ProductCast, cast_of, events_of, partition_of
from devtools.worlds.players.recorder import WorldRecorder, seconds_of
from flags.catalogue.values import FIELDS, flag_texts

#: All waits of a scenario are over this long after its last event.
REST = timedelta(hours=1)
#: Delays of a consumer that is held up, in seconds.
DELAYS = (0.0, 0.0, 0.05, 0.3, 1.0, 3.0, 8.0, 20.0)


Answer = RecordingFound | RecordingMissed | WriteSettled


class PlayedQuestion(Struct, frozen=True):
    """Hold the next question of a search."""

    search: StartSearch
    attempts: int = 0
    why: str = ""
    asked_at: datetime | None = None
    first_asked_at: datetime | None = None


class CorePlayer:
    """Play scenarios through the core. Without a partition each event is folded when it is heard."""

    #: The source states when its events happened; the product knows of none of these that its listener follows.
    has_source_times = True

    def __init__(self) -> None:
        self._read: tuple[Scenario, list[AnyEvent]] | None = None

    def events_of(self, scenario: Scenario) -> list[AnyEvent]:
        """Return a scenario's events as the core gets them."""
        return events_of(scenario)

    def sizes(self, scenario: Scenario, partition: Sequence[int], events: Sequence[AnyEvent]) -> list[int]:
        """Return the sizes of the batches of these events for those of the scenario's."""
        del events
        return partition_of(scenario, partition)

    def read(self, scenario: Scenario) -> list[AnyEvent]:
        """Return a scenario's events; the runner plays it under several partitions in a row, so they are read once."""
        if self._read is None or self._read[0] is not scenario:
            self._read = (scenario, self.events_of(scenario))
        return self._read[1]

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario from an empty core to its end."""
        events = self.read(scenario)
        cast = cast_of(scenario, has_source_times=self.has_source_times)
        play = CorePlay(cast, WorldRecorder(scenario.qms))
        if partition is None:
            for event in events:
                play.pass_before(event.at)
                play.fold([event], event.at)
        else:
            play.fold_batches(events, self.sizes(scenario, partition, events))
        if events:
            play.pass_until(events[-1].at + REST)
        return play.observed()


class StampedCorePlayer(CorePlayer):
    """Play as the HTTP intake stamps: an event's moment by our clock is its time, however late it is heard.

    The other player's events have a time of the source and the receipt, as those of a link have whose PBX states times.
    """

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario; what an event asks for is done when it is heard."""
        del partition
        play, heard = CorePlay(cast_of(scenario), WorldRecorder(scenario.qms), is_late=True), None
        for event in events_of(scenario):
            heard = event.at
            play.pass_before(heard)
            play.fold([replace(event, gatewaytime=min(event.time, heard))], heard)
        if heard is not None:
            play.pass_until(heard + REST)
        return play.observed()


class LateCorePlayer(CorePlayer):
    """Fold late, as a consumer does that was held up: QMS is asked and sent only when a batch has been folded.

    What a flag misses because of it is nobody's fault but that of the delay; a wrong flag is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._acted_on: dict[str, float] = {}

    def acted_on(self) -> dict[str, float]:
        """Return when each event was folded."""
        return self._acted_on

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario with delays by chance, from its title; the delays make the batches."""
        del partition
        rng, events = Random(crc32(scenario.title.encode())), events_of(scenario)
        self._acted_on = {}
        play, start = CorePlay(cast_of(scenario), WorldRecorder(scenario.qms), is_late=True), 0
        while start < len(events):
            play.pass_before(events[start].at)
            now = events[start].at + timedelta(seconds=rng.choice(DELAYS))
            batch = [event for event in events[start:] if event.at <= now]
            play.fold_batch(batch, now, from_storage=rng.random() < 0.5)
            self._acted_on |= {event.id: seconds_of(now) for event in batch}
            start += len(batch)
        if events:
            play.pass_until(events[-1].at + REST)
        return play.observed()


class CorePlay:
    """Hold one play: the core's state, what QMS is asked and sent, and what came of it.

    `is_late`: commands are obeyed when the batch has been folded, not at the moment from which they are.
    """

    def __init__(self, cast: ProductCast, recorder: WorldRecorder, *, is_late: bool = False) -> None:
        self.cast, self.recorder, self.is_late = cast, recorder, is_late
        self._now: datetime | None = None
        self.work = UnitOfWork(LiveState(source=SourceState(slug="worlds")), cast)
        self.legs: dict[int, LegState] = {}
        self.flags: dict[int, dict[str, str]] = {}
        self.writes: list[Write] = []
        self.gaps: dict[datetime, OpenGap | CloseGap] = {}
        self._waiting: list[tuple[datetime, int, PlayedQuestion | Answer]] = []
        self._searches: dict[int, list[int]] = {}
        self._cancelled: set[tuple[int, int]] = set()
        self._serial = count()
        self._obeyed = 0

    def fold_batches(self, events: Sequence[AnyEvent], sizes: Sequence[int]) -> None:
        """Fold events in batches of these sizes, each when its last event is heard."""
        start = 0
        for size in sizes:
            batch = events[start : start + size]
            start += size
            if batch:
                self.fold_batch(batch, batch[-1].at, from_storage=bool(start % 2))

    def fold_batch(self, batch: Sequence[AnyEvent], now: datetime, *, from_storage: bool) -> None:
        """Fold a batch and begin another on the state in memory, or on a copy of it as after a restart."""
        self.fold(batch, now)
        self._begin_batch(from_storage=from_storage)

    def fold(self, events: Sequence[AnyEvent], now: datetime) -> None:
        """Fold a batch and then the time, as the consumer does."""
        self._now = now
        fold_into(self.work, self._items(events, now))
        self._obey()

    def pass_before(self, end: datetime) -> None:
        """Let time pass until just before a moment; what is due is done at its own moment."""
        while (at := self._next()) is not None and at < end:
            self.fold([], at)

    def pass_until(self, end: datetime) -> None:
        """Let time pass to a moment."""
        self.pass_before(end)
        self.fold([], end)

    def _items(self, events: Sequence[AnyEvent], now: datetime) -> Iterator[AnyEvent | ResultEvent]:
        """Yield events, each answer before the first event that is heard later, and the time.

        An answer of the very moment comes after every event of that moment, so that no cut lies between them. What an
        event of a batch makes the core ask is answered in its time, between the events of the batch: this is lazy.
        """
        for event in events:
            yield from self._answers(event.at, is_before=True)
            yield event
            self._obey()
        yield from self._answers(now, is_before=bool(events))
        yield TimePassed(now)

    def _answers(self, until: datetime, *, is_before: bool = False) -> Iterator[Answer]:
        """Yield what QMS answers up to a moment, `is_before`: without what comes at that very moment."""
        while self._waiting and (self._waiting[0][0] < until or (not is_before and self._waiting[0][0] == until)):
            at, _, thing = heapq.heappop(self._waiting)
            if isinstance(thing, PlayedQuestion):
                self._ask(thing, at)
            elif isinstance(thing, WriteSettled) or (thing.leg, thing.search) not in self._cancelled:
                self._load_leg(thing.leg)
                yield thing
                self._obey()

    def _load_leg(self, number: int) -> None:
        """Take a leg up again that the core gave to the delivery and forgot, as the consumer does for an answer."""
        if number not in self.work.legs:
            self.work.remember([], [self.legs[number]])

    def _begin_batch(self, *, from_storage: bool) -> None:
        self._keep_legs()
        self._obeyed = 0
        if from_storage:
            state = self.work.state()
            legs = {number: leg for number, leg in state.legs.items() if leg.phase is not LegPhase.SETTLED}
            kept = LiveState(source=state.source, calls=state.calls, legs=legs, sessions=state.sessions)
            self.work = UnitOfWork(kept, self.cast)
        else:
            self.work.begin_batch(self.cast)

    def _keep_legs(self) -> None:
        for number in self.work.touched_legs:
            self.legs[number] = self.work.legs[number]

    def _next(self) -> datetime | None:
        due = self.work.next_due()
        if not self._waiting:
            return due
        return self._waiting[0][0] if due is None else min(due, self._waiting[0][0])

    def _obey(self) -> None:
        commands = self.work.commands
        while self._obeyed < len(commands):
            self._obeyed += 1
            self._do(commands[self._obeyed - 1])

    def _do(self, command: CoreCommand) -> None:
        if isinstance(command, StartSearch):
            self._searches.setdefault(command.leg, []).append(command.search)
            self._later(self._obeyed_at(command.since_gateway_at), PlayedQuestion(command))
        elif isinstance(command, CancelSearch):
            self._cancelled |= {(command.leg, search) for search in self._searches.get(command.leg, ())}
        elif isinstance(command, WriteFlags):
            self._write(command)
        elif isinstance(command, OpenGap | CloseGap):
            self.gaps[command.began_at] = command

    def _obeyed_at(self, moment: datetime) -> datetime:
        return max(moment, self._now) if self.is_late and self._now else moment

    def _later(self, at: datetime, thing: PlayedQuestion | Answer) -> None:
        heapq.heappush(self._waiting, (at, next(self._serial), thing))

    def _ask(self, question: PlayedQuestion, now: datetime) -> None:
        search = question.search
        if (search.leg, search.search) in self._cancelled:
            return
        deadline = search.since_gateway_at + self.recorder.window
        if now >= deadline:
            self._later(now, _missed(question, now))
            return
        question = replace(question, first_asked_at=question.first_asked_at or now)
        if self.recorder.is_away(now):
            asked_at = question.asked_at
            is_early = asked_at is None or asked_at < search.since_gateway_at + LATE
            is_undecided = bool(search.known_guid) and question.why != "same" and is_early
            self._again(question, "unreachable" if is_undecided else question.why or "unreachable", now, now)
        else:
            self._answer(question, now, self.recorder.answered_at(now))

    def _again(self, question: PlayedQuestion, why: str, asked: datetime, answered: datetime) -> None:
        deadline = question.search.since_gateway_at + self.recorder.window
        attempts = question.attempts + (answered != asked)
        at = max(answered, min(asked + self.recorder.interval, deadline))
        asked_at = question.asked_at
        if answered != asked and (asked_at is None or asked_at < question.search.since_gateway_at + LATE):
            asked_at = asked
        self._later(at, replace(question, attempts=attempts, why=why, asked_at=asked_at))

    def _answer(self, question: PlayedQuestion, asked: datetime, answered: datetime) -> None:
        search = question.search
        found = self.recorder.find(search.extension, search.connected_source_at - EARLY, asked)
        if found is None:
            self._again(question, question.why or "none", asked, answered)
        elif found.guid == search.known_guid or (not search.known_guid and self._is_flagged(found.guid)):
            self._again(question, "same", asked, answered)
        elif self._is_flagged(found.guid):  # Another leg's says nothing of the one that is known.
            self._again(question, question.why or "none", asked, answered)
        else:
            self._later(
                answered,
                RecordingFound(
                    leg=search.leg,
                    search=search.search,
                    guid=found.guid,
                    service=SERVICE,
                    started_at=found.start,
                    attempts=question.attempts + 1,
                    at=answered,
                    asked_at=asked,
                    why=question.why,
                    first_asked_at=question.first_asked_at,
                ),
            )

    def _is_flagged(self, guid: str) -> bool:
        return any(x.recording == guid for x in self.writes)

    def _write(self, command: WriteFlags) -> None:
        leg = self.work.legs[command.leg]
        texts = flag_texts(FIELDS, leg_facts(leg), command.part)
        sent = self.recorder.back_at(self._obeyed_at(command.at))
        at = self.recorder.takes_effect_at(sent)
        status, error = WriteStatus.WRITTEN, ""
        if not texts or leg.guid in self.recorder.refuses:
            status = WriteStatus.REFUSED
            error = "QMS refused the flags." if texts else "No flag that has a value is switched on."
        else:
            self.writes += [Write(leg.guid, text.name, text.value, seconds_of(at)) for text in texts]
            self.flags.setdefault(leg.number, {}).update({text.name: text.value for text in texts})
        self._later(at, WriteSettled(leg=leg.number, part=command.part, status=status, at=at, error=error))

    def observed(self) -> Observed:
        """Return what came of it."""
        self._keep_legs()
        legs = tuple(_leg(self.legs[number], self.flags.get(number, {})) for number in sorted(self.legs))
        return Observed(legs, tuple(self.writes), gaps=tuple(_gap(self.gaps[at]) for at in sorted(self.gaps)))


def _missed(question: PlayedQuestion, at: datetime) -> RecordingMissed:
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


def _leg(leg: LegState, flags: dict[str, str]) -> Leg:
    end = leg.disconnected_source_at
    return Leg(
        leg.device_id,
        seconds_of(leg.connected_source_at),
        None if end is None else seconds_of(end),
        leg.call_id,
        leg.guid or None,
        leg.outcome.value,
        leg.reason,
        flags,
    )


def _gap(gap: OpenGap | CloseGap) -> Gap:
    start = seconds_of(gap.began_at)
    if isinstance(gap, OpenGap):
        return Gap(start, None)
    return Gap(start, seconds_of(gap.ended_at), gap.legs_saved, gap.legs_lost)
