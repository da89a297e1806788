"""Legs that a replay cannot compare since it does not read what settled them."""

from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from pytest_django import Settings

from calls.models import Leg
from calls.replay.compare_period import UNSETTLED, PeriodComparison, compare_period, todays_settings
from tests.calls.replay.test_compare_period import found
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True)
LATE = -6 * 3600.0


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def call(gateway: GatewayStack, name: str, begin: float, extension: str = "2001") -> None:
    gateway.hears(
        gateway.event("Established", at=begin, callId=name, deviceId=extension),
        gateway.event("ConnectionCleared", at=begin + 5, callId=name, deviceId=extension),
    )


def replayed(gateway: GatewayStack, begin: float, seconds: float) -> PeriodComparison:
    since = gateway.begin + timedelta(seconds=begin)
    settings = todays_settings(gateway.source)
    return compare_period(gateway.source, since, since + timedelta(seconds=seconds), settings, gateway.time)


def test_a_leg_that_the_next_call_settled_which_is_not_read_says_so(gateway: GatewayStack) -> None:
    """Before: "it would not be settled 2 hours after the period, or by now", hours after it was settled."""
    call(gateway, "a", LATE)
    call(gateway, "b", -3600)
    gateway.passes(30)
    assert set(Leg.objects.values_list("phase", flat=True)) == {"settled"}

    result = replayed(gateway, LATE - 60, 120)
    assert (found(result), dict(result.apart)) == ([], {UNSETTLED: 1})
    assert UNSETTLED.startswith("what settled it came later than is read on")
