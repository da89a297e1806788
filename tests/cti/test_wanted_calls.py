"""What the gateway wants a PBX to do reaches the source's session once; what became of it comes back."""

import asyncio
from collections.abc import Callable

import pytest
import redis as redis_client

from cti.journal.call_requests import CallReport, ask_for_call, ask_to_end_call, reported_call
from cti.listener.wanted_calls import WantedCalls
from cti.listener.worker_thread import WorkerThread
from cti.sources.port import CallNotMade, CallRequest, LinkError, Outlet, Session

REQUEST = CallRequest("k1", "2999", "4711", 60.0)
pytestmark = pytest.mark.usefixtures("redis")


class Phone:
    """A session that makes calls, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.acts: list[str] = []
        self._error = error

    async def run(self, outlet: Outlet) -> None:
        """Never called."""
        raise AssertionError(outlet)

    async def make_call(self, request: CallRequest) -> str:
        self.acts.append(f"{request.extension} calls {request.destination}")
        if self._error:
            raise self._error
        return "C7"

    async def end_call(self, key: str) -> None:
        self.acts.append(f"end {key}")
        if self._error:
            raise self._error


class Mute:
    """A session that only follows."""

    async def run(self, outlet: Outlet) -> None:
        """Never called."""
        raise AssertionError(outlet)


def served(session: Session, is_done: Callable[[], bool] = lambda: reported_call("pbx", "k1") is not None) -> None:
    """Have the session do what is asked, and wait until that is done."""

    async def run() -> None:
        thread = WorkerThread("lease")
        calls = WantedCalls("pbx", thread)
        await calls.take(session)
        await calls.take(session)
        async with asyncio.timeout(10):
            while not is_done():  # noqa: ASYNC110  (the condition is in Redis)
                await asyncio.sleep(0.005)
        thread.close()

    asyncio.run(run())


def test_a_call_is_made_once_and_its_id_comes_back(redis: redis_client.Redis) -> None:
    phone = Phone()
    ask_for_call("pbx", REQUEST)
    served(phone)

    assert phone.acts == ["2999 calls 4711"]
    assert reported_call("pbx", "k1") == CallReport(call_id="C7")
    assert reported_call("pbx", "k2") is None


def test_a_call_is_ended(redis: redis_client.Redis) -> None:
    phone = Phone()
    ask_to_end_call("pbx", REQUEST)
    served(phone, lambda: bool(phone.acts))

    assert phone.acts == ["end k1"]


def test_a_call_that_was_given_up_before_anybody_made_it_is_not_made(redis: redis_client.Redis) -> None:
    phone = Phone()
    ask_for_call("pbx", REQUEST)
    ask_to_end_call("pbx", REQUEST)
    served(phone, lambda: bool(phone.acts))

    assert phone.acts == ["end k1"]


def test_a_call_that_could_not_be_ended_without_a_link_is_ended_when_there_is_one(redis: redis_client.Redis) -> None:
    down, up = Phone(LinkError("there is no link")), Phone()
    ask_to_end_call("pbx", REQUEST)

    async def run() -> None:
        thread = WorkerThread("lease")
        calls = WantedCalls("pbx", thread)
        async with asyncio.timeout(10):
            await calls.take(down)
            while not calls.unended:  # noqa: ASYNC110  (a task of its own tries it)
                await asyncio.sleep(0.005)
            await calls.take(up)
            await calls.take(up)
            while not up.acts:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        thread.close()

    asyncio.run(run())

    assert (down.acts, up.acts) == (["end k1"], ["end k1"])


@pytest.mark.parametrize(
    ("session", "text"),
    [
        (Phone(CallNotMade("The phone was busy.", "Free it.")), "The phone was busy."),
        (Phone(LinkError("gone")), "The link to the PBX was lost while the call was made."),
        (Mute(), "A source of this kind cannot make calls."),
    ],
)
def test_why_a_call_was_not_made_comes_back(session: Session, text: str) -> None:
    ask_for_call("pbx", REQUEST)
    served(session)
    report = reported_call("pbx", "k1")

    assert report is not None
    assert (report.call_id, report.text) == ("", text)


def test_a_request_that_no_listener_takes_is_dropped_before_anybody_gives_it_up(redis: redis_client.Redis) -> None:
    ask_for_call("pbx", REQUEST)

    (key,) = redis.keys("calls_wanted:*")
    assert 0 < redis.ttl(key) <= 10
