"""The timetable and several people at one canary call, each with a database connection of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
import redis as redis_client
from django.db import connection

from gateway_site.canary import ways
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import begin, begin_due, carry_on_one
from gateway_site.canary.steps import CanaryStep
from tests.journeys.canaries import TEST_PHONE, CanaryStack, verdicts

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite: one transaction at a time"),
]


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> CanaryStack:
    """Give a gateway whose searches look again at once: its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return CanaryStack()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do everything at the same moment, each in a thread of its own; return what each returned."""
    start = Barrier(len(acts))

    def one(act: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait(10)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(20) for future in [pool.submit(one, act) for act in acts]]


def test_of_a_timetable_and_people_at_the_same_moment_one_begins_a_call(gateway: CanaryStack) -> None:
    def by_hand() -> object:
        return begin(gateway.source, TEST_PHONE, "Ada", gateway.time)

    begun = at_once(lambda: begin_due(gateway.time), by_hand, by_hand, by_hand)

    call = CanaryCall.objects.get()
    assert [one for one in begun if one is not None] == ([call] if call.asked_by else [])


def test_a_call_that_several_carry_on_at_the_same_moment_is_made_once_and_ended_once(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = gateway.begins()
    done: list[str] = []

    def counted(name: str, act: Callable[[CanaryCall, datetime], None]) -> Callable[[CanaryCall, datetime], None]:
        def acts(one: CanaryCall, now: datetime) -> None:
            done.append(name)  # The journal keeps an event that is sent twice once; a real call would be made twice.
            act(one, now)

        return acts

    monkeypatch.setattr(ways, "make", counted("make", ways.make))
    monkeypatch.setattr(ways, "end", counted("end", ways.end))

    def carry_on() -> object:
        return carry_on_one(call.pk, gateway.now, gateway.connect)

    for _ in range(60):
        at_once(carry_on, carry_on, carry_on)
        gateway.passes(0.7)
        call.refresh_from_db()
        if call.ended_at is not None:
            break

    assert (call.ended_at is not None, call.is_red) == (True, False)
    assert list(verdicts(call)) == list(CanaryStep)
    assert len(call.ends) == len(CanaryStep)
    assert done == ["make", "end"]
