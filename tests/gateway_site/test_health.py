"""Health and metrics tell whether events can be taken, and nothing about calls."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from django.utils import timezone

from agents.models import QmsUser, UserRefresh
from calls.models import HourlyCount
from calls.stats.hourly import hour_of
from cti.journal.stream import MEMBER, journal_key
from cti.models import CtiSource, LinkState, LinkStatus
from flags.models import AlertCount, FlagWrite
from gateway_site.ops import probes, worker_heartbeat
from qms.models import DataServer, RecordingService, ServiceHealth

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_monitoring_asks_by_the_address_of_a_pod(client: Client, redis: Any, path: str) -> None:
    assert client.get(path, headers={"host": "10.1.2.3:8000"}).status_code == 200


def test_no_other_page_answers_to_a_host_that_is_not_allowed(client: Client) -> None:
    assert client.get("/admin/login/", headers={"host": "10.1.2.3:8000"}).status_code == 400
    assert client.get("/metrics/../admin/login/", headers={"host": "10.1.2.3"}).status_code == 400


@pytest.fixture
def service() -> RecordingService:
    return RecordingService.objects.create(
        slug="north", url="http://a.b/", data_server=DataServer.objects.create(slug="central")
    )


def test_a_process_that_serves_is_alive(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}


def test_the_gateway_is_ready_when_database_tables_and_redis_are(client: Client, redis: Any) -> None:
    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert {name: part["ok"] for name, part in answer.json()["parts"].items()} == {
        "database": True,
        "migrations": True,
        "version": True,
        "redis": True,
        "journal": True,
    }


def test_the_gateway_is_not_ready_without_redis_and_says_so(client: Client, service: RecordingService) -> None:
    nowhere = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    with override_settings(CACHES=nowhere):
        answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["parts"]["redis"]["ok"] is False
    assert "Redis does not answer" in answer.json()["parts"]["redis"]["detail"]
    assert answer.json()["degraded"] == [
        "Redis: Redis does not answer: ConnectionError.",
        "QMS users of north: None was ever loaded: no call there can be flagged.",
    ]


def test_the_gateway_is_not_ready_without_its_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/health/ready")
    scraped = client.get("/metrics").content.decode()

    assert answer.status_code == 503
    assert answer.json()["parts"]["database"]["ok"] is False
    assert answer.json()["degraded"] == ["Database: the database does not answer: OperationalError."]
    assert 'gateway_part_ok{part="database"} 0.0' in scraped


def test_the_metrics_show_links_breakers_and_writes(client: Client, redis: Any, service: RecordingService) -> None:
    now = timezone.now()
    source = CtiSource.objects.create(slug="pbx", kind="csta_xml", host="h", port=1)
    LinkStatus.objects.create(source=source, state=LinkState.UP, spooled=3)
    received = (now - timedelta(seconds=90)).isoformat()
    redis.xadd(journal_key("pbx"), {MEMBER: f'{{"time": "{received}", "id": "x"}}'}, id="1-1")
    ServiceHealth.objects.create(service=service, failures=4, open_until=now + timedelta(minutes=1))
    FlagWrite.objects.create(
        leg_id=1, source_id=source.id, service=service, recording_guid="g", part="base", not_before=now, created_at=now
    )

    scraped = client.get("/metrics").content.decode().splitlines()

    assert 'gateway_link_up{source="pbx"} 1.0' in scraped
    assert any(line.startswith('gateway_journal_lag_seconds{source="pbx"} 9') for line in scraped)
    assert 'gateway_link_spooled_events{source="pbx"} 3.0' in scraped
    assert 'gateway_breaker_open{service="north"} 1.0' in scraped
    assert 'gateway_service_failures_in_a_row{service="north"} 4.0' in scraped
    assert 'gateway_flag_writes_unsettled{service="north",state="queued"} 1.0' in scraped
    assert 'gateway_legs_today{outcome="flagged"} 0.0' in scraped
    assert any(line.startswith("process_resident_memory_bytes") for line in scraped)


def test_an_alert_is_reported_and_takes_no_gateway_away(client: Client, redis: Any, service: RecordingService) -> None:
    now = timezone.now()
    QmsUser.objects.create(service=service, user_id="1", loaded_at=now)
    for queue in worker_heartbeat.QUEUES:
        worker_heartbeat.note(queue)
    assert client.get("/health/ready").json()["degraded"] == []
    FlagWrite.objects.create(
        leg_id=1,
        source_id=1,
        service=service,
        recording_guid="g",
        part="base",
        not_before=now,
        created_at=now,
        state="given_up",
        error_code="Unavailable",
        alert_since=now,
    )
    AlertCount.objects.create(service=service, error_code="Unavailable", raised=3)

    answer = client.get("/health/ready")
    scraped = client.get("/metrics").content.decode().splitlines()

    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    (said,) = answer.json()["degraded"]
    assert said.startswith("Flag writes: 1 was given up or refused and not acknowledged.")
    assert 'gateway_flag_write_alerts_open{reason="Unavailable",service="north"} 1.0' in scraped
    assert 'gateway_flag_write_alerts_total{reason="Unavailable",service="north"} 3.0' in scraped
    FlagWrite.objects.update(acknowledged_at=now, acknowledged_by="ann")
    assert client.get("/health/ready").json()["degraded"] == []
    scraped = client.get("/metrics").content.decode().splitlines()
    assert 'gateway_flag_write_alerts_open{reason="Unavailable",service="north"} 0.0' in scraped
    assert 'gateway_flag_write_alerts_total{reason="Unavailable",service="north"} 3.0' in scraped


def test_the_root_leads_to_the_admin(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/admin/"


def test_the_metrics_show_todays_legs_by_what_became_of_them(client: Client, redis: Any) -> None:
    source, now = CtiSource.objects.create(slug="pbx", kind="http"), timezone.now()
    for hour, outcome, legs in ((now, "flagged", 7), (now, "refused", 1), (now - timedelta(days=2), "flagged", 100)):
        HourlyCount.objects.create(source=source, hour=hour_of(hour), outcome=outcome, legs=legs)

    scraped = client.get("/metrics").content.decode()

    assert 'gateway_legs_today{outcome="flagged"} 7.0' in scraped
    assert 'gateway_legs_today{outcome="refused"} 1.0' in scraped


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("link", "CTI source pbx: disconnected"),
        ("breaker", "Recording Service north: 5 failures in a row. timed out"),
        ("writes", "Waiting flag writes: 1 has waited longer than a minute."),
        ("users", "QMS users of north: None was ever loaded: no call there can be flagged. QMS refused"),
    ],
)
def test_whatever_is_not_well_is_named_while_events_are_still_taken(
    client: Client, redis: Any, service: RecordingService, trouble: str, sentence: str
) -> None:
    now = timezone.now()
    if trouble == "link":
        source = CtiSource.objects.create(slug="pbx", kind="csta_xml", host="h", port=1)
        LinkStatus.objects.create(source=source, state=LinkState.DOWN, reported_at=now)
    if trouble == "breaker":
        ServiceHealth.objects.create(service=service, failures=5, error="timed out")
    if trouble == "writes":
        FlagWrite.objects.create(
            leg_id=1,
            source_id=1,
            service=service,
            recording_guid="g",
            part="base",
            not_before=now,
            created_at=now - timedelta(minutes=2),
        )
    if trouble == "users":
        UserRefresh.objects.create(service=service, trigger="daily", started_at=now, error="QMS refused")

    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert any(one.startswith(sentence) for one in answer.json()["degraded"]), answer.json()["degraded"]


def test_a_migration_that_was_not_applied_is_named() -> None:
    recorder = MigrationRecorder(connection)
    assert probes.migrations() == "all applied"
    newest = max(name for app, name in recorder.applied_migrations() if app == "cti")

    recorder.record_unapplied("cti", newest)

    with pytest.raises(probes.ProbeFailed, match=rf"1 not applied \(cti\.{newest}\)"):
        probes.migrations()
