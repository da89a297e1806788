"""Which events may wait a moment before they are folded: none of those that have QMS asked for a recording."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from calls.core.commands import StartSearch
from calls.core.reducer import fold_into
from calls.core.result_events import ResultEvent
from calls.core.unit_of_work import UnitOfWork
from calls.pipeline.urgency import is_urgent
from calls.transcript.format import read, run
from cti.events import AnyEvent, Event, encode, type_in

pytestmark = pytest.mark.core

CASES = sorted((Path(__file__).parents[1] / "transcripts").glob("*.toml"))


def test_no_event_that_starts_a_search_in_a_recorded_case_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[AnyEvent | ResultEvent] = []

    def noted(work: UnitOfWork, items: Iterable[AnyEvent | ResultEvent]) -> UnitOfWork:
        given, before = list(items), len(work.commands)
        folded = fold_into(work, given)
        if any(isinstance(one, StartSearch) for one in folded.commands[before:]):
            started.extend(given)
        return folded

    monkeypatch.setattr("calls.transcript.replay.fold_into", noted)
    for path in CASES:
        run(read(path.read_text()))

    events = [one for one in started if isinstance(one, Event)]
    assert len(events) > len(CASES)
    assert {type(one).__name__ for one in events if not is_urgent(encode(one))} == set()


@pytest.mark.parametrize("payload", [b"", b"no JSON", b"[]", b'{"id": "1"}', b'{"type": 7}', b"\xff"])
def test_what_is_no_event_has_no_type_and_may_wait_for_its_quarantine(payload: bytes) -> None:
    assert type_in(payload) == ""
    assert not is_urgent(payload)
