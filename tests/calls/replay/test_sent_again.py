"""Flags that failed and were sent again by a person are no difference."""

from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from pytest_django import Settings

from calls.replay.compare_period import PeriodComparison, compare_period, todays_settings
from flags.api import retry
from flags.models import FlagSetting, FlagWrite
from qms.port import FlagDefinition
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    """Give a gateway that writes wrap-ups, and whose QMS does not know the flag CTICallRef."""
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    FlagSetting.objects.filter(name="CTIWrapup").update(enabled=True)
    one = GatewayStack()
    one.qms._definitions["ds1"].pop("CTICallRef")
    return one


def _refused_call(one: GatewayStack, *, has_wrapup: bool) -> None:
    one.connects("C1", "2001", callingNumber="0301234")
    one.passes(2)
    one.clears("C1", "2001")
    one.passes(4)
    assert one.outcomes() == [("2001", "refused")]
    if has_wrapup:
        one.call("CallInformation", "C1", "2001", wrapup={"result": "Sold"})
        one.passes(2)


def _sent_again(one: GatewayStack) -> None:
    one.passes(30)
    assert retry(list(FlagWrite.objects.values_list("pk", flat=True)), "ada", one.time) == FlagWrite.objects.count()
    one.passes(2)


def _replayed(one: GatewayStack) -> PeriodComparison:
    return compare_period(one.source, one.begin - timedelta(minutes=1), one.time, todays_settings(one.source), one.time)


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_wrapup_that_came_between_is_no_difference_and_its_leg_is_not_compared(
    gateway: GatewayStack, is_mended: bool
) -> None:
    _refused_call(gateway, has_wrapup=True)
    if is_mended:
        gateway.qms.create_flag_definition("rs1", FlagDefinition("CTICallRef"))
    _sent_again(gateway)
    gateway.passes(130)
    assert gateway.outcomes() == [("2001", "flagged" if is_mended else "refused")]
    assert FlagWrite.objects.filter(part="wrapup").count() == 0

    result = _replayed(gateway)

    assert result.sorted_groups() == []
    assert (sum(result.apart.values()), result.compared) == (1, 0)


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_leg_without_a_wrapup_is_compared_though_its_flags_were_sent_again(
    gateway: GatewayStack, is_mended: bool
) -> None:
    _refused_call(gateway, has_wrapup=False)
    if is_mended:
        gateway.qms.create_flag_definition("rs1", FlagDefinition("CTICallRef"))
    _sent_again(gateway)
    gateway.passes(130)

    result = _replayed(gateway)

    assert result.sorted_groups() == []
    assert (dict(result.apart), result.compared) == ({}, 1)
