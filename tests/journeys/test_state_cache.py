"""What a consumer keeps of a source from batch to batch."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_client
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from calls.models import Leg
from calls.pipeline import load, state_cache
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_a_source_that_holds_too_much_open_is_not_counted_with_each_batch(
    redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = GatewayStack()
    tries: list[tuple[int, int]] = []

    def counted(source_id: int, most: int) -> None:
        tries.append((source_id, most))

    monkeypatch.setattr(state_cache, "load_all", counted)
    for extension in ("2001", "2002", "2003", "2004"):
        gateway.connects(f"C{extension}", extension)
        gateway.passes(0.2)
    assert len(tries) == 1
    gateway.time += timedelta(minutes=2)
    gateway.clears("C2001", "2001")
    gateway.passes(1.2)
    gateway.clears("C2002", "2002")
    gateway.passes(1.2)

    assert len(tries) == 2
    assert gateway.outcomes()[:2] == [("2001", "flagged"), ("2002", "flagged")]


def _legs_open(gateway: GatewayStack, count: int) -> None:
    numbers = range(Leg.objects.count(), count)
    gateway.hears(
        *(
            gateway.event("csta.call.Established", callId=f"C{number}", deviceId=f"{5000 + number}")
            for number in numbers
        )
    )
    while gateway.consumer.fold_once(goes_on=True):
        pass


def _cost_of_a_slice(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch, *events: dict[str, Any]
) -> tuple[int, int]:
    """Return the statements of a fold, and the calls and legs that it read."""
    rows: list[int] = []
    for name in ("_read", "_read_legs"):
        monkeypatch.setattr(load, name, _counting(getattr(load, name), rows))
    gateway.hears(*events)
    with CaptureQueriesContext(connection) as statements:
        assert gateway.consumer.fold_once(goes_on=True)
    monkeypatch.undo()
    return len(statements), sum(rows)


def _counting(read: Callable[[Any], dict[int, Any]], rows: list[int]) -> Callable[[Any], dict[int, Any]]:
    def counted(found: Any) -> dict[int, Any]:
        values = read(found)
        rows.append(len(values))
        return values

    return counted


@pytest.mark.storage
def test_a_slice_costs_the_same_statements_and_rows_however_many_legs_are_open_beyond_the_budget(
    redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Before: beyond 100,000 legs each slice read all its calls and legs, and all agents, from the database."""
    settings.LEGS_IN_MEMORY = 20
    gateway = GatewayStack()
    costs = []
    for count in (60, 240):
        _legs_open(gateway, count)
        gateway.time += timedelta(seconds=1)
        hot = gateway.event("csta.call.Held", callId=f"C{count - 1}", deviceId=f"{5000 + count - 1}")
        cold = gateway.event("csta.call.Held", callId="C3", deviceId="5003")
        again = gateway.event("csta.call.Retrieved", callId="C3", deviceId="5003")
        costs.append([_cost_of_a_slice(gateway, monkeypatch, one) for one in (hot, cold, again)])
        work = gateway.consumer.memory._work
        assert work is not None
        assert len(work.legs) <= 22

    (hot_few, cold_few, again_few), (hot_many, cold_many, again_many) = costs
    assert (hot_many, cold_many, again_many) == (hot_few, cold_few, again_few)
    assert (hot_many[1], cold_many[1], again_many[1]) == (0, 2, 0)
    assert cold_many[0] - again_many[0] <= 3
    assert Leg.objects.filter(phase="open").count() == 240
