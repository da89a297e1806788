"""A flag write that an operator's retry settles while the consumer takes in its earlier end is taken in as well."""

from typing import Any

import pytest
import redis as redis_client

from calls.pipeline import consumer as consuming
from flags.api import load_specs, retry
from flags.models import FlagWrite
from qms.port import FlagDefinition
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def test_a_retry_that_is_settled_between_reading_and_marking_reaches_the_leg(
    house: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.qms._definitions["ds1"].pop("CTICallRef")
    house.connects("C1", "2001")
    house.passes(1)
    house.call("ConnectionCleared", "C1", "2001")
    house.passes_unheard(2)
    house.fold()
    house.deliver()
    assert FlagWrite.objects.get().state == "refused"
    real, moments = load_specs, list[str]()

    def load_specs_late() -> Any:
        """Let the retry be carried out, whole, in the moment after the consumer has read the refusal."""
        if not moments:
            moments.append(FlagWrite.objects.get().state)
            house.qms.create_flag_definition("rs1", FlagDefinition("CTICallRef"))
            assert retry([FlagWrite.objects.get().pk], "ann", house.now()) == 1
            house.deliver()
            moments.append(FlagWrite.objects.get().state)
        return real()

    monkeypatch.setattr(consuming, "load_specs", load_specs_late)
    house.consumer.fold_once()
    assert moments == ["refused", "written"]
    assert house.outcomes() == [("2001", "refused")], "the end that was read is taken in first"
    house.works()

    assert house.outcomes() == [("2001", "flagged")]
    assert FlagWrite.objects.get().folded
