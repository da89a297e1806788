"""Fold events again by today's rules; what QMS answered is taken from what was recorded. Nothing is written.

Answers come into the fold as the consumer takes them: each before the first event that is later.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Protocol

import msgspec

from agents.core.presence import AgentSession
from calls.core.commands import CoreCommand, StartSearch, WriteFlags
from calls.core.flag_facts import leg_facts
from calls.core.reducer import fold_next
from calls.core.result_events import ANOTHERS, RecordingMissed, ResultEvent, TimePassed, WriteSettled
from calls.core.source_state import SourceState
from calls.core.state import LegPhase, LegState, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from calls.models import SearchState
from calls.pipeline.pending_results import answer_of, answered_at
from calls.pipeline.source_context import SourceContext
from calls.storage.search_rows import RecordedSearch
from cti.events import AnyEvent
from flags.api import MadeWrite, hash_key
from flags.catalogue.values import FlagSpec, flag_texts

#: Number of events after which what is over is given back.
BATCH = 1_000
#: Maximum number of recordings whose legs are known after these are over.
MAXIMUM_RECORDINGS = 100_000
_ANSWERED = (SearchState.FOUND, SearchState.MISSED)


class RecordedAnswers(Protocol):
    """What QMS answered then."""

    def search(self, leg: LegState, key: tuple[str, datetime, int]) -> RecordedSearch | None:
        """Return the search that was made for a leg."""

    def write(self, leg: LegState, part: str) -> MadeWrite | None:
        """Return the flag write that was made for a leg's recording."""

    def is_of_other_source(self, leg: LegState, search: RecordedSearch) -> bool:
        """Say whether a leg of another source has the recording that QMS named for a leg."""


class RefoldedLeg(msgspec.Struct, frozen=True):
    """A leg as it would be, and its flags. ``is_answered``: QMS was asked for its recording then."""

    leg: LegState
    flags: dict[str, str]
    is_answered: bool


class Refold:
    """The state of a source, folded again from the events that are given."""

    def __init__(
        self,
        slug: str,
        context: SourceContext,
        specs: Sequence[FlagSpec],
        answers: RecordedAnswers,
        sessions: Iterable[AgentSession] = (),
        queue_names: dict[str, str] | None = None,
    ) -> None:
        self._slug, self._context, self._specs, self._answers = slug, context, tuple(specs), answers
        self._hash_key = hash_key()
        self._serial = count()
        self.failures = 0
        #: Legs of which it is not known when their flags had failed first, and so whether a wrap-up could follow them.
        self.sent_again: set[tuple[str, datetime]] = set()
        self._begin({one.device_id: one for one in sessions}, queue_names or {})

    def _begin(self, sessions: dict[str, AgentSession], queue_names: dict[str, str]) -> None:
        own = SourceState(slug=self._slug, queue_names=queue_names)
        self.work = UnitOfWork(LiveState(source=own, sessions=sessions), self._context)
        self._waiting: list[tuple[datetime, int, RecordedSearch | ResultEvent, int]] = []
        self._delivering: dict[int, LegState] = {}
        self._flags: dict[int, dict[str, str]] = {}
        self._unasked: set[int] = set()
        self._recorded_ids: dict[int, int] = {}
        self._holders: OrderedDict[str, int] = OrderedDict()

    def fold(self, events: Sequence[AnyEvent]) -> Iterator[RefoldedLeg]:
        """Fold events; yields the legs that are settled since."""
        for start in range(0, len(events), BATCH):
            for event in events[start : start + BATCH]:
                at, waiting = event.at, self._waiting
                if (waiting and waiting[0][0] < at) or self.work.is_anything_due(at):  # Not so before most events.
                    self._pass_until(at)
                self._apply(event)
            yield from self._settled()

    def finish(self, end: datetime) -> Iterator[RefoldedLeg]:
        """Let time pass until ``end``; yields the legs that are settled since."""
        self._pass_until(end)
        self._apply(TimePassed(end))
        yield from self._settled()

    def take_later_answers(self, end: datetime) -> Iterator[RefoldedLeg]:
        """Take the answers that came until ``end``, and let no other time pass; yields the legs that they settle.

        Of the calls that go on no event of that time is read: what is due for them would end them.
        """
        while self._waiting and self._waiting[0][0] <= end:
            _, _, answer, number = heapq.heappop(self._waiting)
            self._take(answer, number)
        yield from self._settled()

    def unsettled(self) -> Iterator[LegState]:
        """Yield the legs that are not settled yet."""
        yield from self.work.legs.values()
        yield from self._delivering.values()

    def _pass_until(self, end: datetime) -> None:
        """Do what is due before an event, each at its own moment."""
        while True:
            due = self.work.next_due()
            answered = self._waiting[0][0] if self._waiting else None
            if answered is not None and answered < end and (due is None or answered <= due):
                _, _, answer, number = heapq.heappop(self._waiting)
                self._take(answer, number)
            elif due is not None and due < end:
                self._apply(TimePassed(due))
                if self.work.next_due() == due:
                    return  # It waits for more than the time.
            else:
                return

    def _take(self, answer: RecordedSearch | ResultEvent, number: int) -> None:
        if number not in self.work.legs:
            if (leg := self._delivering.get(number)) is None:
                return
            self.work.remember([], [leg])
        self._apply(self._found(answer, number) if isinstance(answer, RecordedSearch) else answer)

    def _found(self, row: RecordedSearch, number: int) -> ResultEvent:
        self._recorded_ids[number] = row.leg_id
        holder = self._holder(row.recording_guid)
        if holder is None and self._answers.is_of_other_source(self.work.legs[number], row):
            holder = ANOTHERS
        row = msgspec.structs.replace(row, leg_id=number)  # The answer is to the leg as it is numbered here.
        return answer_of(row, holder)

    def _holder(self, guid: str) -> int | None:
        if not guid:
            return None
        held = self.work.holder_of(guid)
        return self._holders.get(guid) if held is None else held

    def _apply(self, item: AnyEvent | ResultEvent) -> None:
        before = len(self.work.commands)
        try:
            fold_next(self.work, item)
        except Exception:  # noqa: BLE001  (a defect that the consumer would put into quarantine; it is counted)
            self.failures += 1
        if len(self.work.commands) > before:
            for command in self.work.commands[before:]:
                self._execute(command)

    def _execute(self, command: CoreCommand) -> None:
        if isinstance(command, StartSearch):
            self._search(command)
        elif isinstance(command, WriteFlags):
            self._write(command)

    def _search(self, command: StartSearch) -> None:
        leg = self.work.legs[command.leg]
        row = self._answers.search(leg, (command.extension, command.since_gateway_at, command.search))
        if row is None:
            self._unasked.add(leg.number)
            at = command.since_gateway_at + self._context.window(command.services[0])
            missed = RecordingMissed(leg=leg.number, search=command.search, why="none", attempts=0, at=at)
            self._later(at, missed, leg.number)
        elif row.state in _ANSWERED:
            self._later(answered_at(row), row, leg.number)

    def _write(self, command: WriteFlags) -> None:
        leg = self.work.legs[command.leg]
        texts = flag_texts(self._specs, leg_facts(leg), command.part, self._hash_key)
        made = self._answers.write(leg, command.part)
        at = self.work.clock or command.at
        if made is None and command.part == "wrapup" and self._is_sent_again(leg):
            self.sent_again.add((leg.device_id, leg.connected_source_at))
        recorded_id = self._recorded_ids.get(leg.number)
        status, code, error = WriteStatus.WRITTEN, "", ""
        if not texts:
            status, error = WriteStatus.REFUSED, "No flag that has a value is switched on."
        elif made is not None and recorded_id is not None and made.leg_id != recorded_id:
            status, error = WriteStatus.REFUSED, "Another leg's flags stand on this recording."
        elif made is not None:
            if made.settled_at is None:
                return  # It is still on its way to QMS: so is this leg.
            at, status, code, error = made.settled_at, WriteStatus(made.state), made.error_code, made.error
        if status is WriteStatus.WRITTEN:
            self._flags.setdefault(leg.number, {}).update({text.name: text.value for text in texts})
        settled = WriteSettled(leg=leg.number, part=command.part, status=status, at=at, error_code=code, error=error)
        self._later(at, settled, leg.number)

    def _is_sent_again(self, leg: LegState) -> bool:
        base = self._answers.write(leg, "base")
        return base is not None and base.is_sent_again

    def _later(self, at: datetime, answer: RecordedSearch | ResultEvent, number: int) -> None:
        heapq.heappush(self._waiting, (at, next(self._serial), answer, number))

    def _settled(self) -> Iterator[RefoldedLeg]:
        """Yield the legs that are settled, and begin another batch."""
        touched = [leg for number in self.work.touched_legs if (leg := self.work.legs.get(number)) is not None]
        for leg in touched:
            self._note_holder(leg)
            if leg.phase is LegPhase.DELIVERING:
                self._delivering[leg.number] = leg
            else:
                self._delivering.pop(leg.number, None)
        self.work.begin_batch(self._context)
        for leg in touched:
            if leg.phase is LegPhase.SETTLED:
                is_answered = leg.number not in self._unasked
                self._unasked.discard(leg.number)
                self._recorded_ids.pop(leg.number, None)
                yield RefoldedLeg(leg, self._flags.pop(leg.number, {}), is_answered)

    def _note_holder(self, leg: LegState) -> None:
        """Remember which recording a leg has, as the database would."""
        before = self.work.before.get(leg.number)
        if before is not None and before.guid != leg.guid and self._holders.get(before.guid) == leg.number:
            del self._holders[before.guid]
        if leg.guid:
            self._holders[leg.guid] = leg.number
            self._holders.move_to_end(leg.guid)
        while len(self._holders) > MAXIMUM_RECORDINGS:
            self._holders.popitem(last=False)
