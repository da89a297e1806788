"""When a search worker's turn ends, when it pauses, and how long it waits for what is still on its way."""

from typing import Any

import pytest

from calls.search import worker
from calls.search.claims import claim_due
from tests.calls.search_desk import NOW, Desk, second, settled, standing_desk


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source, at a time that stands still."""
    return standing_desk()


@pytest.mark.parametrize(
    ("claimed", "is_asking", "next_at", "looks", "pauses"),
    [
        (0, False, None, 1, 0),  # Nothing is due, and nothing on its way.
        (0, True, None, 2, 1),
        (1, False, None, 1, 0),  # All that was due is answered.
        (1, False, 60, 1, 0),
        (1, False, 0.025, 2, 1),  # The next is due by the next look.
        (1, True, None, 2, 1),
        (4, False, None, 2, 0),  # As many as may be asked: more may be due.
        (4, True, None, 2, 0),
    ],
)
def test_a_turn_goes_on_while_something_is_on_its_way_or_due_and_pauses_unless_more_is_due_than_may_be_asked(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    claimed: int,
    is_asking: bool,
    next_at: float | None,
    looks: int,
    pauses: int,
) -> None:
    one_worker, seen, slept = desk.worker(), list[int](), list[float]()

    def looks_once(room: int, **_: Any) -> int:
        seen.append(room)
        one_worker.pending = dict.fromkeys(range(is_asking and len(seen) == 1), NOW)
        one_worker.next_at = None if next_at is None else second(next_at)
        return claimed if len(seen) == 1 else 0

    monkeypatch.setattr(one_worker, "_look", looks_once)
    monkeypatch.setattr(one_worker, "_harvest", lambda _: None)
    monkeypatch.setattr(worker, "sleep", slept.append)

    assert one_worker.run(60) == (None if next_at is None else second(next_at))
    assert (len(seen), len(slept)) == (looks, pauses)


def test_a_worker_whose_time_is_over_waits_a_second_longer_for_answers_than_its_services_time_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_worker, search, passed = desk.worker(), desk.search(window=60), [100.0]
    one_worker.service.timeout_seconds = 3
    claim_due(desk.a.pk, NOW, second(3), 9)
    one_worker.pending = {search.pk: second(3)}

    def waits(until: float) -> None:
        assert until == passed[0] + worker.LOOK_EVERY_SECONDS
        passed[0] += 0.5

    monkeypatch.setattr(worker, "monotonic", lambda: passed[0])
    monkeypatch.setattr(one_worker, "_harvest", waits)
    one_worker._end()

    assert passed[0] == 104
    assert settled(search).claimed_until is None


def test_a_worker_without_room_does_not_look_what_is_due(desk: Desk) -> None:
    desk.search(window=60)
    one_worker = desk.worker()
    one_worker.next_at = second(7)

    assert one_worker._claim(0) == []
    assert one_worker.next_at == second(7)
