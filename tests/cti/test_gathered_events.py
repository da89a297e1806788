"""Events that may wait gather for one append; what has a recording asked for waits for nothing."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from cti import api
from cti.events import CallData, Delivered, Event, LinkData, LinkLost, decode
from cti.journal.stream import Entry
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


class Desk:
    """An appender whose appends are counted. ``appended``: the ids of the events of each."""

    def __init__(self, folder: Path) -> None:
        self.appended: list[list[str]] = []
        self.thread = WorkerThread("journal")
        writer = JournalWriter("pbx", 5000)
        self._put, writer.put = writer.put, self._counted  # type: ignore[method-assign]
        self.appender = DurableAppender(writer, Spool(folder / "pbx", 1_000_000), self.thread)

    def _counted(self, entries: Sequence[Entry]) -> None:
        self._put(entries)
        self.appended.append([decode(one.payload).id for one in entries])

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


def test_what_has_a_recording_asked_for_may_not_wait() -> None:
    assert may_wait(ringing("1"))
    assert not may_wait(established("1"))
    assert not may_wait(lost("1"))
