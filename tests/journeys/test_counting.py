"""The counts by hour are those of the legs' table, whatever happens to the consumer and however late a leg changes."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import redis as redis_client
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from calls.models import HourlyCount, HourlyLatency, Leg, Measure
from calls.pipeline import consumer as consuming
from calls.pipeline import pending_results
from calls.retention import retain
from calls.stats.hourly import BUCKETS_MS, bucket_of, hour_of
from flags.api import Settled, retry_all
from qms.port import FlagDefinition
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class PulledPlug(Exception):
    """The machine lost its power in mid-transaction."""


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def counts() -> dict[object, int]:
    """Return what the counts say."""
    ended = {(one.source_id, one.hour, one.outcome, one.reason_code): one.legs for one in HourlyCount.objects.all()}
    took = {(one.source_id, one.hour, one.measure, one.bucket_ms): one.legs for one in HourlyLatency.objects.all()}
    return {key: legs for key, legs in (ended | took).items() if legs}


def counted_by_hand() -> dict[object, int]:
    """Count the legs' table, one leg after the other."""
    legs: Counter[object] = Counter()
    for leg in Leg.objects.all():
        hour = leg.connected_at.replace(minute=0, second=0, microsecond=0)
        legs[(leg.source_id, hour, leg.outcome, leg.reason_code)] += 1
        for measure, ms in ((Measure.GUID, leg.guid_ms), (Measure.FLAGS, leg.flags_ms)):
            if ms is not None:
                legs[(leg.source_id, hour, measure.value, min(end for end in BUCKETS_MS if end >= ms))] += 1
    return dict(legs)


class Load:
    """A seeded day at a small office: calls come, are held, end, are recorded or not, and QMS refuses for a while."""

    def __init__(self, gateway: GatewayStack, seed: int) -> None:
        self.gateway, self.chance = gateway, random.Random(seed)
        self.calls: dict[str, str] = {}
        self.serial = 0

    def step(self) -> None:
        """Let something happen, and often nothing but time."""
        self.chance.choice((self.begin, self.begin, self.end, self.end, self.end, self.quarrel, self.mend, self.wait))()

    def begin(self) -> None:
        """Connect a call at a free extension, of which one is in no list of QMS."""
        free = {"2001", "2002", "2003", "2900"} - set(self.calls.values())
        if free:
            self.serial += 1
            call, extension = f"C{self.serial}", self.chance.choice(sorted(free))
            self.calls[call] = extension
            if self.chance.random() < 0.7:
                self.gateway.qms.connected(extension, self.gateway.time)
            self.gateway.call("Established", call, extension)

    def end(self) -> None:
        """End a call."""
        if self.calls:
            call = self.chance.choice(sorted(self.calls))
            self.gateway.clears(call, self.calls.pop(call))

    def quarrel(self) -> None:
        """Let QMS forget a flag: it refuses writes."""
        self.gateway.qms._definitions["ds1"].pop("CTICallRef", None)

    def mend(self) -> None:
        """Create the flag, and try the refused writes again: legs change long after they were concluded."""
        self.gateway.qms._definitions["ds1"]["CTICallRef"] = FlagDefinition("CTICallRef")
        retry_all("a test", self.gateway.time)

    def wait(self) -> None:
        """Let some time pass, now and then more than an hour."""
        self.gateway.time += timedelta(seconds=self.chance.choice((1, 20, 200, 4000)))


def crash_now_and_then(load: Load, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Pull the plug in every fourth transaction, after all is written and before it is committed."""
    crashes: Counter[str] = Counter()
    real = pending_results.mark_folded

    def mark_folded(searches: list[int], writes: list[Settled]) -> bool:
        is_done = real(searches, writes)
        if load.chance.random() < 0.25:
            crashes["crashes"] += 1
            raise PulledPlug
        return is_done

    monkeypatch.setattr(consuming, "mark_folded", mark_folded)
    return crashes


def work(gateway: GatewayStack) -> None:
    """Let the gateway work until it is through, with a new consumer after each crash."""
    while True:
        try:
            gateway.passes(2)
        except PulledPlug:
            gateway.consumer = consuming.Consumer(gateway.source, gateway.consumer.now)
        else:
            return


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_counts_are_those_of_the_table_after_any_load_and_any_crash(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    load = Load(gateway, seed)
    crashes = crash_now_and_then(load, monkeypatch)
    for _ in range(60):
        load.step()
        work(gateway)

    assert counts() == counted_by_hand()
    assert {"flagged", "user_unmatched"} < set(Leg.objects.values_list("outcome", flat=True))
    assert crashes["crashes"] > 5


def test_a_second_consumer_that_was_overtaken_counts_nothing(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.call("Established", "C1", "2001")
    other = consuming.Consumer(gateway.source, gateway.consumer.now)
    real = other._next_batch

    def while_the_other_folds(*some: Any, **named: Any) -> consuming.Batch | None:
        batch = real(*some, **named)
        gateway.consumer.fold_once()
        return batch

    monkeypatch.setattr(other, "_next_batch", while_the_other_folds)

    with pytest.raises(consuming.Overtaken):
        other.fold_once()

    assert [one.legs for one in HourlyCount.objects.all()] == [1]


def test_a_leg_that_is_flagged_late_moves_from_one_count_to_the_other(gateway: GatewayStack) -> None:
    load = Load(gateway, 1)
    load.quarrel()
    gateway.connects("C1", "2001")
    gateway.passes(1)
    gateway.clears("C1", "2001")
    gateway.passes(2)

    refused = {(one.outcome, one.reason_code): one.legs for one in HourlyCount.objects.filter(legs__gt=0)}
    assert refused == {("refused", "UnknownFlag"): 1}

    gateway.passes(7200)
    load.mend()
    gateway.passes(1)

    flagged = {(one.outcome, one.reason_code): one.legs for one in HourlyCount.objects.filter(legs__gt=0)}
    assert flagged == {("flagged", ""): 1}
    # Before: two hours of time to flags, the time until somebody had corrected what QMS refused.
    assert not HourlyLatency.objects.filter(measure=Measure.FLAGS).exists()
    assert Leg.objects.get().flags_ms is None


def test_a_rebuild_gives_the_counts_that_were_there(gateway: GatewayStack) -> None:
    load = Load(gateway, 4)
    for _ in range(40):
        load.step()
        work(gateway)
    right = counts()
    HourlyCount.objects.filter(outcome="flagged").delete()
    HourlyCount.objects.update(legs=99)
    HourlyLatency.objects.all().delete()
    HourlyCount.objects.create(
        source=gateway.source, hour=gateway.begin - timedelta(days=900), outcome="flagged", legs=5
    )
    of_another_zone = hour_of(gateway.begin) - timedelta(minutes=15)
    HourlyCount.objects.create(source=gateway.source, hour=of_another_zone, outcome="flagged", legs=5)
    reported = StringIO()

    call_command("rebuild_counts", stdout=reported)

    assert counts() == right == counted_by_hand()
    assert f"{Leg.objects.count()} legs counted" in reported.getvalue()


def test_counts_go_with_the_legs_that_are_forgotten(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2900")
    gateway.passes(1)
    gateway.clears("C1", "2900")
    gateway.passes(2)
    gateway.time += timedelta(days=500)
    gateway.connects("C2", "2900")
    gateway.passes(1)

    retain(gateway.now)

    assert Leg.objects.count() == 1
    assert counts() == counted_by_hand()


def test_an_hour_begins_when_the_clocks_of_the_site_say_so(settings: Settings) -> None:
    moment = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)

    assert hour_of(moment) == datetime(2026, 3, 2, 9, tzinfo=UTC)

    settings.TIME_ZONE = "Asia/Kolkata"

    assert hour_of(moment) == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    assert hour_of(timezone.localtime(moment) + timedelta(minutes=25)) == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_latency_is_reported_true_to_its_bucket() -> None:
    assert [bucket_of(ms) for ms in (0, 10, 11, 250, 251, 3_600_001)] == [10, 10, 25, 250, 300, BUCKETS_MS[-1]]
