"""The counts of searches are those of their table, each search once, whatever dies or repeats."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
import redis as redis_client
from django.test import Client
from django.urls import reverse

from calls.models import RecordingSearch, SearchCount, SearchState
from calls.pipeline import consumer as consuming
from calls.pipeline.pending_results import mark_folded
from calls.retention import retain
from calls.search.settling import PendingQuestion, settle
from calls.stats.hourly import bucket_of
from calls.stats.searches import KEPT, span_of
from flags.api import Settled
from qms.port import Recording
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class PulledPlug(Exception):
    """The machine lost its power in mid-transaction."""


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def counted() -> Counter[object]:
    """Return what the counts say, and how often QMS was asked."""
    counts: Counter[object] = Counter()
    for one in SearchCount.objects.all():
        counts[(one.service_id, one.state, one.why, one.bucket_ms)] += one.searches
        counts["questions"] += one.questions
    return counts


def counted_by_hand() -> Counter[object]:
    """Count the table of searches, one after the other."""
    counts: Counter[object] = Counter()
    for one in RecordingSearch.objects.exclude(state=SearchState.OPEN):
        found = one.state == SearchState.FOUND and one.answered_at
        bucket = bucket_of(round((found - one.connected_at).total_seconds() * 1000)) if found else 0
        why = one.why if one.state == SearchState.MISSED else ""
        counts[(one.service_id, one.state, why, bucket)] += 1
        counts["questions"] += one.attempts
    return counts


def pull_the_plug_now_and_then(monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> Counter[str]:
    """Pull the plug in every third transaction that counts searches, after it counted and before it is committed."""
    crashes: Counter[str] = Counter()

    def mark_and_crash(searches: Sequence[int], writes: Sequence[Settled]) -> bool:
        is_whole = mark_folded(searches, writes)
        if searches and chance.random() < 0.3:
            crashes["crashes"] += 1
            raise PulledPlug
        return is_whole

    monkeypatch.setattr(consuming, "mark_folded", mark_and_crash)
    return crashes


def work(gateway: GatewayStack, seconds: float) -> None:
    """Let the gateway work until it is through, with a new consumer after each crash."""
    while True:
        try:
            gateway.passes(seconds)
        except PulledPlug:
            gateway.consumer = consuming.Consumer(gateway.source, gateway.consumer.now)
        else:
            return


def one_call(gateway: GatewayStack, call: str, extension: str, chance: random.Random) -> None:
    """Let a call be connected, recorded or not, hurried or not, and end."""
    recorded, before = chance.random() < 0.7, gateway.time
    if recorded:
        gateway.qms.connected(extension, gateway.time)
    gateway.call("Established", call, extension)
    work(gateway, chance.choice((0.1, 2, 15)))
    gateway.qms.disconnected(extension, gateway.time)
    gateway.call("ConnectionCleared", call, extension)
    work(gateway, chance.choice((0, 12)))
    assert gateway.time >= before


@pytest.mark.parametrize("seed", [1, 2])
def test_each_search_is_counted_once_though_consumers_die_in_mid_transaction(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    crashes = pull_the_plug_now_and_then(monkeypatch, chance)
    for number in range(40):
        one_call(gateway, f"C{number}", chance.choice(("2001", "2002", "2003")), chance)
    work(gateway, 60)
    work(gateway, 1)

    assert counted() == counted_by_hand()
    states = {one.state for one in SearchCount.objects.all()}
    assert {SearchState.FOUND, SearchState.MISSED} <= states
    assert crashes["crashes"] > 5


def test_an_answer_that_is_settled_and_folded_again_is_not_counted_twice(gateway: GatewayStack) -> None:
    gateway.call("Established", "C1", "2001")
    gateway.fold()
    search = RecordingSearch.objects.get()
    guid = "0f0e0d0c-0b0a-4908-8706-050403020100"
    answer = PendingQuestion(search, gateway.now(), Recording(guid, "2001", gateway.time))
    settle(gateway.service, [answer], gateway.now())
    settle(gateway.service, [answer], gateway.now())
    other = consuming.Consumer(gateway.source, gateway.now)
    gateway.fold()
    settle(gateway.service, [answer], gateway.now())
    other.fold_once()

    assert [(one.state, one.searches, one.questions) for one in SearchCount.objects.all()] == [("found", 1, 1)]


def test_a_search_that_nobody_needs_any_more_is_counted_as_that(gateway: GatewayStack) -> None:
    gateway.call("Established", "C1", "2001")
    gateway.fold()
    gateway.call("ConnectionCleared", "C1", "2001")
    gateway.fold()
    gateway.time += timedelta(seconds=4)
    gateway.call("Established", "C2", "2001")
    gateway.fold()

    assert RecordingSearch.objects.filter(state=SearchState.CANCELLED).count() == 1
    assert [(one.state, one.searches) for one in SearchCount.objects.all()] == [("cancelled", 1)]


def test_the_page_of_the_service_and_the_metrics_say_of_the_last_hour(
    gateway: GatewayStack, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.connects("C1", "2001")
    gateway.call("Established", "C2", "2002")
    gateway.passes(1)
    gateway.passes(30)
    gateway.passes(1)
    monkeypatch.setattr("clock.now", lambda: gateway.time)

    page = admin_client.get(reverse("searches-panel", args=[gateway.service.pk])).content.decode()
    scraped = admin_client.get("/metrics").content.decode()

    assert "2 searches ended" in page
    assert "1 found, 1 missed" in page
    assert "1: QMS had no recording" in page
    assert f"service__id__exact={gateway.service.pk}&amp;why=none" in page
    assert 'gateway_searches_last_hour{service="rs1",state="found",why=""} 1.0' in scraped
    assert 'gateway_searches_last_hour{service="rs1",state="missed",why="none"} 1.0' in scraped
    assert 'gateway_search_seconds_last_hour{quantile="0.95",service="rs1"}' in scraped
    assert 'gateway_searches_open{service="rs1"} 0.0' in scraped


def test_a_search_after_a_transfer_with_one_recording_ended_unchanged_and_missed_nothing(
    gateway: GatewayStack, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(1)
    leg = gateway.legs()[0]
    RecordingSearch.objects.create(
        leg_id=leg.pk,
        ordinal=2,
        source=gateway.source,
        service=gateway.service,
        known_guid=leg.recording_guid or "",
        extension="2001",
        not_started_before=gateway.begin,
        connected_at=gateway.time,
        deadline=gateway.time + timedelta(seconds=2),
        next_at=gateway.time,
    )
    gateway.passes(1)
    gateway.passes(5)
    gateway.passes(1)
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    search = RecordingSearch.objects.get(ordinal=2)

    scraped = admin_client.get("/metrics").content.decode()
    panel = admin_client.get(reverse("searches-panel", args=[gateway.service.pk])).content.decode()
    missed = admin_client.get("/admin/calls/recordingsearch/?state=missed").content.decode()
    unchanged = admin_client.get("/admin/calls/recordingsearch/?state=unchanged").content.decode()
    page = admin_client.get(reverse("admin:calls_recordingsearch_change", args=[search.pk])).content.decode()

    assert (search.state, search.why, search.ended_as) == ("missed", "same", SearchState.UNCHANGED)
    assert 'gateway_searches_last_hour{service="rs1",state="unchanged",why=""} 1.0' in scraped
    assert 'state="missed"' not in scraped
    assert "1 found, 0 missed" in panel
    assert reverse("admin:calls_leg_change", args=[leg.pk]) not in missed
    assert reverse("admin:calls_leg_change", args=[leg.pk]) in unchanged
    assert "The leg keeps the recording it had before the transfer." in page
    assert reverse("admin:calls_leg_change", args=[leg.pk]) in page
    assert "?q=C1" in page
    assert " ms)" in page


def test_old_counts_are_forgotten(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(1)
    assert SearchCount.objects.get().began == span_of(gateway.time)

    gateway.time += KEPT * 2
    retain(gateway.now)

    assert not SearchCount.objects.exists()
