"""Rule 2: kill the consumer at any moment, as often as you like; the end is that of an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_client
from django.conf import settings
from django.db import connection

from calls.core.reducer import fold
from calls.models import Checkpoint, HourlyCount, Leg, RecordingSearch
from cti.events import AnyEvent, from_mapping
from devtools.servers import wait_until
from tests.calls.switchboard import Everybody, Switchboard
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

CALLS = 400


def database_url() -> str:
    """Return the address of the database that this test uses."""
    if connection.vendor == "postgresql":
        there = connection.settings_dict
        return f"postgres://{there['USER']}@{there['HOST']}:{there['PORT']}/{there['NAME']}"
    return f"sqlite:///{connection.settings_dict['NAME']}"


@pytest.fixture
def folding(redis: redis_client.Redis) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep the processes that a test starts, and end them."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.kill()
        one.wait()


def start(started: list[subprocess.Popen[bytes]], late: datetime) -> subprocess.Popen[bytes]:
    """Start a consumer process that runs many hours after the calls: the backlog of a long outage."""
    environment = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": str(settings.BASE_DIR)}
    script = Path(__file__).with_name("fold_forever.py")
    started.append(subprocess.Popen([sys.executable, script, "pbx", late.isoformat()], env=environment))
    return started[-1]


def accept_calls(gateway: GatewayStack) -> list[AnyEvent]:
    """Accept many overlapping calls into the journal."""
    reported = []
    for number in range(CALLS):
        gateway.time = gateway.begin + timedelta(seconds=number)
        for kind, after in (("Delivered", 0.0), ("Established", 2.0), ("Held", 3.0), ("ConnectionCleared", 30.0)):
            at, extension = number + after, str(3000 + number % 90)
            reported.append((at, gateway.event(kind, at=at, callId=f"C{number}", deviceId=extension)))
    ordered = [one for _, one in sorted(reported, key=lambda pair: pair[0])]
    gateway.hears(*ordered[: len(ordered) // 2])
    gateway.hears(*ordered[len(ordered) // 2 :])
    return [from_mapping(one) for one in ordered]


def test_a_consumer_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    folding: list[subprocess.Popen[bytes]],
) -> None:
    gateway = GatewayStack()
    gateway.users(*(str(3000 + number) for number in range(90)))
    events = accept_calls(gateway)
    chance = random.Random(7)
    while folded() < len(events):
        goal = folded() + chance.randrange(40, 300)
        process = start(folding, gateway.time + timedelta(hours=20))
        wait_until(lambda goal=goal: folded() >= min(goal, len(events)), "progress")  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert _legs_in_database() == _legs_undisturbed(events)
    assert RecordingSearch.objects.count() == CALLS
    assert _counted() == Counter(Leg.objects.values_list("outcome", flat=True))
    assert Checkpoint.objects.get().events == len(events)
    assert len(folding) > 3


def folded() -> int:
    """Return how many events are folded."""
    return sum(Checkpoint.objects.values_list("events", flat=True))


def _counted() -> Counter[str]:
    counted: Counter[str] = Counter()
    for outcome, legs in HourlyCount.objects.filter(legs__gt=0).values_list("outcome", "legs"):
        counted[outcome] += legs
    return counted


def _legs_in_database() -> set[tuple[object, ...]]:
    return {
        (leg.pk & (2**40 - 1), leg.call_id, leg.device_id, leg.connected_at, leg.disconnected_at)
        for leg in Leg.objects.all()
    }


def _legs_undisturbed(events: list[AnyEvent]) -> set[tuple[object, ...]]:
    legs = fold(events, Switchboard().state, Everybody()).legs.values()
    return {
        (leg.number, leg.call_id, leg.device_id, leg.connected_source_at, leg.disconnected_source_at) for leg in legs
    }
