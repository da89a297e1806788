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
def gateway(redis: redis_client.Redis) -> GatewayStack:
    """Give a gateway with an empty journal."""
    return GatewayStack()


def says(gateway: GatewayStack, kind: str, name: str) -> None:
    """Let the source say a state of agent 9101, and the name."""
    gateway.passes_unheard(1)
    gateway.hears(gateway.event(f"csta.agent.{kind}", agentId="9101", deviceId="2001", agentName=name))


def test_a_name_that_another_consumer_changed_is_changed_back(gateway: GatewayStack) -> None:
    other = consuming.Consumer(gateway.source, gateway.now)
    for kind, name, consumer in (
        ("Ready", "Ann", gateway.consumer),
        ("Busy", "Ash", other),
        ("Ready", "Ann", gateway.consumer),
    ):
        says(gateway, kind, name)
        consumer.fold_once()

    assert Agent.objects.get().name == "Ann"
    assert list(AgentName.objects.order_by("since").values_list("name", flat=True)) == ["Ann", "Ash", "Ann"]


def test_an_agent_of_a_batch_that_was_rolled_back_is_not_held_for_known(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*some: Any) -> None:
        raise PulledPlug

    says(gateway, "Ready", "Ann")
    with monkeypatch.context() as broken:
        broken.setattr(consuming, "mark_folded", die)
        with pytest.raises(PulledPlug):
            gateway.consumer.fold_once()
    gateway.fold()

    assert Agent.objects.get().name == "Ann"


def test_a_consumer_that_folds_alone_asks_for_no_agent_again(gateway: GatewayStack) -> None:
    says(gateway, "Ready", "Ann")
    gateway.fold()
    says(gateway, "Busy", "Ann")
    with CaptureQueriesContext(connection) as asked:
        gateway.fold()

    assert Agent.objects.get().last_seen_at < gateway.time
    assert not [one for one in asked if "agents_agent" in one["sql"]]
