"""An event whose time is far from that of the others says nothing of how far a replay has come."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_client
from pytest_django import Settings

from calls.replay.compare_period import PeriodComparison, compare_period, todays_settings
from calls.replay.event_clock import EventClock
from cti.api import archive_journals
from cti.events import AnyEvent, decode
from cti.journal.stream import client, journal_key
from tests.calls.replay.test_compare_period import found
from tests.journeys.stack import GatewayStack

HOUR, DAY = 3600.0, 86_400.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def gateway(
    redis: redis_client.Redis, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> GatewayStack:
    settings.ARCHIVE_DIR = tmp_path
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def hears(gateway: GatewayStack, kind: str, name: str, extension: str, by: float) -> None:
    """Accept an event of now of which the source's clock is this many seconds ahead, as the HTTP intake does."""
    at = (gateway.time - gateway.begin).total_seconds() + by
    event = gateway.event(kind, at=at, callId=name, deviceId=extension)
    if by:
        event["gatewaytime"] = gateway.time.isoformat() if by > 0 else event["time"]
        event |= {"gatewayreceived": gateway.time.isoformat()} if by < 0 else {}
    gateway.hears(event)


def talks(gateway: GatewayStack, name: str, extension: str, *, by: float = 0.0) -> None:
    """Let an extension talk now, in a call whose times are this many seconds ahead, and archive its events."""
    gateway.qms.connected(extension, gateway.time)
    hears(gateway, "Established", name, extension, by)
    gateway.passes(3)
    gateway.qms.disconnected(extension, gateway.time)
    hears(gateway, "ConnectionCleared", name, extension, by)
    gateway.passes(20)
    archive_journals(lambda: gateway.time)
    client().delete(journal_key("pbx"))


def replayed(gateway: GatewayStack) -> PeriodComparison:
    begin = gateway.begin - timedelta(minutes=1)
    return compare_period(gateway.source, begin, gateway.time, todays_settings(gateway.source), gateway.time)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("by", [DAY, -2 * HOUR])
def test_calls_after_one_whose_time_is_far_off_are_compared_as_they_were(gateway: GatewayStack, by: float) -> None:
    """Before: each ten minutes up to the far time were over, and their legs "would be missing"."""
    talks(gateway, "before", "2001")
    gateway.passes(900)
    talks(gateway, "far", "2002", by=by)
    for number in range(3):
        gateway.passes(900)
        talks(gateway, f"after {number}", "2003")

    result = replayed(gateway)

    assert (found(result), result.compared) == ([], 4)  # The far one is not of this period.


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_call_that_was_sent_an_hour_late_is_compared_in_its_time(gateway: GatewayStack) -> None:
    for number in range(5):
        talks(gateway, f"in time {number}", "2001")
        gateway.passes(900)
    talks(gateway, "late", "2002", by=-HOUR)

    result = replayed(gateway)

    assert (found(result), result.compared) == ([], 6)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_leg_that_would_be_there_is_named_though_its_call_was_sent_after_its_time_was_compared(
    gateway: GatewayStack,
) -> None:
    """Before: its ten minutes had no leg then, were compared, and nobody asked again."""
    gateway.source.devices = ["2001"]
    gateway.source.save()
    for number in range(5):
        talks(gateway, f"in time {number}", "2001")
        gateway.passes(900)
    talks(gateway, "late", "2002", by=-HOUR)
    talks(gateway, "after", "2001")
    gateway.source.devices = []

    result = replayed(gateway)

    assert found(result) == [("extra_leg", "extensions", "", "", "", 1)]
    assert (result.compared, result.different, dict(result.apart)) == (6, 1, {})


def event(second: float, *, ahead: float = 0.0) -> AnyEvent:
    at = NOON + timedelta(seconds=second)
    text = '{"specversion":"1.0","id":"a","source":"pbx","type":"csta.call.Established","time":"%s","gatewaytime":"%s",'
    text %= ((at + timedelta(seconds=ahead)).isoformat(), at.isoformat())
    return decode(f'{text}"data":{{"callId":"a","deviceId":"2001"}}}}'.encode())


def test_the_clock_of_a_source_is_what_most_of_its_events_show() -> None:
    clock = EventClock()
    clock.take([event(0, ahead=HOUR), event(10, ahead=HOUR), event(20, ahead=DAY)])

    assert clock.received == NOON + timedelta(seconds=20)
    assert clock.by_source(event(10, ahead=HOUR)) == NOON + timedelta(seconds=HOUR + 10)
    assert clock.by_source(event(20, ahead=DAY)) == NOON + timedelta(seconds=HOUR + 20)
