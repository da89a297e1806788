"""What a consumer keeps of a source from batch to batch."""

from datetime import timedelta

import pytest
import redis as redis_client

from calls.pipeline import state_cache
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
