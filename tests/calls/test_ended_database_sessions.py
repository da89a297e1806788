"""A PostgreSQL that ended the gateway's sessions, as each restart does: who works on finds new ones within seconds."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime

import pytest
from django.db import DatabaseError, connection

from bulk.statements import fetched
from calls.jobs import fold_sources
from calls.models import Checkpoint
from calls.pipeline import events_loop
from calls.pipeline.consumer import Folded
from calls.pipeline.events_loop import EventsLoop
from calls.service_workers import Reason, ServiceWorker, ServiceWorkers
from clock.stopping import stop
from cti.api import searches_stream, wake
from cti.journal.writer import JournalWriter
from cti.listener.status import LinkFacts, StatusReporter
from cti.models import LinkStatus
from devtools.servers import wait_until
from tests.cti.examples import established, source

pytestmark = [pytest.mark.usefixtures("redis"), pytest.mark.django_db(transaction=True)]

#: Well below the minute in which a session's age is looked at.
SECONDS = 15


@pytest.fixture(autouse=True)
def _postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no sessions")


def end_sessions() -> None:
    """End all sessions of the database but that of the calling thread."""
    fetched(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        [],
    )


@contextmanager
def at_work(run: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Run a loop beside the test, until the process is asked to stop."""
    thread = threading.Thread(target=run, args=(lambda: None,))
    thread.start()
    try:
        yield
    finally:
        stop.ask()
        thread.join(10)
        stop.forget()
        assert not thread.is_alive()


def test_events_are_folded_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_loop, "SOURCES_SECONDS", 3600.0)  # That look would notice it, too.
    source("pbx", "http")
    writer = JournalWriter("pbx", 5000)
    with at_work(fold_sources):
        writer.append([established("1")])
        wait_until(lambda: Checkpoint.objects.filter(events=1).exists(), "the first event", SECONDS)
        end_sessions()
        writer.append([established("2")])
        wait_until(lambda: Checkpoint.objects.filter(events=2).exists(), "the second event", SECONDS)


class FailingOnce:
    """A source's folding, of which a defect hides that its database session has ended; the next one asks again."""

    def __init__(self) -> None:
        self.folds = self.asked = 0

    def fold(self, limit: int, *, with_answers: bool, with_settled: bool) -> Folded | None:
        self.folds += 1
        if self.folds == 1:
            with suppress(DatabaseError):
                fetched("SELECT pg_terminate_backend(pg_backend_pid())", [])
            raise RuntimeError("a defect")
        self.asked += len(fetched("SELECT 1", []))
        return None

    def position(self) -> str | None:
        return None

    def due_in(self) -> float | None:
        return None

    def note_journal_away(self) -> None:
        """Do nothing."""


class AllLeases:
    """Leases of every source."""

    def renew(self, slugs: list[str], worked: Mapping[str, float]) -> set[str]:
        return set(slugs)


def test_a_defect_that_hides_an_ended_session_fails_no_second_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: the fold after it failed, too, by the session that had ended."""
    monkeypatch.setattr(events_loop, "DEFECT_SECONDS", 0.0)
    folding = FailingOnce()
    loop = EventsLoop(AllLeases(), lambda: {"pbx": 7}, lambda _: folding, lambda *_: {})
    while folding.folds < 2:
        loop.turn()

    assert folding.asked == 1


def test_a_services_worker_works_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.service_workers.FOLLOW_SECONDS", 0.01)
    monkeypatch.setattr("calls.service_workers.REST_SECONDS", 0.01)
    worked, followed = Counter[int](), Counter[int]()

    def session() -> int:
        [[found]] = fetched("SELECT pg_backend_pid()", [])
        return int(found)

    def services() -> set[int]:
        followed[session()] += 1
        return {7}

    def work(_: Reason) -> datetime | None:
        worked[session()] += 1
        return None

    workers = ServiceWorkers(services, lambda _: ServiceWorker(work, searches_stream(7), 0.01, 30))
    with at_work(workers.run):
        wait_until(lambda: bool(worked and followed), "the first looks", SECONDS)
        wake(searches_stream(7))
        wait_until(lambda: worked.total() > 1, "the second one, after which its session is kept for a minute", SECONDS)
        end_sessions()
        wake(searches_stream(7))
        wait_until(lambda: len(worked) == len(followed) == 2, "looks by other sessions", SECONDS)


def test_a_listener_reports_again_after_its_next_look_at_the_settings() -> None:
    row = source("pbx", "csta_xml", host="pbx.invalid", port=1)
    reporter = StatusReporter(row.pk, "host:1")
    reporter.settings()
    reporter.report(LinkFacts(events=1), Counter())
    another = threading.Thread(target=end_sessions)
    another.start()
    another.join()

    with pytest.raises(DatabaseError):
        reporter.report(LinkFacts(events=2), Counter())
    assert reporter.settings() is not None
    reporter.report(LinkFacts(events=3), Counter())

    assert LinkStatus.objects.get().events == 3
