"""A search worker's turn: when it ends, what it learns of its service, who is woken, and what it leaves behind."""

import threading
from datetime import datetime
from time import monotonic
from typing import Any

import pytest

from calls.core.commands import StartSearch
from calls.core.state import LegPhase
from calls.models import Leg, RecordingSearch, SearchState
from calls.search import settling, worker
from calls.search.claims import claim_due, known_recordings
from calls.search.due import next_due
from calls.search.kept_answers import recall
from calls.search.settling import PendingQuestion, settle
from calls.search.worker import look_up
from calls.storage.codec import leg_key
from clock.stopping import stop
from cti.api import answers_stream, searches_stream
from cti.models import CtiSource
from flags.models import FlagWrite
from qms.models import ServiceHealth
from qms.port import QmsError, QmsUnavailable, QmsUnclear, Recording
from telemetry.counters import SEARCH_ANSWERS
from tests.calls.search_desk import NOW, Desk, second, settled, standing_desk

GUID = "3f2b8c1e-0000-4a11-9d21-00000000aa01"
BRACED = "{3F2B8C1E-0000-4A11-9D21-00000000AA01}"
AWAY = QmsUnavailable("away")


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source, at a time that stands still."""
    return standing_desk()


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Give the streams on which somebody was woken."""
    streams: set[str] = set()
    for place in ("wakeups", "database_memory"):
        monkeypatch.setattr(f"cti.journal.{place}.add_wake_ups", lambda _, names: streams.update(names))
    return streams


def _answered(
    search: RecordingSearch, guid: str = "", began: datetime = NOW, error: QmsError | None = None
) -> PendingQuestion:
    found = Recording(guid, search.extension, began) if guid else None
    return PendingQuestion(search, NOW, recording=found, error=error)


def _leg(desk: Desk, guid: str, phase: str = "closed") -> None:
    Leg.objects.create(
        id=leg_key(desk.source.pk, 99),
        source=desk.source,
        call_id="C9",
        device_id="2001",
        phase=phase,
        connected_at=NOW,
        folded_at=NOW,
        outcome="waiting",
        facts=b"",
        recording_guid=guid,
    )


def _flag_write(desk: Desk, guid: str) -> None:
    FlagWrite.objects.create(
        leg_id=99,
        source_id=desk.source.pk,
        service=desk.a,
        recording_guid=guid,
        part="base",
        state="refused",
        not_before=NOW,
        created_at=NOW,
    )


# --- what is known of a recording ---


def test_a_recording_that_was_named_before_keeps_the_spelling_of_then(desk: Desk) -> None:
    _leg(desk, GUID)
    search = desk.search()
    settle(desk.a, [_answered(search, BRACED, second(0.1))], NOW)

    assert (settled(search).state, search.recording_guid) == (SearchState.FOUND, GUID)
    assert search.recording_started_at == second(0.1)


def test_a_recording_whose_flags_were_sent_is_no_answer_in_any_spelling(desk: Desk) -> None:
    _flag_write(desk, GUID)
    first, second = desk.search(1), desk.search(2)
    settle(desk.a, [_answered(first, BRACED), _answered(second, GUID)], NOW)

    assert {(settled(one).state, one.why) for one in (first, second)} == {(SearchState.OPEN, "same")}


@pytest.mark.parametrize("phase", LegPhase)
def test_a_recording_is_held_by_its_leg_until_that_is_over_and_again_when_it_is_settled(
    desk: Desk, phase: LegPhase
) -> None:
    _leg(desk, GUID, phase.value)
    known = known_recordings([BRACED])

    assert (GUID in known.firm) is (phase in (LegPhase.OPEN, LegPhase.SETTLED))
    assert known.flagged == frozenset()
    assert list(known.spelling.values()) == [GUID]


def test_a_recording_with_flags_is_known_as_such_and_others_are_not_known(desk: Desk) -> None:
    _flag_write(desk, GUID)

    assert known_recordings([GUID.upper()]).flagged == {GUID}
    assert known_recordings([GUID]).firm == known_recordings(["other"]).flagged == frozenset()
    assert known_recordings([]).spelling == {}


@pytest.mark.parametrize(("earlier", "state"), [(1.0, SearchState.FOUND), (1.000001, SearchState.OPEN)])
def test_another_legs_recording_may_be_this_ones_where_it_began_no_more_than_a_second_before_it_was_connected(
    desk: Desk, earlier: float, state: SearchState
) -> None:
    _leg(desk, GUID, "open")
    search = desk.search()
    settle(desk.a, [_answered(search, GUID, second(-earlier))], NOW)

    assert settled(search).state == state


# --- who is woken by an answer, and what it says of the service ---


def test_a_found_recording_wakes_its_source_alone(desk: Desk, woken: set[str]) -> None:
    settle(desk.a, [_answered(desk.search(), GUID)], NOW)

    assert woken == {answers_stream(desk.source.pk)}


def test_a_search_that_is_asked_again_wakes_nobody_and_one_that_goes_on_the_next_service(
    desk: Desk, woken: set[str]
) -> None:
    settle(desk.a, [_answered(desk.search())], NOW)
    assert woken == set()

    settle(desk.a, [_answered(desk.search(2, services=[desk.a.pk, desk.b.pk]))], NOW)
    assert woken == {searches_stream(desk.b.pk)}


def test_what_qms_answered_is_kept_for_a_database_that_is_restored(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[RecordingSearch] = []
    monkeypatch.setattr(settling, "keep", kept.extend)
    search = desk.search(window=60)
    settle(desk.a, [_answered(search, GUID)], NOW)

    assert [(one.pk, one.recording_guid) for one in kept] == [(search.pk, GUID)]


@pytest.mark.parametrize(
    ("services", "service", "expected"),
    [([1, 2, 3], 1, 2), ([1, 2, 3], 2, 3), ([1, 2, 3], 3, 1), ([1, 2, 3], 9, 1), ([2], 2, 2), ([], 5, 5)],
)
def test_a_search_goes_from_service_to_service_in_their_order(services: list[int], service: int, expected: int) -> None:
    assert settling._next_service(RecordingSearch(services=services, service_id=service)) == expected


def test_each_answer_is_counted_once_by_its_end(desk: Desk) -> None:
    def counted() -> list[float]:
        return [SEARCH_ANSWERS.labels("a", one)._value.get() for one in ("found", "none", "error")]

    before = counted()
    answers = [_answered(desk.search(1), GUID), _answered(desk.search(2)), _answered(desk.search(3), error=AWAY)]
    settle(desk.a, [*answers, _answered(desk.search(4), "stranger", second(-60))], NOW)

    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 2, 1]


@pytest.mark.parametrize(("errors", "failures"), [([AWAY, None], 0), ([QmsUnavailable("first"), AWAY], 1)])
def test_a_service_that_answers_any_question_is_well(desk: Desk, errors: list[QmsError | None], failures: int) -> None:
    settle(desk.a, [_answered(desk.search(number), error=one) for number, one in enumerate(errors)], NOW)
    health = ServiceHealth.objects.get(service=desk.a)

    assert (health.failures, health.ok_at) == ((1, None) if failures else (0, NOW))
    assert health.error == ("Unavailable: away" if failures else "")


def test_an_error_is_kept_with_its_code_and_cut(desk: Desk) -> None:
    search = desk.search()
    settle(desk.a, [_answered(search, error=QmsUnavailable("x" * 600))], NOW)

    assert (settled(search).error, search.attempts) == (f"Unavailable: {'x' * 487}", 0)


def test_a_search_that_qms_answered_without_a_recording_is_kept_when_it_is_missed(desk: Desk, woken: set[str]) -> None:
    desk.search(deadline=NOW, attempts=2)
    other = CtiSource.objects.create(slug="other", kind="http")
    desk.search(2, deadline=NOW, attempts=1, source=other, leg_id=leg_key(other.pk, 2), claimed_until=second(-1))
    desk.worker()._claim(4)

    asked = StartSearch(
        leg=1,
        search=RecordingSearch.objects.get(source=desk.source).ordinal,
        services=(desk.a.pk,),
        extension="2001",
        connected_source_at=NOW,
        since_gateway_at=NOW,
        known_guid="",
        is_canary=False,
    )
    assert [one.why for one in recall("pbx", [asked]).values()] == ["none"]
    assert woken == {answers_stream(desk.source.pk), answers_stream(other.pk)}
    assert RecordingSearch.objects.filter(claimed_until=None).count() == 2


# --- a question ---


def test_a_defect_of_the_gateway_is_the_unclear_end_of_one_question(desk: Desk) -> None:
    def fails(_: Any) -> None:
        raise ValueError

    desk.reworded = fails
    one_worker, search = desk.worker(), desk.search()
    one_worker._ask_for_guid(search)
    asked = one_worker.inbox.get_nowait()

    assert (asked.search, asked.asked_at, asked.recording) == (search, NOW, None)
    assert isinstance(asked.error, QmsUnclear)
    assert str(asked.error) == "The gateway itself failed (ValueError)."


def test_an_error_of_qms_is_the_end_of_its_question(desk: Desk) -> None:
    desk.errors["a"] = AWAY
    one_worker, search = desk.worker(), desk.search()
    one_worker._ask_for_guid(search)

    assert one_worker.inbox.get_nowait() == PendingQuestion(search, NOW, error=AWAY)


def test_where_a_service_that_answers_is_asked_again_is_when_its_worker_looks_next(desk: Desk) -> None:
    """Not where the search went on to another service, and not later than what is due before."""
    onward, again = desk.search(1, services=[desk.a.pk, desk.b.pk]), desk.search(2, window=60)
    one_worker = desk.worker()
    for search, next_at in ((onward, None), (again, None), (again, second(0.001))):
        one_worker.pending, one_worker.next_at = {search.pk: NOW}, next_at
        search.service_id = desk.a.pk
        one_worker.inbox.put(_answered(search))
        one_worker._harvest(monotonic())
        assert one_worker.next_at == (next_at or (None if search is onward else search.next_at))
        assert one_worker.pending == {}


# --- a turn ---


def test_a_worker_whose_time_is_over_or_that_stops_asks_nothing(desk: Desk) -> None:
    search = desk.search(window=60)
    assert desk.worker().run(0) == search.next_at

    stop.ask()
    try:
        assert desk.worker().run(60) == search.next_at
        assert look_up(desk.a.pk, desk.now, desk.connect) is None
    finally:
        stop.forget()
    assert (desk.asked, settled(search).claimed_until) == ([], None)


@pytest.mark.parametrize(
    ("quick", "asked", "room"), [(False, 0, 4), (False, 3, 1), (False, 4, 0), (False, 5, 0), (True, 4, 4)]
)
def test_a_worker_claims_no_more_than_its_threads_can_ask(desk: Desk, quick: bool, asked: int, room: int) -> None:
    one_worker = desk.worker()
    one_worker.service.max_in_flight, one_worker.is_quick = 4, quick
    one_worker.pending = dict.fromkeys(range(asked), NOW)

    assert one_worker._room() == (room if not quick else 4 * worker.CLAIMS_A_THREAD - asked)


def test_a_worker_that_waits_for_an_answer_looks_again_without_a_pause_once_its_time_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.search(window=60)
    gate, slept = desk.gates.setdefault("a", threading.Event()), list[float]()

    def sleeps(seconds: float) -> None:
        slept.append(seconds)
        gate.set()
        stop.ask()

    monkeypatch.setattr(worker, "sleep", sleeps)
    try:
        desk.worker().run(60)
    finally:
        stop.forget()

    assert len(slept) == 1
    assert 0 <= slept[0] <= worker.LOOK_EVERY_SECONDS


def test_a_claim_is_renewed_no_sooner_than_a_second_after_its_worker_began(desk: Desk) -> None:
    before = monotonic()

    assert before + 1 <= desk.worker().renew_at <= monotonic() + 1


def test_a_worker_that_ends_takes_what_is_answered_meanwhile(desk: Desk) -> None:
    search = desk.search(window=60)
    one_worker = desk.worker()
    one_worker._look(4)
    one_worker._end()

    assert (one_worker.pending, settled(search).attempts, search.claimed_until) == ({}, 1, None)


def test_a_worker_that_stops_gives_back_what_is_not_answered_within_half_a_second(desk: Desk) -> None:
    search, gate = desk.search(window=60), desk.gates.setdefault("a", threading.Event())
    one_worker, began = desk.worker(), monotonic()
    one_worker._look(4)
    stop.ask()
    try:
        one_worker._end()
    finally:
        stop.forget()
        gate.set()

    assert monotonic() - began >= worker.STOP_SECONDS
    assert worker.STOP_SECONDS == 0.5
    assert (settled(search).claimed_until, search.attempts) == (None, 0)


def test_a_claim_says_when_another_search_is_due_that_the_worker_does_not_ask_for(desk: Desk) -> None:
    desk.search(1, window=60)
    later = desk.search(2, next_at=second(5), window=60)
    asked = desk.search(3, next_at=second(1), window=60)
    claimed = claim_due(desk.a.pk, NOW, second(3), 9, {asked.pk})

    assert ([one.leg_id for one in claimed.rows], claimed.next_at) == ([leg_key(desk.source.pk, 1)], later.next_at)
    assert next_due(desk.a.pk, {later.pk}) == asked.next_at
    assert next_due(desk.b.pk) is None


@pytest.mark.parametrize(("limit", "claimed"), [(9, [9, 6, 5, 8, -1]), (3, [9, 6, 5, -1])])
def test_new_searches_are_claimed_before_those_that_were_asked_for_and_the_late_ones_besides(
    desk: Desk, limit: int, claimed: list[int]
) -> None:
    for number, (window, attempts) in enumerate([(5, 0), (9, 0), (8, 1), (6, 0), (-1, 0)], start=1):
        desk.search(number, window=window, attempts=attempts)

    rows = claim_due(desk.a.pk, NOW, second(3), limit).rows
    assert [row.deadline for row in rows if row.deadline > NOW] == [second(one) for one in claimed if one > 0]
    assert len(rows) == len(claimed)
    assert {settled(row).claimed_until for row in rows} == {second(3)}
