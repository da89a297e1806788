"""Recording searches: asked at once and then quickly, answered before the deadline. The clock is real."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from msgspec.structs import replace

from calls.models import Leg, RecordingSearch, SearchState
from calls.search import worker
from calls.search.due import next_due
from calls.search.worker import (
    PendingQuestion,
    SearchWorker,
    look_up,
    settle,
)
from calls.storage.codec import leg_key
from clock.stopping import stop
from cti.api import answers_stream
from cti.models import CtiSource
from devtools.servers import wait_until
from qms.models import DataServer, RecordingService
from qms.port import QmsError, QmsUnavailable, Recording
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.site import SimulatedQms

INTERVAL_MS = 50


class Line(InProcessRecordingService):
    """The way to one service, on which a test may listen, wait, and put other words."""

    def __init__(self, desk: "Desk", slug: str) -> None:
        super().__init__(desk.qms, slug, timezone.now)
        self.desk, self.slug = desk, slug

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Note the question; answer as the simulated QMS does, unless the test has it otherwise."""
        with self.desk.lock:
            self.desk.asked.append((self.slug, extension, timezone.now(), not_started_before))
            self.desk.busy += 1
            self.desk.busiest = max(self.desk.busiest, self.desk.busy)
            number = len(self.desk.asked)
        try:
            if self.slug in self.desk.gates:
                assert self.desk.gates[self.slug].wait(10)
            if error := self.desk.errors.get(self.slug):
                raise error
            self.desk.before_answer(number)
            return self.desk.reworded(super().find_live_recording(extension, not_started_before))
        finally:
            with self.desk.lock:
                self.desk.busy -= 1


class Desk:
    """Two Recording Services, a simulated QMS behind them, and the searches of a source."""

    def __init__(self) -> None:
        self.qms = SimulatedQms([SimulatedService(slug=slug, data_server="ds") for slug in ("a", "b")])
        self.qms.set_users([SimulatedUser(extension=str(number)) for number in range(2001, 2010)])
        self.source = CtiSource.objects.create(slug="pbx", kind="http")
        server = DataServer.objects.create(slug="ds")
        self.a, self.b = (
            RecordingService.objects.create(
                slug=slug,
                data_server=server,
                url="http://127.0.0.1:9/",
                lookup_interval_ms=INTERVAL_MS,
                timeout_seconds=1,
                max_in_flight=4,
            )
            for slug in ("a", "b")
        )
        self.asked: list[tuple[str, str, datetime, datetime | None]] = []
        self.errors: dict[str, QmsError] = {}
        self.gates: dict[str, threading.Event] = {}
        self.lock = threading.Lock()
        self.busy = self.busiest = 0
        self.before_answer: Callable[[int], Any] = lambda _: None
        self.reworded: Callable[[Recording | None], Recording | None] = lambda found: found

    def connect(self, service: RecordingService) -> Line:
        """Connect to a service."""
        return Line(self, service.slug)

    def search(self, number: int = 1, *, window: float = 0.5, ago: float = 0.0, **members: Any) -> RecordingSearch:
        """Save a search for the leg and extension of a number, as the consumer would."""
        connected = timezone.now() - timedelta(seconds=ago)
        usual: dict[str, Any] = {
            "leg_id": leg_key(self.source.pk, number),
            "source": self.source,
            "service": self.a,
            "extension": str(2000 + number),
            "not_started_before": connected - timedelta(seconds=3),
            "connected_at": connected,
            "deadline": connected + timedelta(seconds=window),
            "next_at": connected,
        }
        return RecordingSearch.objects.create(**{**usual, **members})

    def looks_up(self, service: RecordingService | None = None, seconds: float = 3.0) -> datetime | None:
        """Ask a service until nothing is open, as its thread does; return when something is due next."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            due = look_up((service or self.a).pk, timezone.now, self.connect, seconds=left)
            if due is None or time.monotonic() >= until:
                return due
            time.sleep(min(max((due - timezone.now()).total_seconds(), 0.001), max(until - time.monotonic(), 0.0)))

    def worker(self) -> SearchWorker:
        """Make a search worker of another process."""
        return SearchWorker(self.a, timezone.now, self.connect)


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source."""
    return Desk()


def settled(search: RecordingSearch) -> RecordingSearch:
    """Return what became of a search."""
    search.refresh_from_db()
    return search


def test_qms_is_asked_at_once(desk: Desk, redis: Any) -> None:
    recording = desk.qms.connected("2001", timezone.now(), "a")
    search = desk.search()
    desk.looks_up()
    found = settled(search)

    assert recording is not None
    assert (found.state, found.recording_guid, found.attempts) == (SearchState.FOUND, recording.guid, 1)
    assert found.recording_started_at == recording.started_at
    assert found.answered_at is not None
    assert found.answered_at - found.connected_at < timedelta(milliseconds=250)


def test_the_consumer_is_woken_by_an_answer(desk: Desk, redis: Any) -> None:
    desk.qms.connected("2001", timezone.now(), "a")
    desk.search()
    desk.looks_up()

    assert redis.exists(answers_stream(desk.source.pk))


def test_qms_is_asked_again_at_each_interval_until_the_deadline(desk: Desk) -> None:
    search = desk.search(window=0.6)
    desk.looks_up()
    times = [at for _, _, at, _ in desk.asked]
    found = settled(search)

    assert (found.state, found.why, found.attempts) == (SearchState.MISSED, "none", len(desk.asked))
    assert 3 <= len(desk.asked) <= 14
    assert min((b - a).total_seconds() for a, b in pairwise(times)) >= INTERVAL_MS / 1000 * 0.85
    assert found.answered_at is not None
    assert found.answered_at >= found.deadline


def test_a_recording_that_begins_a_little_later_is_found(desk: Desk) -> None:
    desk.before_answer = lambda number: number == 3 and desk.qms.connected("2001", timezone.now(), "a")
    search = desk.search(window=3)
    desk.looks_up()

    assert (settled(search).state, search.attempts) == (SearchState.FOUND, 3)


def test_a_search_past_its_deadline_is_missed_without_asking(desk: Desk) -> None:
    search = desk.search(ago=60, window=10)
    desk.looks_up()

    assert (settled(search).state, search.why, search.attempts) == (SearchState.MISSED, "late", 0)
    assert desk.asked == []


def test_the_soonest_deadline_is_asked_first(desk: Desk) -> None:
    RecordingService.objects.filter(pk=desk.a.pk).update(max_in_flight=1)
    desk.search(1, window=3)
    desk.search(2, window=1)
    for extension in ("2001", "2002"):
        desk.qms.connected(extension, timezone.now(), "a")
    desk.looks_up()

    assert [extension for _, extension, _, _ in desk.asked] == ["2002", "2001"]


def test_a_service_that_never_answers_is_distinguished_from_one_that_has_no_recording(desk: Desk) -> None:
    desk.errors["a"] = QmsUnavailable("the line is dead")
    search = desk.search(window=0.3)
    desk.looks_up()

    assert (settled(search).state, search.why, search.attempts) == (SearchState.MISSED, "unreachable", 0)
    assert "the line is dead" in search.error


def test_a_service_that_comes_back_within_the_window_is_asked_again(desk: Desk) -> None:
    desk.errors["a"] = QmsUnavailable("the line is dead")
    desk.qms.connected("2001", timezone.now(), "a")
    search = desk.search(window=3)
    desk.looks_up(seconds=0.1)
    desk.errors.clear()
    desk.looks_up()

    assert (settled(search).state, search.error) == (SearchState.FOUND, "")


@pytest.mark.parametrize(
    "other", [{"extension": "02001"}, {"started_at": datetime.fromisoformat("2020-01-01T00:00:00Z")}]
)
def test_a_recording_of_another_extension_or_of_an_earlier_time_is_not_taken(desk: Desk, other: dict[str, Any]) -> None:
    desk.qms.connected("2001", timezone.now(), "a")
    desk.reworded = lambda found: found and replace(found, **other)
    search = desk.search(window=0.3)
    desk.looks_up()

    assert (settled(search).state, search.why, search.recording_guid) == (SearchState.MISSED, "stranger", "")


def test_the_recording_that_a_leg_has_already_is_no_answer(desk: Desk) -> None:
    recording = desk.qms.connected("2001", timezone.now(), "a")
    assert recording is not None
    search = desk.search(window=0.3, known_guid=recording.guid)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, "same")


@pytest.mark.parametrize("spelt", [str.upper, "{{{}}}".format, lambda guid: guid.replace("-", "")])
def test_the_recording_that_a_leg_has_already_is_no_answer_in_another_spelling(
    desk: Desk, spelt: Callable[[str], str]
) -> None:
    recording = desk.qms.connected("2001", timezone.now(), "a")
    assert recording is not None
    desk.reworded = lambda found: found and replace(found, guid=spelt(found.guid))
    search = desk.search(window=0.3, known_guid=recording.guid)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, "same")


@pytest.mark.parametrize("guid", ["{3F2B8C1E-0000-4A11-9D21-00000000AA01}", "4711", "G" * 128])
def test_a_guid_is_kept_as_the_service_writes_it(desk: Desk, guid: str) -> None:
    desk.qms.connected("2001", timezone.now(), "a")
    desk.reworded = lambda found: found and replace(found, guid=guid)
    search = desk.search()
    desk.looks_up()

    assert (settled(search).state, search.recording_guid) == (SearchState.FOUND, guid)


def test_a_guid_that_is_too_long_spoils_no_other_answer(desk: Desk) -> None:
    """Of questions that are settled together: the others are found, and its leg is missed with the reason."""
    for number in (2001, 2002):
        desk.qms.connected(str(number), timezone.now(), "a")
    desk.reworded = lambda found: found and replace(found, guid="G" * 129 if found.extension == "2001" else found.guid)
    odd, good = desk.search(1, window=0.3), desk.search(2, window=0.3)
    desk.looks_up()

    assert (settled(odd).state, settled(good).state) == (SearchState.MISSED, SearchState.FOUND)
    assert odd.why == "unreachable"


def test_another_legs_recording_is_no_answer(desk: Desk) -> None:
    recording = desk.qms.connected("2001", timezone.now() - timedelta(seconds=2), "a")
    assert recording is not None
    Leg.objects.create(
        id=leg_key(desk.source.pk, 99),
        source=desk.source,
        call_id="C9",
        device_id="2001",
        phase="open",
        connected_at=timezone.now(),
        folded_at=timezone.now(),
        outcome="waiting",
        facts=b"",
        recording_guid=recording.guid,
    )
    search = desk.search(window=0.3)
    desk.looks_up()

    assert (settled(search).state, search.why) == (SearchState.MISSED, "same")


def test_what_began_as_the_leg_was_connected_is_reported_though_another_open_leg_has_it(desk: Desk) -> None:
    recording = desk.qms.connected("2001", timezone.now(), "a")
    assert recording is not None
    Leg.objects.create(
        id=leg_key(desk.source.pk, 99),
        source=desk.source,
        call_id="C9",
        device_id="2001",
        phase="open",
        connected_at=timezone.now(),
        folded_at=timezone.now(),
        outcome="waiting",
        facts=b"",
        recording_guid=recording.guid,
    )
    search = desk.search(window=0.3)
    desk.looks_up()

    assert settled(search).state == SearchState.FOUND


def test_a_user_marked_any_is_asked_for_at_the_next_service_when_the_first_is_away(desk: Desk) -> None:
    desk.errors["a"] = QmsUnavailable("the line is dead")
    desk.qms.connected("2001", timezone.now(), "b")
    search = desk.search(window=3, services=[desk.a.pk, desk.b.pk])
    is_open = desk.looks_up()
    assert (is_open, settled(search).service_id) == (None, desk.b.pk)
    desk.looks_up(desk.b)

    assert (settled(search).state, search.service_id) == (SearchState.FOUND, desk.b.pk)
    assert [slug for slug, *_ in desk.asked] == ["a", "b"]


def test_the_services_take_turns_while_none_answers(desk: Desk) -> None:
    desk.errors |= {"a": QmsUnavailable("dead"), "b": QmsUnavailable("dead")}
    search = desk.search(window=0.6, services=[desk.a.pk, desk.b.pk])
    while settled(search).state == SearchState.OPEN:
        desk.looks_up(RecordingService.objects.get(pk=search.service_id), seconds=0.2)

    slugs = [slug for slug, *_ in desk.asked]
    assert slugs[:4] == ["a", "b", "a", "b"]
    assert search.why == "unreachable"


def test_a_search_that_was_cancelled_meanwhile_stays_cancelled(desk: Desk) -> None:
    search = desk.search()
    now = timezone.now()
    RecordingSearch.objects.update(state=SearchState.CANCELLED)
    settle(desk.a, [PendingQuestion(search, now, recording=Recording("G1", "2001", now))], now)

    assert (settled(search).state, search.recording_guid) == (SearchState.CANCELLED, "")


def test_a_cancelled_search_is_not_asked(desk: Desk) -> None:
    desk.search(state=SearchState.CANCELLED)

    assert (desk.looks_up(), desk.asked) == (None, [])


def test_of_two_search_workers_one_asks(desk: Desk) -> None:
    search = desk.search(window=3)
    first, second = desk.worker(), desk.worker()

    assert [one.pk for one in first._claim(4)] == [search.pk]
    assert second._claim(4) == []


def test_of_two_search_workers_that_saw_the_same_search_one_wins(desk: Desk) -> None:
    desk.search(window=3)
    now = timezone.now()
    seen = [list(RecordingSearch.objects.all()) for _ in range(2)]

    assert [len(desk.worker()._claimed(rows, now)) for rows in seen] == [1, 0]


def test_the_claim_of_a_search_worker_that_died_runs_out_soon_whatever_the_time_out(desk: Desk) -> None:
    RecordingService.objects.filter(pk=desk.a.pk).update(timeout_seconds=60)
    search = desk.search(window=60)
    desk.worker()._claim(4)
    later = SearchWorker(desk.a, lambda: timezone.now() + timedelta(seconds=4), desk.connect)

    assert [one.pk for one in later._claim(4)] == [search.pk]


def test_a_search_whose_answer_takes_long_stays_with_its_search_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=0.5))
    monkeypatch.setattr(worker, "RENEW_EVERY_SECONDS", 0.1)
    search, gate = desk.search(window=60), desk.gates.setdefault("a", threading.Event())
    one_worker = desk.worker()
    for one in one_worker._claim(4):
        one_worker.pool.submit(one_worker._ask_for_guid, one)
    long = time.monotonic() + 2
    while time.monotonic() < long:
        one_worker._harvest(time.monotonic() + 0.05)
    others = desk.worker()._claim(4)
    gate.set()
    while one_worker.pending:
        one_worker._harvest(time.monotonic() + 0.05)
        assert time.monotonic() < long + 10, "No answer came."

    assert others == []
    assert (settled(search).attempts, settled(search).claimed_until) == (1, None)


def test_a_search_worker_that_is_asked_to_stop_gives_its_searches_back_and_claims_no_more(desk: Desk) -> None:
    search, gate = desk.search(window=60), desk.gates.setdefault("a", threading.Event())

    def now() -> datetime:
        if desk.asked:
            stop.ask()
        return timezone.now()

    try:
        assert look_up(desk.a.pk, now, desk.connect, seconds=60) == settled(search).next_at
        assert (settled(search).state, settled(search).claimed_until) == (SearchState.OPEN, None)
        desk.search(2)
        assert look_up(desk.a.pk, now, desk.connect, seconds=60) is None
    finally:
        stop.forget()
        gate.set()
    assert [extension for _, extension, *_ in desk.asked] == ["2001"]


def test_a_second_call_leaves_all_to_the_search_worker_that_runs(desk: Desk) -> None:
    answers: list[datetime | None] = []

    def now() -> datetime:
        if not answers:
            answers.append(desk.looks_up())
        return timezone.now()

    look_up(desk.a.pk, now, desk.connect, seconds=0.1)
    assert answers == [None]


def test_a_worker_ends_when_nothing_is_due_and_says_when_something_is(desk: Desk) -> None:
    search = desk.search(next_at=timezone.now() + timedelta(seconds=30), window=60)
    begin = time.monotonic()

    assert look_up(desk.a.pk, timezone.now, desk.connect, seconds=20) == search.next_at
    assert desk.asked == []
    assert time.monotonic() - begin < 10


def test_a_search_that_another_worker_has_is_due_when_its_claim_runs_out(desk: Desk) -> None:
    until = timezone.now() + timedelta(seconds=3)
    RecordingSearch.objects.filter(pk=desk.search().pk).update(claimed_until=until)

    assert next_due(desk.a.pk) == until


def test_more_than_may_be_in_flight_is_claimed_ahead_of_a_service_that_is_quick_and_of_no_other(desk: Desk) -> None:
    for number in range(1, 7):
        desk.search(number, window=60)
    one_worker = desk.worker()
    assert one_worker._look(one_worker._room()) == 4

    one_worker._harvest(time.monotonic() + 5)
    assert one_worker._room() == 4 * worker.CLAIMS_A_THREAD

    gate = desk.gates.setdefault("a", threading.Event())
    assert one_worker._look(one_worker._room()) == 2
    one_worker._harvest(time.monotonic() + 0.05)
    assert one_worker._room() == 4 - 2
    gate.set()
    one_worker._end()


def test_no_more_questions_are_on_their_way_than_the_service_allows(desk: Desk) -> None:
    for number in range(1, 10):
        desk.qms.connected(str(2000 + number), timezone.now(), "a")
        desk.search(number, window=5)
    desk.before_answer = lambda _: wait_until(lambda: desk.busiest >= 4, "a fourth question")
    desk.looks_up()

    assert (desk.busiest, RecordingSearch.objects.filter(state=SearchState.FOUND).count()) == (4, 9)


def test_the_time_slice_ends_though_searches_are_open(desk: Desk) -> None:
    desk.search(window=30)
    begin = time.monotonic()

    assert desk.looks_up(seconds=0.2) is not None
    assert time.monotonic() - begin < 10


def test_what_qms_calls_early_is_measured_by_its_own_clock(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.search.worker.qms_api.clock_offset_seconds", lambda _: 30.0)
    began = timezone.now() + timedelta(seconds=30)
    desk.reworded = lambda _: Recording("G1", "2001", began)
    search = desk.search(window=3)
    desk.looks_up()

    assert desk.asked[0][3] == search.not_started_before + timedelta(seconds=30)
    assert settled(search).recording_started_at == began - timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
def test_a_service_that_hangs_does_not_delay_another(desk: Desk) -> None:
    desk.gates["a"] = threading.Event()
    desk.qms.connected("2002", timezone.now(), "b")
    desk.search(1, window=5)
    other = desk.search(2, window=5, service=desk.b)

    def slow() -> None:
        desk.looks_up(seconds=0.5)
        connection.close()

    hanging = threading.Thread(target=slow)
    hanging.start()
    desk.looks_up(desk.b)
    desk.gates["a"].set()
    hanging.join(10)

    assert not hanging.is_alive()
    found = settled(other)
    assert found.answered_at is not None
    assert found.answered_at - found.connected_at < timedelta(milliseconds=500)


def test_the_next_service_is_asked_where_the_first_knows_of_no_recording(desk: Desk) -> None:
    """A user marked "Any" may be recorded by each of the services."""
    search = desk.search(window=0.6, services=[desk.a.pk, desk.b.pk])
    while settled(search).state == SearchState.OPEN:
        desk.looks_up(RecordingService.objects.get(pk=search.service_id), seconds=0.2)

    assert [slug for slug, *_ in desk.asked][:4] == ["a", "b", "a", "b"]
    assert search.why == "none"
