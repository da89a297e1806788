"""Events that may wait gather for one append; what has a recording asked for waits for nothing."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from cti import api
from cti.events import CallData, Delivered, Event, LinkData, LinkLost, decode
from cti.journal.stream import Entry, JournalUnavailable
from cti.journal.writer import JournalWriter
from cti.listener import durable_append
from cti.listener.durable_append import DurableAppender, may_wait
from cti.listener.spool import Spool
from cti.listener.worker_thread import WorkerThread
from tests.cti.examples import AT, established

pytestmark = pytest.mark.usefixtures("redis")

Run = Callable[[Callable[["Desk"], Coroutine[Any, Any, None]]], None]


def ringing(event_id: str) -> Delivered:
    data = CallData(call_id="4711", device_id="2001")
    return Delivered(id=event_id, source="pbx", time=AT, specversion="1.0", data=data, gatewaytime=AT)


def lost(event_id: str) -> LinkLost:
    return LinkLost(id=event_id, source="pbx", time=AT, specversion="1.0", data=LinkData(), gatewaytime=AT)


def hanging(hangs: threading.Event, fails: threading.Event) -> Callable[[Sequence[Entry]], None]:
    """Return an append that says that it hangs, and fails when it is to."""

    def put(_: Sequence[Entry]) -> None:
        hangs.set()
        assert fails.wait(10)
        raise JournalUnavailable("away", retryable=True)

    return put


class Desk:
    """An appender whose appends are counted. ``appended``: the ids of the events of each."""

    def __init__(self, folder: Path) -> None:
        self.appended: list[list[str]] = []
        self.thread = WorkerThread("journal")
        writer = JournalWriter("pbx", 5000)
        self._put: Callable[[Sequence[Entry]], None] = writer.put
        writer.put = self._counted  # type: ignore[method-assign]
        self._spool = Spool(folder / "pbx", 1_000_000)
        self.appender = DurableAppender(writer, self._spool, self.thread)

    def _counted(self, entries: Sequence[Entry]) -> None:
        self._put(entries)
        self.appended.append([decode(one.payload).id for one in entries])

    def away(self, put: Callable[[Sequence[Entry]], None]) -> None:
        """Have this made of what is appended from now on."""
        self._put = put

    def spooled(self) -> list[str]:
        """Return the ids of the events of the spool."""
        return [decode(one.payload).id for one in self._spool.peek(100)]

    async def keep(self, *events: Event) -> None:
        await self.appender.keep(events)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give what runs a test at a desk, where events gather for an hour unless the test says otherwise."""
    monkeypatch.setattr(durable_append, "GATHER_SECONDS", 3600.0)

    def at_a_desk(acts: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
        async def acting() -> None:
            desk = Desk(tmp_path)
            try:
                await acts(desk)
            finally:
                desk.thread.close()

        asyncio.run(acting())

    return at_a_desk


def test_the_first_event_after_quiet_is_appended_at_once_and_those_after_it_gather(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(desk: Desk) -> None:
        await desk.keep(ringing("1"))
        assert desk.appended == [["1"]]
        await desk.keep(ringing("2"))
        await desk.keep(ringing("3"))
        assert desk.appended == [["1"]]
        monkeypatch.setattr(durable_append, "GATHER_SECONDS", 0.01)
        await desk.appender.keep_gathered()
        assert desk.appended == [["1"], ["2", "3"]]

    run(act)
    assert [decode(one.payload).id for one in api.read_journal("pbx", "0-0", 10)] == ["1", "2", "3"]


@pytest.mark.parametrize("urgent", [established("3"), lost("3")])
def test_an_event_that_may_not_wait_takes_with_it_what_came_before(run: Run, urgent: Event) -> None:
    async def act(desk: Desk) -> None:
        await desk.keep(ringing("1"))
        await desk.keep(ringing("2"))
        await desk.keep(urgent)
        assert desk.appended == [["1"], ["2", "3"]]

    run(act)


def test_many_events_do_not_wait_for_more(run: Run) -> None:
    async def act(desk: Desk) -> None:
        await desk.keep(ringing("0"))
        for number in range(1, durable_append.MANY + 1):
            await desk.keep(ringing(str(number)))
        assert [len(one) for one in desk.appended] == [1, durable_append.MANY]

    run(act)


def test_an_event_whose_link_ends_before_its_turn_is_kept_before_what_says_so(run: Run) -> None:
    async def act(desk: Desk) -> None:
        await desk.appender._appending.acquire()
        waiting = asyncio.create_task(desk.keep(established("1")))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        desk.appender._appending.release()
        await desk.keep(lost("2"))
        assert desk.appended == [["1", "2"]]

    run(act)


def test_an_event_whose_link_ends_while_it_is_appended_goes_to_the_spool_where_the_journal_is_away(
    run: Run,
) -> None:
    """Before: it was in neither, with all that had gathered, and the gap began only after it."""

    async def act(desk: Desk) -> None:
        hangs, fails = threading.Event(), threading.Event()
        await desk.keep(ringing("1"))
        desk.away(hanging(hangs, fails))
        await desk.keep(ringing("2"))
        appending = asyncio.create_task(desk.keep(established("3")))
        await asyncio.to_thread(hangs.wait, 10)
        appending.cancel()
        await asyncio.wait({appending})
        ending = asyncio.create_task(desk.keep(lost("4")))
        fails.set()
        await ending
        assert desk.spooled() == ["2", "3", "4"]

    run(act)


def test_who_empties_the_spool_is_woken_by_the_first_event_in_it_and_waits_again_when_it_is_empty(run: Run) -> None:
    async def act(desk: Desk) -> None:
        spooling = asyncio.create_task(desk.appender.wait_for_spooling())
        await desk.keep(established("1"))
        assert not spooling.done()
        hangs, fails, put = threading.Event(), threading.Event(), desk._put
        fails.set()
        desk.away(hanging(hangs, fails))
        await desk.keep(established("2"))
        await asyncio.wait_for(spooling, 10)
        desk.away(put)
        await desk.appender.catch_up()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(desk.appender.wait_for_spooling(), 0.01)
        assert desk.appended == [["1"], ["2"]]

    run(act)


def test_who_ends_can_wait_for_an_append_whose_caller_was_cancelled(run: Run) -> None:
    """Else its events would come into the spool after that was retired."""

    async def act(desk: Desk) -> None:
        hangs, fails = threading.Event(), threading.Event()
        desk.away(hanging(hangs, fails))
        appending = asyncio.create_task(desk.keep(established("1")))
        await asyncio.to_thread(hangs.wait, 10)
        unkept_since = [desk.appender.unkept_since]
        appending.cancel()
        await asyncio.wait({appending})
        settled = asyncio.create_task(desk.appender.settled())
        fails.set()
        await settled
        assert desk.spooled() == ["1"]
        assert [*unkept_since, desk.appender.unkept_since] == [established("1").at, None]
        assert desk.appender.spooling_since == established("1").at

    run(act)


def test_what_has_a_recording_asked_for_may_not_wait() -> None:
    assert may_wait(ringing("1"))
    assert not may_wait(established("1"))
    assert not may_wait(lost("1"))
