"""Agents whose names change while consumers take turns, or die in mid-transaction: none trusts what it knew before."""

from typing import Any

import pytest
import redis as redis_client
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, AgentName
from calls.pipeline import consumer as consuming
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class PulledPlug(Exception):
    """The process died, or so it seems."""


@pytest.fixture
def house(redis: redis_client.Redis) -> GatewayStack:
    """Give a gateway with an empty journal."""
    return GatewayStack()


def says(house: GatewayStack, kind: str, name: str) -> None:
    """Let the source say a state of agent 9101, and the name."""
    house.passes_unheard(1)
    house.hears(house.event(f"csta.agent.{kind}", agentId="9101", deviceId="2001", agentName=name))


def test_a_name_that_another_consumer_changed_is_changed_back(house: GatewayStack) -> None:
    other = consuming.Consumer(house.source, house.now)
    for kind, name, consumer in (
        ("Ready", "Ann", house.consumer),
        ("Busy", "Ash", other),
        ("Ready", "Ann", house.consumer),
    ):
        says(house, kind, name)
        consumer.fold_once()

    assert Agent.objects.get().name == "Ann"
    assert list(AgentName.objects.order_by("since").values_list("name", flat=True)) == ["Ann", "Ash", "Ann"]


def test_an_agent_of_a_batch_that_was_rolled_back_is_not_held_for_known(
    house: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*some: Any) -> None:
        raise PulledPlug

    says(house, "Ready", "Ann")
    with monkeypatch.context() as broken:
        broken.setattr(consuming, "mark_folded", die)
        with pytest.raises(PulledPlug):
            house.consumer.fold_once()
    house.fold()

    assert Agent.objects.get().name == "Ann"


def test_a_consumer_that_folds_alone_asks_for_no_agent_again(house: GatewayStack) -> None:
    says(house, "Ready", "Ann")
    house.fold()
    says(house, "Busy", "Ann")
    with CaptureQueriesContext(connection) as asked:
        house.fold()

    assert Agent.objects.get().last_seen_at < house.time
    assert not [one for one in asked if "agents_agent" in one["sql"]]
