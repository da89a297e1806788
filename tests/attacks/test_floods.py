"""One source opens calls, legs, agents and devices without end."""

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.conf import settings as site
from django.test import Client
from pytest_django import Settings

import clock
from agents.models import Agent, AgentSessionRecord
from calls.stats.source_load import publish_loads, source_load
from cti.api import SourceLoad, forget_bounds, mint_token, publish_load, refused_lately
from cti.bounds import AGENTS, CALLS
from cti.events import AgentData, CallCleared, CallData, Event, LoggedOff, LoggedOn
from cti.models import CtiSource, QuarantinedMessage
from cti.quarantine import KEPT_AN_HOUR, record_quarantined
from cti.source_bounds import SourceBounds, bounds_of
from cti.sources.port import Quarantined
from gateway_site.ops.degraded import full_sources

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

_numbers = itertools.count()


@pytest.fixture
def source() -> CtiSource:
    """Keep a source whose program posts."""
    return CtiSource.objects.create(slug="crm", kind="http")


def _event(kind: str, **data: str) -> dict[str, Any]:
    moment = clock.now().isoformat()
    number = next(_numbers)
    return {"specversion": "1.0", "id": f"e{number}", "source": "crm", "type": kind, "time": moment, "data": data}


def _opened(number: int) -> dict[str, Any]:
    return _event("csta.call.Established", callId=f"c{number}", deviceId=f"2{number:04}")


def _post(source: CtiSource, *events: dict[str, Any]) -> Any:
    token = mint_token(source).text
    headers = {"Authorization": f"Bearer {token}"}
    return Client(headers=headers).post("/api/events", msgspec.json.encode(events), content_type="application/json")


def test_a_token_cannot_open_more_calls_than_its_source_may(source: CtiSource, settings: Settings) -> None:
    """Before: 200,000 calls opened by one token were all accepted."""
    settings.SOURCE_MAX_CALLS = 50

    first = _post(source, *(_opened(number) for number in range(50)))
    beyond = _post(source, *(_opened(number) for number in range(50, 60)))

    assert first.status_code == 202
    assert beyond.status_code == 429
    assert beyond.headers["Retry-After"] == "5"
    assert "50 open calls" in beyond.json()["error"]


@pytest.mark.parametrize(
    ("load", "kind"),
    [
        (SourceLoad(calls=10), "csta.call.Delivered"),
        (SourceLoad(legs=10), "csta.call.Established"),
        (SourceLoad(devices=10), "csta.call.Originated"),
        (SourceLoad(agents=10), "csta.agent.LoggedOn"),
        (SourceLoad(devices=10), "csta.agent.LoggedOn"),
    ],
)
def test_what_the_database_holds_counts_whatever_process_took_it(
    load: SourceLoad, kind: str, source: CtiSource, settings: Settings
) -> None:
    for name in ("CALLS", "LEGS", "AGENTS", "DEVICES"):
        setattr(settings, f"SOURCE_MAX_{name}", 10)
    publish_load(source.slug, msgspec.structs.replace(load, until=1.0))
    data = {"agentId": "9001", "deviceId": "2001"} if "agent" in kind else {"callId": "c1", "deviceId": "2001"}

    assert _post(source, _event(kind, **data)).status_code == 429


def test_a_full_source_may_still_end_calls_and_then_open_others(source: CtiSource, settings: Settings) -> None:
    settings.SOURCE_MAX_CALLS = 10
    publish_load(source.slug, SourceLoad(calls=10, until=1.0))

    assert _post(source, _opened(1)).status_code == 429
    assert _post(source, _event("csta.call.CallCleared", callId="c1")).status_code == 202

    publish_load(source.slug, SourceLoad(calls=9, until=2.0))
    forget_bounds()
    assert _post(source, _opened(2)).status_code == 202


def test_a_full_source_is_reported_and_harms_no_other(source: CtiSource, settings: Settings) -> None:
    settings.SOURCE_MAX_CALLS = 1
    other = CtiSource.objects.create(slug="pbx", kind="http")
    publish_load(source.slug, SourceLoad(calls=5, until=1.0))
    assert _post(source, _opened(1)).status_code == 429
    forget_bounds([other.slug])

    assert [(one.bound, one.events) for one in refused_lately(source.slug)] == [(CALLS, 1)]
    assert [part.name for part in full_sources()] == ["Source crm"]
    event = {**_opened(1), "source": "pbx"}
    assert _post(other, event).status_code == 202


def test_a_peer_that_logs_30000_agents_on_is_stopped_at_the_bound(settings: Settings) -> None:
    """Before: a CSTA or AMI peer filled tables and memory with 30,000 agents."""
    settings.SOURCE_MAX_AGENTS = 20_000
    bounds, now = SourceBounds("pbx"), clock.now()

    def logged_on(number: int) -> Event:
        data = AgentData(agent_id=str(number), device_id=f"2{number % 900}")
        return LoggedOn(specversion="1.0", id=str(number), source="pbx", time=now, data=data)

    refused = [reached for number in range(30_000) if (reached := bounds.admit(logged_on(number)))]

    assert len(refused) == 10_000
    assert refused[0] == AGENTS
    assert (
        bounds.admit(
            LoggedOff(specversion="1.0", id="x", source="pbx", time=now, data=AgentData(agent_id="1", device_id="2"))
        )
        is None
    )


def test_a_peer_that_floods_frames_that_cannot_be_read_fills_no_table(source: CtiSource) -> None:
    """What is beyond an hour's rows is counted, and the count is true."""
    now = clock.now()
    for start in range(0, 3_000, 500):
        messages = [Quarantined(b"<a", "message", f"broken at {number}") for number in range(start, start + 500)]
        record_quarantined(source.pk, messages, now)

    rows = QuarantinedMessage.objects.filter(source=source)
    assert rows.count() == KEPT_AN_HOUR + 1
    assert sum(rows.values_list("count", flat=True)) == 3_000


def test_the_published_load_is_what_the_tables_hold(source: CtiSource, redis: "redis_client.Redis") -> None:
    now = clock.now()
    for number in range(3):
        Agent.objects.create(source=source, agent_id=str(number), first_seen_at=now, last_seen_at=now)
        AgentSessionRecord.objects.create(
            source=source, agent_id=str(number), device_id=f"2{number}", since=now, state_since=now, until=None
        )
    Agent.objects.create(source=source, agent_id="old", first_seen_at=now, last_seen_at=now - timedelta(days=2))

    publish_loads(now)

    found = source_load(source, now)
    assert (found.calls, found.legs, found.agents, found.devices) == (0, 0, 3, 3)
    assert msgspec.json.decode(redis.get("load:{crm}") or b"", type=SourceLoad) == found


def test_the_default_rate_of_a_token_is_what_a_large_source_needs_and_no_more() -> None:
    """Before: 20,000 events a second; 250 calls a second need about 1,800."""
    assert site.INTAKE_EVENTS_PER_SECOND == 2_000


def test_a_call_that_is_cleared_is_never_refused() -> None:
    bounds = SourceBounds("crm")

    assert (
        bounds.admit(CallCleared(specversion="1.0", id="1", source="crm", time=clock.now(), data=CallData(call_id="c")))
        is None
    )
    assert not QuarantinedMessage.objects.exists()


def test_a_new_count_does_not_forget_what_still_waits_in_the_journal(source: CtiSource, settings: Settings) -> None:
    """Before: with the gateway starved, one token got 86,500 calls in at a bound of 50,000: each count let it go on."""
    settings.SOURCE_MAX_CALLS = 20
    assert _post(source, *(_opened(number) for number in range(20))).status_code == 202

    publish_loads(clock.now())
    bounds_of(source.slug)._read_at = 0.0

    assert _post(source, _opened(21)).status_code == 429
