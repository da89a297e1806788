"""A replay without the test extensions of then names them as the cause."""

from pathlib import Path

import msgspec
import pytest
import redis as redis_client
from pytest_django import Settings

from calls.replay.compare_period import compare_period, todays_settings
from tests.journeys.canaries import TEST_PHONE, CanaryStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_a_test_extension_that_is_taken_out_is_a_cause_of_its_own(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = CanaryStack()
    with gateway.with_recorder():
        gateway.follow()

    def causes(canaries: list[str], devices: list[str]) -> set[tuple[str, str, str]]:
        gateway.source.canary_extensions, gateway.source.devices = canaries, devices
        tried = todays_settings(gateway.source)
        result = compare_period(gateway.source, gateway.begin, gateway.time, tried, gateway.time)
        return {(one.kind, one.cause, one.subject) for one in result.sorted_groups()}

    assert causes([TEST_PHONE], ["2001"]) == set()

    gateway.source.canary_extensions, gateway.source.devices = [TEST_PHONE], ["2001"]
    tried = todays_settings(gateway.source)
    tried = msgspec.structs.replace(tried, specs=[spec for spec in tried.specs if spec.field != "queue_name"])
    result = compare_period(gateway.source, gateway.begin, gateway.time, tried, gateway.time)
    assert (result.compared, result.different, result.canaries, result.groups) == (0, 0, 1, {}), "it is in no count"
    assert causes([], ["2001"]) == {("missing_leg", "canary", "")}
    assert causes([], []) >= {("flag", "canary", "QueueName"), ("flag", "canary", "CallerName")}
    assert {cause for _, cause, _ in causes([], [])} == {"canary"}
    gateway.source.canary_extensions = []
    result = compare_period(gateway.source, gateway.begin, gateway.time, todays_settings(gateway.source), gateway.time)
    assert (result.compared, result.different) == (0, 0)
