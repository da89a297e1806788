"""The counts behind the reports are those of the legs, whatever dies or repeats, and can be rebuilt."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import redis as redis_client
from django.core.management import call_command
from django.db import transaction

from bulk.tables import Upsert, upsert_all
from calls.models import (
    DailyDimensionCount,
    DailyPersonCount,
    DailyQueueCount,
    DimensionCount,
    HourlyDimensionCount,
    Leg,
    MonthlyDimensionCount,
    MonthlyPersonCount,
)
from calls.pipeline.consumer import Consumer
from calls.retention import retain
from calls.stats.dimensions import HOURS_KEPT, local_day
from calls.stats.hourly import hour_of
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class PulledPlug(Exception):
    """The machine lost its power in mid-transaction."""


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its workers poll at once."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def summed(rows: Iterable[DimensionCount], time: str) -> Counter[object]:
    sums: Counter[object] = Counter()
    for one in rows:
        dimensions = (one.service_key, one.queue_name, one.agent_id, one.device_id, one.outcome, one.reason_code)
        sums[(getattr(one, time), one.source_id, *dimensions)] += one.legs
    return +sums


def counted_by_hand(time: str) -> Counter[object]:
    sums: Counter[object] = Counter()
    for leg in Leg.objects.exclude(outcome="waiting"):
        when = local_day(leg.connected_at) if time == "day" else hour_of(leg.connected_at)
        dimensions = (leg.queue_name, leg.agent_id, leg.device_id, leg.outcome, leg.reason_code)
        sums[(when, leg.source_id, leg.service_id or 0, *dimensions)] += 1
    return sums


def assert_counts_are_those_of_the_legs() -> None:
    assert summed(DailyDimensionCount.objects.all(), "day") == counted_by_hand("day")
    assert summed(HourlyDimensionCount.objects.all(), "hour") == counted_by_hand("hour")
    assert_coarse_counts_are_those_of_the_legs()


def assert_coarse_counts_are_those_of_the_legs() -> None:
    by_hand: dict[str, Counter[object]] = {name: Counter() for name in ("queue", "person", "month", "fine")}
    for leg in Leg.objects.exclude(outcome="waiting"):
        day = local_day(leg.connected_at)
        by_hand["queue"][(day, leg.source_id, leg.service_id or 0, leg.queue_name, leg.outcome, leg.reason_code)] += 1
        person = (leg.agent_id, leg.device_id, leg.outcome, leg.reason_code)
        by_hand["person"][(day, leg.source_id, *person)] += 1
        month = (day.replace(day=1), leg.source_id, leg.service_id or 0)
        by_hand["month"][(*month, *person)] += 1
        by_hand["fine"][(*month, leg.queue_name, *person)] += 1
    queues = DailyQueueCount.objects.values_list(
        "day", "source", "service_key", "queue_name", "outcome", "reason_code", "legs"
    )
    people = DailyPersonCount.objects.values_list(
        "day", "source", "agent_id", "device_id", "outcome", "reason_code", "legs"
    )
    assert +Counter({row[:-1]: row[-1] for row in queues}) == by_hand["queue"]
    assert +Counter({row[:-1]: row[-1] for row in people}) == by_hand["person"]
    months = MonthlyPersonCount.objects.values_list(
        "month", "source", "service_key", "agent_id", "device_id", "outcome", "reason_code", "legs"
    )
    assert +Counter({row[:-1]: row[-1] for row in months}) == by_hand["month"]
    assert summed(MonthlyDimensionCount.objects.all(), "month") == by_hand["fine"]


def one_call(gateway: GatewayStack, number: int, chance: random.Random) -> None:
    extension, call = chance.choice(("2001", "2002", "2099")), f"C{number}"
    if chance.random() < 0.7:
        gateway.qms.connected(extension, gateway.time)
    gateway.call("Established", call, extension, queueName=chance.choice(("Sales", "Service")))
    work(gateway, chance.choice((0.1, 2, 15)))
    gateway.qms.disconnected(extension, gateway.time)
    gateway.call("ConnectionCleared", call, extension)
    work(gateway, chance.choice((0, 700)))


def work(gateway: GatewayStack, seconds: float) -> None:
    while True:
        try:
            gateway.passes(seconds)
        except PulledPlug:
            gateway.consumer = Consumer(gateway.source, gateway.consumer.now)
        else:
            return


def test_the_counts_are_those_of_the_legs_though_consumers_die_in_mid_transaction(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, crashes = random.Random(7), [0]

    def write_and_crash(upserts: Sequence[Upsert]) -> None:
        upsert_all(upserts)
        if upserts[0].rows and chance.random() < 0.2:
            crashes[0] += 1
            raise PulledPlug

    monkeypatch.setattr("calls.pipeline.save.upsert_all", write_and_crash)
    gateway.log_on("9001", "2001", "Alice Archer")
    for number in range(30):
        one_call(gateway, number, chance)
    work(gateway, 60)
    work(gateway, 1)

    assert crashes[0] > 5
    assert len(set(Leg.objects.values_list("outcome", flat=True))) >= 3
    assert_counts_are_those_of_the_legs()


def test_a_rebuild_restores_the_counts(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    for number in range(8):
        one_call(gateway, number, chance)
    work(gateway, 60)
    DailyDimensionCount.objects.all().delete()
    HourlyDimensionCount.objects.update(legs=99)
    DailyQueueCount.objects.update(legs=99)
    DailyPersonCount.objects.all().delete()
    MonthlyPersonCount.objects.update(legs=99)
    MonthlyDimensionCount.objects.update(legs=99)
    monkeypatch.setattr("clock.now", lambda: gateway.time)

    call_command("rebuild_counts")

    assert_counts_are_those_of_the_legs()


def test_hours_are_forgotten_after_days_and_days_with_their_legs(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(1)
    gateway.clears("C1", "2001")
    gateway.passes(300)

    gateway.time += HOURS_KEPT + timedelta(hours=1)
    retain(gateway.now)

    assert not HourlyDimensionCount.objects.exists()
    assert DailyDimensionCount.objects.count() == 1

    gateway.time += timedelta(days=400)
    retain(gateway.now)

    assert not DailyDimensionCount.objects.exists()
    assert not DailyQueueCount.objects.exists()
    assert not DailyPersonCount.objects.exists()
    assert not MonthlyPersonCount.objects.exclude(legs=0).exists()
    assert not MonthlyDimensionCount.objects.exclude(legs=0).exists()


def test_a_month_of_which_days_are_forgotten_is_the_sum_of_its_other_days(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.conf.settings.RETENTION_DAYS", 30)
    gateway.time = datetime(2026, 3, 4, 12, tzinfo=UTC)
    one_call(gateway, 1, random.Random(1))
    gateway.time = datetime(2026, 3, 10, 12, tzinfo=UTC)
    one_call(gateway, 2, random.Random(2))
    work(gateway, 700)
    assert_counts_are_those_of_the_legs()

    gateway.time = datetime(2026, 4, 4, 12, tzinfo=UTC)  # The first 30 days after 4 March.
    retain(gateway.now)
    retain(gateway.now)

    assert Leg.objects.count() == 1
    assert_coarse_counts_are_those_of_the_legs()


def test_the_migration_begins_with_the_sums_of_what_was_counted_before(gateway: GatewayStack) -> None:
    chance = random.Random(5)
    for number in range(6):
        one_call(gateway, number, chance)
    work(gateway, 700)
    assert Leg.objects.exclude(outcome="waiting").count() >= 6
    DailyQueueCount.objects.all().delete()
    DailyPersonCount.objects.all().delete()
    MonthlyPersonCount.objects.all().delete()
    MonthlyDimensionCount.objects.all().delete()

    with transaction.atomic():
        import_module("calls.migrations.0024_coarse_counts").sum_the_stored_counts(None, None)
        import_module("calls.migrations.0027_monthly_person_counts").sum_the_stored_counts(None, None)
        import_module("calls.migrations.0030_monthly_dimension_counts").sum_the_stored_counts(None, None)

    assert_coarse_counts_are_those_of_the_legs()
