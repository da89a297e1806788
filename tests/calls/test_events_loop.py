"""The loop of an events process: what it folds, when, in which order, and what one source cannot do to another."""

from collections.abc import Mapping

import pytest
from django.db import OperationalError

from calls.pipeline import events_loop
from calls.pipeline.consumer import BATCH, Folded, Overtaken
from calls.pipeline.events_loop import GATHER_SECONDS, MANY, PATIENCE_SECONDS, EventsLoop
from calls.pipeline.slice_size import ALONE_SECONDS, FEWEST, SLICE_SECONDS
from cti.api import Entry, JournalUnavailable, answers_stream, journal_key, settled_stream

LIGHT, HEAVY = "light", "heavy"
SOURCES = {LIGHT: 7, HEAVY: 8}
URGENT, PATIENT = b'{"type": "csta.call.Established"}', b'{"type": "csta.agent.Ready"}'


class Clock:
    """Monotonic time that a test moves; who sleeps moves it."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Source:
    """A source's folding: of its ``waiting`` events it folds what it may.

    That takes ``seconds`` each time, and ``each`` for every event.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock, self.seconds, self.each, self.waiting = clock, 0.01, 0.0, 0
        self.folds: list[tuple[int, bool, bool]] = []
        self.at: list[float] = []
        self.error: Exception | None = None
        self.entry = 0
        self.due: float | None = None
        self.payload = URGENT
        self.journal_away = 0

    def after(self, entry_id: str, count: int) -> list[Entry]:
        first = int(entry_id.removeprefix("1-")) + 1
        last = min(self.entry + self.waiting, first + count - 1)
        return [Entry(f"1-{number}", self.payload) for number in range(first, last + 1)]

    def fold(self, limit: int, *, with_answers: bool, with_settled: bool) -> Folded | None:
        self.folds.append((limit, with_answers, with_settled))
        self.at.append(self.clock.at)
        self.clock.at += self.seconds
        if self.error:
            raise self.error
        if not self.waiting:
            return None
        taken = min(limit, self.waiting)
        self.clock.at += self.each * taken
        self.waiting -= taken
        self.entry += taken
        return Folded(events=taken, is_more=taken == limit)

    def position(self) -> str | None:
        return f"1-{self.entry}"

    def due_in(self) -> float | None:
        return self.due

    def note_journal_away(self) -> None:
        self.journal_away += 1


class Leases:
    """Leases that are granted as a test says."""

    def __init__(self) -> None:
        self.granted: set[str] | None = None
        self.error: Exception | None = None
        self.asked = 0
        self.worked: Mapping[str, float] = {}

    def renew(self, slugs: list[str], worked: Mapping[str, float]) -> set[str]:
        self.asked += 1
        self.worked = worked
        if self.error:
            raise self.error
        return set(slugs) if self.granted is None else self.granted


class Process:
    """One events process without Redis: a wait finds what sources have, or lets the time pass."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.leases = clock, Leases()
        self.sources = {key: Source(clock) for key in SOURCES.values()}
        self.light, self.heavy = self.sources[7], self.sources[8]
        self.rung: dict[str, str] = {}
        self.waits: list[float] = []
        self.wait_error: Exception | None = None
        self.until = float("inf")
        self.enabled, self.reads = SOURCES, 0
        self.loop = EventsLoop(self.leases, self.read, self.sources.__getitem__, self.wait)

    def read(self) -> dict[str, int]:
        self.reads += 1
        return self.enabled

    def wait(self, after: Mapping[str, str], seconds: float, count: int) -> dict[str, list[Entry]]:
        self.waits.append(seconds)
        if self.wait_error:
            raise self.wait_error
        news = {stream: [Entry(at, b"")] for stream, at in self.rung.items() if after.get(stream, at) != at}
        for slug, key in SOURCES.items():
            if journal_key(slug) in after and (found := self.sources[key].after(after[journal_key(slug)], count)):
                news[journal_key(slug)] = found
        if not news:  # What a test does at the end of ``runs`` may happen in the middle of a wait.
            self.clock.at = max(self.clock.at, min(self.clock.at + seconds, self.until))
        return news

    def runs(self, seconds: float) -> None:
        self.until = self.clock.at + seconds
        while self.clock.at < self.until:
            self.loop.turn()
        self.until = float("inf")


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    clock = Clock()
    monkeypatch.setattr(events_loop, "time", clock)
    monkeypatch.setattr(events_loop, "close_old_connections", lambda: None)  # Others' tests may have left one.
    one = Process(clock)
    one.runs(0.5)  # Every source is looked at once when it is leased.
    for source in one.sources.values():
        source.folds.clear()
        source.at.clear()
    return one


def test_a_quiet_source_is_looked_at_every_few_seconds_and_no_more(process: Process) -> None:
    process.runs(20)

    assert len(process.light.folds) == 20 // events_loop.LOOK_SECONDS


def test_an_urgent_event_after_quiet_is_folded_at_once_and_those_that_follow_gather(process: Process) -> None:
    began = process.clock.at
    process.light.waiting = 1
    process.loop.turn()
    process.light.waiting = 1
    while len(process.light.at) < 2:
        process.loop.turn()

    assert process.light.at == pytest.approx([began, began + GATHER_SECONDS], abs=0.002)


def test_what_is_not_urgent_is_folded_together_when_the_oldest_has_waited_long_enough(process: Process) -> None:
    began, process.light.payload = process.clock.at, PATIENT
    for _ in range(3):
        process.light.waiting += 1
        process.runs(0.1)
    process.runs(2)

    assert process.light.at == pytest.approx([began + PATIENCE_SECONDS], abs=0.002)
    assert not process.light.waiting


def test_an_urgent_event_takes_with_it_what_has_been_waiting(process: Process) -> None:
    process.light.waiting, process.light.payload = 1, PATIENT
    process.runs(0.1)
    process.light.waiting, process.light.payload = 2, URGENT
    began = process.clock.at
    process.runs(2)

    assert process.light.at == [began]
    assert not process.light.waiting


def test_many_events_do_not_wait(process: Process) -> None:
    began, process.light.payload = process.clock.at, PATIENT
    process.light.waiting = MANY - 1
    process.runs(0.1)
    assert process.light.at == []
    process.light.waiting += 1
    process.runs(0.1)

    assert process.light.at == pytest.approx([began + 0.1], abs=0.002)


def test_an_event_that_waited_as_a_fold_failed_is_heard_again(process: Process) -> None:
    process.light.waiting, process.light.payload, process.light.error = 1, PATIENT, Overtaken(LIGHT)
    process.runs(PATIENCE_SECONDS + 0.1)
    process.light.error = None
    process.runs(PATIENCE_SECONDS + events_loop.PAUSE_SECONDS + 0.1)

    assert len(process.light.at) == 2
    assert not process.light.waiting


def test_a_fold_that_takes_long_leaves_the_processors_to_others_for_half_as_long(process: Process) -> None:
    process.light.seconds = 0.5
    for _ in range(4):
        process.light.waiting = 1
        process.runs(0.6)

    assert process.light.at[1] - process.light.at[0] >= 0.75


def test_answers_are_read_when_their_consumer_was_woken_and_with_every_late_look(process: Process) -> None:
    process.light.waiting = 1
    process.loop.turn()
    process.rung[answers_stream(7)] = "5-1"
    process.runs(1)
    process.light.waiting = 1
    process.runs(1)
    process.rung[settled_stream(7)] = "5-2"
    process.runs(1)

    assert [(answers, settled) for _, answers, settled in process.light.folds] == [
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]


def test_what_is_due_is_folded_when_it_is_due_or_with_what_comes_soon_after(process: Process) -> None:
    process.light.waiting, process.light.due = 1, 0.7
    began = process.clock.at
    process.loop.turn()
    process.light.due = None
    process.runs(2)

    assert process.light.at[1] - began == pytest.approx(0.7 + PATIENCE_SECONDS + process.light.seconds, abs=0.03)


def test_a_source_with_a_backlog_holds_no_other_up_for_longer_than_a_slice(process: Process) -> None:
    process.heavy.waiting, process.heavy.seconds = 10**9, 0.1
    process.runs(5)
    late: list[float] = []
    for _ in range(20):
        process.light.waiting, asked = 1, process.clock.at
        process.runs(0.45)
        late.append(process.light.at[-1] - asked)

    assert max(late) <= process.heavy.seconds + 0.01
    assert len(process.heavy.folds) > 100


def test_a_source_that_is_alone_in_its_process_has_larger_slices(process: Process) -> None:
    process.heavy.waiting, process.heavy.each = 10**9, 0.0005
    process.runs(20)
    among_others = process.heavy.folds[-1][0]
    process.leases.granted = {HEAVY}
    process.runs(5)

    assert among_others == pytest.approx(SLICE_SECONDS / 0.0005, rel=0.25)
    assert process.heavy.folds[-1][0] == pytest.approx(ALONE_SECONDS / 0.0005, rel=0.25)


def test_a_source_that_rested_does_not_catch_up_on_the_time_that_others_had(process: Process) -> None:
    process.heavy.waiting, process.heavy.seconds = 10**9, 0.1
    process.runs(20)
    process.light.waiting, process.light.seconds = 10**9, 0.1
    process.heavy.folds.clear()
    process.runs(2)

    assert len(process.heavy.folds) == pytest.approx(10, abs=2)


def test_slices_become_smaller_where_an_event_takes_long_and_larger_again(process: Process) -> None:
    process.heavy.waiting, process.heavy.each = 10**9, 0.01
    process.runs(20)
    assert process.heavy.folds[-1][0] == FEWEST
    process.heavy.each = 0.0
    process.runs(5)
    assert process.heavy.folds[-1][0] == BATCH


def test_what_every_fold_takes_whatever_is_in_it_makes_no_slice_smaller(process: Process) -> None:
    process.heavy.waiting, process.heavy.seconds, process.heavy.each = 10**9, 0.5, SLICE_SECONDS / 400
    process.runs(100)

    assert [limit for limit, _, _ in process.heavy.folds[-20:]] == [pytest.approx(400, rel=0.25)] * 20


def test_a_disk_that_was_slow_for_a_minute_leaves_no_small_slices(process: Process) -> None:
    process.heavy.waiting, process.heavy.seconds = 10**9, 3.0
    process.runs(60)
    process.heavy.seconds, process.heavy.each = 0.05, SLICE_SECONDS / 800
    process.runs(20)

    assert process.heavy.folds[-1][0] == pytest.approx(800, rel=0.25)


@pytest.mark.parametrize(
    "error", [Overtaken(LIGHT), OperationalError(), JournalUnavailable("away", retryable=True), ValueError()]
)
def test_a_source_that_fails_is_tried_again_and_holds_no_other_up(process: Process, error: Exception) -> None:
    process.light.error, process.light.waiting = error, 1
    process.runs(1)
    process.heavy.waiting = 1
    process.runs(0.2)
    process.light.error = None
    process.runs(6)

    assert not process.heavy.waiting
    assert not process.light.waiting
    assert len(process.light.folds) < 10


def test_a_lease_that_went_to_another_process_ends_the_folding_here(process: Process) -> None:
    process.leases.granted = {HEAVY}
    process.runs(1)
    process.light.waiting = 1
    process.runs(10)

    assert process.light.folds == []


def test_who_is_overtaken_looks_at_once_whether_the_lease_is_anothers_now(process: Process) -> None:
    process.light.error, process.light.waiting = Overtaken(LIGHT), 1
    process.leases.granted = {HEAVY}
    while not process.light.folds:
        process.loop.turn()
    before = process.leases.asked
    process.loop.turn()

    assert process.leases.asked == before + 1
    assert process.loop.leased.keys() == {HEAVY}


def test_the_leases_learn_how_long_each_source_had_the_process_work(process: Process) -> None:
    process.heavy.seconds, process.heavy.waiting = 0.2, 3
    process.runs(2)

    assert process.leases.worked[HEAVY] >= 0.2
    assert process.leases.worked[LIGHT] < 0.1


def test_a_busy_process_renews_its_leases_at_their_interval_and_not_at_every_turn(process: Process) -> None:
    before, until = process.leases.asked, process.clock.at + 6
    while process.clock.at < until:
        process.light.waiting = 1
        process.loop.turn()

    assert process.leases.asked - before == pytest.approx(6 / events_loop.LEASE_SECONDS, abs=1)


def test_the_sources_are_read_less_often_than_leases_are_renewed_and_a_new_one_is_found_soon(process: Process) -> None:
    process.enabled = {LIGHT: 7}
    process.runs(2.7)
    before = process.reads
    process.enabled = SOURCES
    process.runs(2.7)

    assert process.reads - before == 1
    assert process.loop.leased.keys() == {LIGHT, HEAVY}


def test_leases_that_redis_does_not_take_leave_all_as_it_was(process: Process) -> None:
    process.leases.error = JournalUnavailable("full", retryable=True)
    process.light.waiting = 1
    process.runs(2)

    assert not process.light.waiting


def test_a_process_without_sources_waits_and_does_not_spin(process: Process) -> None:
    process.leases.granted = set()
    process.runs(1)
    turns, until = 0, process.clock.at + 6
    while process.clock.at < until:
        process.loop.turn()
        turns += 1

    assert turns < 15


def test_every_source_learns_that_the_journal_was_away(process: Process) -> None:
    """However the loop notices it: when it renews leases, waits for entries, or folds."""
    process.leases.error = JournalUnavailable("full", retryable=True)
    process.runs(1)
    assert all(source.journal_away for source in process.sources.values())
    process.leases.error = None

    process.light.error, process.light.waiting = JournalUnavailable("away", retryable=True), 1
    before = process.heavy.journal_away
    process.runs(1)
    assert process.heavy.journal_away > before
    process.light.error = None

    before, process.wait_error = process.heavy.journal_away, JournalUnavailable("away", retryable=True)
    with pytest.raises(JournalUnavailable):
        process.runs(1)
    assert process.heavy.journal_away == before + 1
