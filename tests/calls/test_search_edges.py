"""The edges of a recording search: when it may be asked, how long a claim holds, and which answer still counts."""

import random
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import pytest

from calls.core.result_events import NONE_BEGAN
from calls.models import RecordingSearch, SearchState
from calls.search import worker
from calls.search.settling import PendingQuestion, settle
from calls.search.worker import SearchWorker
from qms.port import QmsUnavailable, Recording
from tests.calls.search_desk import INTERVAL_MS, NOW, Desk, second, settled, standing_desk

TICK = timedelta(microseconds=1)


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source, at a time that stands still."""
    return standing_desk()


# --- claims ---


@pytest.mark.parametrize(("left", "is_asked"), [(-TICK, False), (0 * TICK, False), (TICK, True)])
def test_a_search_is_asked_until_its_deadline_and_missed_from_then_on(
    desk: Desk, left: timedelta, is_asked: bool
) -> None:
    search = desk.search(deadline=NOW + left)

    assert [one.pk for one in desk.worker()._claim(4)] == [search.pk] * is_asked
    assert settled(search).state == (SearchState.OPEN if is_asked else SearchState.MISSED)
    assert (search.answered_at, search.why) == ((None, "") if is_asked else (NOW, "late"))


@pytest.mark.parametrize(("until", "is_due"), [(-TICK, True), (0 * TICK, True), (TICK, False)])
def test_a_search_is_asked_from_the_moment_that_it_is_due(desk: Desk, until: timedelta, is_due: bool) -> None:
    desk.search(next_at=NOW + until)

    assert len(desk.worker()._claim(4)) == is_due


@pytest.mark.parametrize(("until", "is_free"), [(-TICK, True), (0 * TICK, False), (TICK, False)])
def test_a_claim_holds_until_its_end_and_no_longer(desk: Desk, until: timedelta, is_free: bool) -> None:
    desk.search(claimed_until=NOW + until)

    assert len(desk.worker()._claim(4)) == is_free
    assert desk.worker()._claim(4) == []


@pytest.mark.parametrize(("free", "claimed"), [(-1, 0), (0, 0), (1, 1), (2, 2), (9, 3)])
def test_no_more_is_claimed_than_there_is_room_for(desk: Desk, free: int, claimed: int) -> None:
    for number in (1, 2, 3):
        desk.search(number)

    assert len(desk.worker()._claim(free)) == claimed


@pytest.mark.parametrize(("answered", "of", "room"), [(3, 5, 2), (4, 5, 63), (3, 3, 64)])
def test_a_service_that_answered_as_many_as_may_be_on_their_way_is_quick(
    desk: Desk, answered: int, of: int, room: int
) -> None:
    """Four may be on their way; sixteen times that are claimed ahead of a quick one."""
    searches = [desk.search(number) for number in range(1, of + 1)]
    one_worker = desk.worker()
    one_worker.pending = {one.pk: NOW for one in searches}
    for search in searches[:answered]:
        one_worker.inbox.put(PendingQuestion(search, NOW))
    one_worker._harvest(monotonic())

    assert one_worker._room() == room


def test_a_claim_is_renewed_once_a_second_while_its_worker_waits(desk: Desk) -> None:
    search = desk.search()
    one_worker = desk.worker()
    one_worker._claim(4)
    claim = settled(search).claimed_until
    assert claim is not None
    assert second(3) <= claim < second(4)

    one_worker.renew_at = monotonic() + 60
    one_worker.now = lambda: second(2)
    one_worker._renew()
    assert settled(search).claimed_until == claim

    one_worker.renew_at = before = monotonic()
    one_worker._renew()
    renewed = settled(search).claimed_until
    assert renewed is not None
    assert second(5) <= renewed < second(6)
    assert one_worker.pending == {search.pk: renewed}
    assert before + 1 <= one_worker.renew_at < before + 60


def test_a_claim_that_another_worker_has_by_now_is_neither_renewed_nor_given_back(desk: Desk) -> None:
    search = desk.search()
    one_worker = desk.worker()
    one_worker._claim(4)
    RecordingSearch.objects.update(claimed_until=second(7))
    one_worker.renew_at = monotonic()
    one_worker._renew()
    one_worker._give_back()

    assert settled(search).claimed_until == second(7)


@pytest.mark.parametrize(("until", "is_soon"), [(0.025, True), (0.025001, False), (None, False)])
def test_a_worker_waits_for_what_is_due_by_its_next_look(desk: Desk, until: float | None, is_soon: bool) -> None:
    assert desk.worker()._is_soon(None if until is None else second(until)) is is_soon


# --- the next question ---


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
def test_questions_are_spread_by_a_tenth_of_their_interval_to_either_side(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, chance: float, share: float
) -> None:
    search = desk.search(window=60)
    monkeypatch.setattr(random, "random", lambda: chance)
    settle(desk.a, [PendingQuestion(search, NOW)], NOW)

    assert settled(search).next_at - NOW == timedelta(milliseconds=INTERVAL_MS * share)


def test_the_last_question_is_due_at_the_deadline_where_an_interval_would_end_later(desk: Desk) -> None:
    search = desk.search(window=0.01)
    settle(desk.a, [PendingQuestion(search, NOW)], NOW)

    assert settled(search).next_at == search.deadline


# --- answers ---


def _answer(search: RecordingSearch, asked: datetime, began: datetime | None = None, guid: str = "G") -> None:
    found = Recording(guid, search.extension, began) if began is not None else None
    settle(search.service, [PendingQuestion(search, asked, recording=found)], NOW)


@pytest.mark.parametrize(("began", "state"), [(-3.000001, SearchState.OPEN), (-3, SearchState.FOUND)])
def test_a_recording_of_before_the_search_began_is_anothers(desk: Desk, began: float, state: SearchState) -> None:
    search = desk.search()
    _answer(search, NOW, second(began))

    assert (settled(search).state, search.why) == (state, "" if state == SearchState.FOUND else "stranger")


@pytest.mark.parametrize(("earlier", "counted"), [(1.499, 2.0), (1.5, 1.5), (1.6, 1.6)])
@pytest.mark.parametrize("is_error", [False, True])
def test_the_answer_that_counts_is_the_first_of_a_second_and_a_half_after_connected(
    desk: Desk, earlier: float, counted: float, is_error: bool
) -> None:
    """Until then a recording may still begin. An answer is no answer where the service could not be asked."""
    search = desk.search(asked_at=second(earlier), known_guid="G0")
    error = QmsUnavailable("away") if is_error else None
    settle(desk.a, [PendingQuestion(search, second(2), error=error)], NOW)

    assert settled(search).asked_at == second(earlier if is_error else counted)
    assert search.why == ("unreachable" if is_error and earlier < 1.5 else "")
    assert search.attempts == (0 if is_error else 1)


def test_that_a_search_was_asked_first_is_noted_once(desk: Desk) -> None:
    search = desk.search()
    _answer(search, second(0.1))
    _answer(search, second(0.2))

    assert (settled(search).first_asked_at, search.asked_at, search.attempts) == (second(0.1), second(0.2), 2)


@pytest.mark.parametrize(
    ("known", "attempts", "why", "said"),
    [("G0", 0, "", ""), ("G0", 1, "", "none"), ("G0", 1, "same", "same"), ("", 1, "same", "")],
)
def test_what_qms_said_before_it_named_another_recording_is_kept_after_a_transfer(
    desk: Desk, known: str, attempts: int, why: str, said: str
) -> None:
    search = desk.search(known_guid=known, attempts=attempts, why=why)
    _answer(search, second(0.3), NOW)

    assert (settled(search).state, search.why, search.asked_at) == (SearchState.FOUND, said, second(0.3))


@pytest.mark.parametrize(("asked", "said"), [(1.49, "none"), (1.5, NONE_BEGAN), (2.5, NONE_BEGAN), (2.51, "none")])
def test_that_qms_named_none_when_one_of_the_transfer_would_be_there_is_kept_with_the_next_calls_recording(
    desk: Desk, asked: float, said: str
) -> None:
    search = desk.search(known_guid="G0", attempts=8, asked_at=second(asked))
    _answer(search, second(6), NOW)

    assert (settled(search).state, search.why, search.asked_at) == (SearchState.FOUND, said, second(6))


@pytest.mark.parametrize(("services", "error"), [(1, ""), (2, "away")])
def test_an_error_is_forgotten_with_the_next_answer_unless_it_was_another_service(
    desk: Desk, services: int, error: str
) -> None:
    search = desk.search(services=[desk.a.pk, desk.b.pk][:services], error="away")
    _answer(search, NOW)

    assert settled(search).error == error


@pytest.mark.parametrize(
    ("first", "of", "second", "is_at_once"),
    [("a", "ab", "b", True), ("b", "ab", "a", False), ("a", "a", "a", False), ("a", "", "a", False)],
)
def test_services_are_asked_in_turn_and_a_round_waits_its_interval(
    desk: Desk, first: str, of: str, second: str, is_at_once: bool
) -> None:
    services = {"a": desk.a, "b": desk.b}
    search = desk.search(service=services[first], services=[services[one].pk for one in of], window=60)
    _answer(search, NOW)

    assert settled(search).service_id == services[second].pk
    assert (search.next_at == NOW) is is_at_once


@pytest.mark.parametrize(
    ("error", "attempts", "why", "said"),
    [("", 0, "", "late"), ("", 2, "", "none"), ("away", 2, "", "unreachable"), ("away", 2, "same", "same")],
)
def test_a_search_that_is_over_says_why_it_has_no_recording(
    desk: Desk, error: str, attempts: int, why: str, said: str
) -> None:
    search = desk.search(deadline=NOW, error=error, attempts=attempts, why=why)
    SearchWorker(desk.a, lambda: NOW, desk.connect)._claim(4)

    assert settled(search).why == said


def test_the_services_clock_is_taken_into_account(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is two seconds ahead: what it says began at 2 began at 0."""
    monkeypatch.setitem(worker._offsets, desk.a.pk, 2.0)
    ahead = _Ahead()
    monkeypatch.setattr(desk, "connect", lambda _: ahead)
    search = desk.search(not_started_before=second(-3))
    found = desk.worker()._found(search)

    assert found is not None
    assert found.started_at == NOW
    assert ahead.asked == [("2001", second(-1))]


class _Ahead:
    def __init__(self) -> None:
        self.asked: list[tuple[str, datetime]] = []

    def find_live_recording(self, extension: str, not_started_before: datetime) -> Recording:
        self.asked.append((extension, not_started_before))
        return Recording("G", extension, second(2))
