"""A flag write that an operator's retry settles while the consumer takes in its earlier end is taken in as well."""

from typing import Any

import pytest
import redis as redis_client

from calls.pipeline import source_rules
from flags.api import load_specs, retry
from flags.models import FlagWrite
from qms.port import FlagDefinition
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def test_a_retry_that_is_settled_between_reading_and_marking_reaches_the_leg(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.qms._definitions["ds1"].pop("CTICallRef")
    gateway.connects("C1", "2001")
    gateway.passes(1)
    gateway.call("ConnectionCleared", "C1", "2001")
    gateway.passes_unheard(2)
    gateway.fold()
    gateway.deliver()
    assert FlagWrite.objects.get().state == "refused"
    real, moments = load_specs, list[str]()

    def load_specs_late() -> Any:
        """Let the retry be carried out, whole, in the moment after the consumer has read the refusal."""
        if not moments:
            moments.append(FlagWrite.objects.get().state)
            gateway.qms.create_flag_definition("rs1", FlagDefinition("CTICallRef"))
            assert retry([FlagWrite.objects.get().pk], "ann", gateway.now()) == 1
            gateway.deliver()
            moments.append(FlagWrite.objects.get().state)
        return real()

    monkeypatch.setattr(source_rules, "load_specs", load_specs_late)
    gateway.consumer.fold_once()
    assert moments == ["refused", "written"]
    assert gateway.outcomes() == [("2001", "refused")], "the end that was read is taken in first"
    gateway.works()

    assert gateway.outcomes() == [("2001", "flagged")]
    assert FlagWrite.objects.get().folded
