"""Legs whose flags wait for a Recording Service that is away, however many: the consumer goes on without them."""

from datetime import timedelta

import pytest
import redis as redis_client
from django.db import connection

from calls.core.source_state import SiteSettings
from calls.models import Leg, is_live
from calls.pipeline.consumer import Consumer
from calls.pipeline.load import load_all, load_legs_of
from calls.storage.codec import leg_key
from qms.models import ServiceHealth
from tests.calls.switchboard import Everybody, Switchboard
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway without a wrap-up to wait for, and one leg whose flags wait: its service is away."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    one = GatewayStack()
    one.connects("C1", "2001")
    one.passes(0.2)
    ServiceHealth.objects.update_or_create(
        service=one.service, defaults={"open_until": one.time + timedelta(hours=1), "failures": 5}
    )
    one.clears("C1", "2001")
    one.passes(1.2)
    one.passes(300)
    assert one.outcomes() == [("2001", "waiting")]
    return one


def test_a_leg_whose_flags_wait_is_loaded_neither_with_the_whole_nor_for_a_call_at_its_extension(
    gateway: GatewayStack,
) -> None:
    assert Leg.objects.get().phase == "delivering"
    whole = load_all(gateway.source.pk, 10)
    assert whole is not None
    assert whole.legs == {}

    assert load_legs_of(gateway.source.pk, ["C1"], ["2001"]) == {}


@pytest.mark.parametrize("is_restarted", [False, True])
def test_it_is_flagged_when_the_service_is_back_and_so_is_the_extensions_next_call(
    gateway: GatewayStack, is_restarted: bool
) -> None:
    gateway.connects("C2", "2001")
    gateway.passes(0.2)
    gateway.clears("C2", "2001")
    gateway.passes(300)
    if is_restarted:
        gateway.consumer = Consumer(gateway.source, lambda: gateway.time)
    gateway.passes(3600)

    assert gateway.outcomes() == [("2001", "flagged"), ("2001", "flagged")]
    assert [leg.phase for leg in gateway.legs()] == ["settled", "settled"]


def test_an_index_serves_a_batch_however_many_legs_wait(gateway: GatewayStack) -> None:
    Leg.objects.bulk_create(
        Leg(
            id=leg_key(gateway.source.pk, 1000 + number),
            source=gateway.source,
            call_id=f"B{number}",
            device_id=str(2000 + number % 10),
            phase="open" if number % 500 == 0 else "delivering",
            outcome="waiting",
            folded_at=gateway.time,
            connected_at=gateway.time,
            facts=b"",
        )
        for number in range(5000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    at_extension = Leg.objects.filter(is_live(), source=gateway.source, device_id="2001")

    assert "calls_leg_live" in at_extension.explain()


def test_a_wrap_up_that_may_still_come_finds_its_leg_and_is_written_after_the_flags() -> None:
    exchange = Switchboard(Everybody(SiteSettings(wrapup_wait_seconds=120)))
    exchange.call("Established", 0, "C1", "2001").found(0.2, 1, "G1").call("ConnectionCleared", 60, "C1", "2001")
    exchange.waits(62)
    assert (exchange.leg.base, exchange.leg.phase) == ("queued", "closed")
    exchange.call("CallInformation", 100, "C1", wrapup={"result": "Sold"})
    assert (exchange.leg.wrapup, exchange.leg.phase) == ("queued", "delivering")
    exchange.settled(3600, 1)
    assert (exchange.leg.outcome, exchange.leg.phase) == ("waiting", "delivering")
    exchange.settled(3601, 1, "wrapup")

    assert (exchange.leg.outcome, exchange.leg.phase) == ("flagged", "settled")


def test_a_leg_waits_for_its_flags_alone_once_no_wrap_up_came_in_time() -> None:
    exchange = Switchboard(Everybody(SiteSettings(wrapup_wait_seconds=120)))
    exchange.call("Established", 0, "C1", "2001").found(0.2, 1, "G1").call("ConnectionCleared", 60, "C1", "2001")
    exchange.waits(62).waits(181)

    assert (exchange.leg.base, exchange.leg.phase, exchange.leg.due) == ("queued", "delivering", None)
