"""The dashboard's figures are true: to the legs' table, to the buckets, to what is broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.models import HourlyCount, HourlyLatency, Leg, Measure
from calls.objectives.months import month_report
from calls.stats.histogram import Histogram, times
from calls.stats.hourly import BUCKETS_MS
from calls.stats.rebuild import recount
from calls.storage.codec import leg_key
from cti.models import CtiSource, LinkState, LinkStatus
from flags.models import FlagWrite
from gateway_site.dashboard.page import figures
from gateway_site.dashboard.today import chart, legs_link, today
from gateway_site.ops import probes, worker_heartbeat
from gateway_site.ops.health_parts import health
from qms.models import DataServer, RecordingService, ServiceHealth
from tests.cti.examples import source

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def legs(of: CtiSource, count: int, **members: Any) -> None:
    """Save legs, as the consumer would, and count them."""
    usual: dict[str, Any] = {
        "device_id": "2001",
        "phase": "settled",
        "connected_at": NOW - timedelta(hours=1),
        "folded_at": NOW,
        "facts": b"",
        "outcome": "flagged",
    }
    first = Leg.objects.count() + 1
    Leg.objects.bulk_create(
        Leg(id=leg_key(of.pk, first + number), source=of, call_id=f"C{first + number}", **{**usual, **members})
        for number in range(count)
    )
    recount()


@pytest.fixture
def running(redis: object) -> CtiSource:
    """Give a source of a gateway that is wholly well at ``NOW``."""
    for queue in worker_heartbeat.QUEUES:
        cache.set(f"pulse:{queue}", NOW.isoformat(), timeout=60)
    server = DataServer.objects.create(slug="ds1")
    service = RecordingService.objects.create(slug="rs1", data_server=server, url="http://127.0.0.1:9/")
    ServiceHealth.objects.update_or_create(service=service, defaults={"ok_at": NOW, "failures": 0})
    pbx = source("pbx")
    LinkStatus.objects.update_or_create(source=pbx, defaults={"state": LinkState.UP, "reported_at": NOW})
    return pbx


def test_the_sentence_says_what_works_and_how_much_is_flagged(running: CtiSource) -> None:
    legs(running, 997)
    legs(running, 3, outcome="not_recorded", reason_code="none")
    legs(running, 2, outcome="waiting", phase="open")

    said = figures(NOW).sentence

    assert said.is_well
    assert said.text == (
        "All is well: the Recording Service answers, 2 calls in progress, 99.7 % of today's finished calls are flagged."
    )


def test_a_share_is_never_rounded_up_to_its_target(running: CtiSource) -> None:
    legs(running, 1)
    HourlyCount.objects.update(legs=98_999)
    HourlyCount.objects.create(
        source=running, hour=NOW.replace(minute=0), outcome="refused", reason_code="X", legs=1001
    )

    said = figures(NOW).sentence

    assert said.mood == "fair"
    assert "but 98.9 %" in said.text
    assert "Most often: refused: X (1,001)" in said.text
    assert said.link == legs_link("refused", "X")


@pytest.mark.parametrize(
    ("flagged", "missed", "mood"),
    [(100, 1, "well"), (78, 1, "fair"), (1, 1, "fair"), (0, 3, "broken"), (970, 30, "fair"), (9000, 1000, "broken")],
)
def test_one_call_of_a_few_is_no_alarm_and_a_target_missed_by_much_is(
    running: CtiSource, flagged: int, missed: int, mood: str
) -> None:
    legs(running, 1, outcome="not_recorded", reason_code="none")
    hour = NOW.replace(minute=0)
    HourlyCount.objects.update(legs=missed)
    HourlyCount.objects.create(source=running, hour=hour, outcome="flagged", reason_code="", legs=flagged)

    said = figures(NOW).sentence

    assert said.mood == mood
    assert said.is_well == (mood != "broken")


def test_the_sentence_names_what_is_broken_first(running: CtiSource) -> None:
    ServiceHealth.objects.update(failures=4, error="No answer within 5 s.")

    said = figures(NOW).sentence

    assert not said.is_well
    assert said.text == "Recording Service rs1: 4 failures in a row. No answer within 5 s."
    assert said.link == reverse("admin:qms_recordingservice_change", args=[RecordingService.objects.get().pk])


def refused(count: int) -> None:
    """Let QMS have refused flag writes, and nobody know of it."""
    service = RecordingService.objects.get()
    FlagWrite.objects.bulk_create(
        FlagWrite(
            leg_id=number,
            source_id=1,
            service=service,
            recording_guid=f"G{number}",
            part="base",
            state="refused",
            error_code="UnknownFlag",
            not_before=NOW,
            created_at=NOW,
            alert_since=NOW,
        )
        for number in range(count)
    )


def test_flag_writes_that_nobody_knows_to_be_given_up_are_named_until_acknowledged(running: CtiSource) -> None:
    refused(2)

    said = figures(NOW).sentence

    assert not said.is_well
    assert said.text == (
        "Flag writes: 2 were given up or refused and not acknowledged. Most often: "
        "A flag does not exist in QMS: create it on the Flags page, or else in QMS itself, then retry."
    )
    assert said.link == "/admin/flags/flagwrite/?alert=open"
    FlagWrite.objects.update(acknowledged_at=NOW, acknowledged_by="ann")
    assert figures(NOW).sentence.is_well


def test_the_alert_is_said_beside_what_is_broken(running: CtiSource, client: Client) -> None:
    refused(1)
    cache.delete_many([f"pulse:{queue}" for queue in worker_heartbeat.QUEUES])
    client.force_login(User.objects.create_superuser("admin", password="x"))

    text = client.get(reverse("dashboard-fragment")).content.decode()
    sentence = text[text.index("qd-sentence") : text.index("</p>", text.index("qd-sentence"))]

    assert "Beat: No heartbeat" in sentence
    assert "1 was given up or refused and not acknowledged" in sentence
    assert 'href="/admin/flags/flagwrite/?alert=open"' in sentence


def test_a_service_that_was_not_asked_for_long_is_not_said_to_answer_now(running: CtiSource) -> None:
    ServiceHealth.objects.update(ok_at=NOW - timedelta(hours=5))

    assert "answered when last asked" in figures(NOW).sentence.text


def test_without_any_sign_beat_is_named_and_not_each_worker(running: CtiSource) -> None:
    parts = {part.name: part.ok for part in health(NOW + timedelta(minutes=10))}

    assert parts["Beat"] is False
    assert not any(name.startswith("Worker") for name in parts)


def test_one_dead_worker_is_named_by_its_queue(running: CtiSource) -> None:
    cache.set("pulse:writes", (NOW - timedelta(minutes=10)).isoformat(), timeout=60)

    broken = [part.name for part in health(NOW) if not part.ok]

    assert broken == ["Worker for writes"]


def test_a_redis_that_does_not_answer_is_named_and_the_page_still_stands(
    running: CtiSource, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    nobody = RedisCache("redis://127.0.0.1:1/0", {})
    monkeypatch.setattr(probes, "cache", nobody)
    monkeypatch.setattr(worker_heartbeat, "cache", nobody)
    client.force_login(User.objects.create_superuser("admin", password="x"))

    answer = client.get(reverse("dashboard-fragment"))

    assert answer.status_code == 200
    assert b"Redis: Redis does not answer" in answer.content


def test_today_begins_at_midnight_and_misses_stand_by_their_reason(running: CtiSource) -> None:
    legs(running, 5, connected_at=NOW - timedelta(hours=20))
    legs(running, 2, outcome="not_recorded", reason_code="none")
    legs(running, 3, outcome="not_recorded", reason_code="several")
    legs(running, 4, outcome="user_unmatched")
    legs(running, 1)

    day = today(NOW)

    assert [(miss.name, miss.count) for miss in day.misses] == [
        ("user unmatched", 4),
        ("not recorded: more than one recording", 3),
        ("not recorded: QMS had no recording", 2),
    ]
    assert [miss.percent for miss in day.misses] == [100, 75, 50]
    assert (day.legs, day.flagged, day.flagged_percent) == (10, 1, 10.0)
    assert len(day.newest_misses) == 8


def test_the_share_that_the_objectives_count_stands_beside_the_dashboards(running: CtiSource) -> None:
    legs(running, 2, outcome="not_recorded", reason_code="none")
    legs(running, 4, outcome="user_unmatched")
    legs(running, 1, outcome="refused", reason_code="UnknownFlag")
    legs(running, 3)
    count = month_report(NOW.date().replace(day=1), NOW).standings[0].last_day

    day = today(NOW)

    assert (day.flagged_percent, day.named_percent, day.others) == (30.0, 75.0, 6)
    assert (count.whole, count.percent) == (day.named, day.named_percent)
    said = render_to_string("gateway_site/dashboard.html", {"figures": figures(NOW)})
    assert "counts 75.0 % of 4: without 6 that nobody failed to flag" in said


def test_the_share_names_the_number_that_it_divides_by_and_times_their_zone(running: CtiSource) -> None:
    """Before: 41.0 % stood beside 505 of all legs, those that wait included."""
    legs(running, 3)
    legs(running, 1, outcome="not_recorded", reason_code="none")
    legs(running, 2, outcome="waiting", phase="open")

    said = " ".join(render_to_string("gateway_site/dashboard.html", {"figures": figures(NOW)}).split())

    assert "75.0 %" in said
    assert "3 of 4 settled legs; 2 wait<" in said
    assert "The newest of them (UTC)" in said
    assert "legs an hour; hours in UTC" in said


def test_percentiles_are_the_upper_ends_of_their_buckets() -> None:
    assert times({100: 90, 250: 8, 10_000: 2}) == Histogram("≤ 100 ms", "≤ 250 ms", "≤ 10 s", 100)
    assert times({100: 1, BUCKETS_MS[-1]: 1}).p99 == "more than 1 h"
    assert times({}) == Histogram()


def test_latencies_are_of_today(running: CtiSource) -> None:
    old, new = NOW - timedelta(days=1), NOW.replace(minute=0)
    HourlyLatency.objects.create(source=running, hour=old, measure=Measure.GUID, bucket_ms=60_000, legs=50)
    HourlyLatency.objects.create(source=running, hour=new, measure=Measure.GUID, bucket_ms=200, legs=5)

    assert today(NOW).to_guid == Histogram("≤ 200 ms", "≤ 200 ms", "≤ 200 ms", 5)
    assert today(NOW).to_flags.count == 0


def test_the_chart_has_each_of_the_last_24_hours(running: CtiSource) -> None:
    legs(running, 6, connected_at=NOW)
    legs(running, 2, connected_at=NOW - timedelta(hours=23), outcome="refused")
    legs(running, 9, connected_at=NOW - timedelta(hours=24))

    drawn = chart(NOW)

    assert (len(drawn.hours), drawn.highest, drawn.flagged, drawn.missed) == (24, 6, 6, 2)
    assert [(hour.name, hour.flagged, hour.missed) for hour in (drawn.hours[0], drawn.hours[-1])] == [
        ("16:00", 0, 2),
        ("15:00", 6, 0),
    ]
    assert drawn.hours[-1].heights == (100, 0, 0)


def test_the_fragment_says_when_the_session_has_ended_or_the_right_is_gone(client: Client) -> None:
    address = reverse("dashboard-fragment")
    assert client.get(address).status_code == 401

    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(address).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_leg"))
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405


def test_the_dashboard_counts_no_table_of_legs(
    running: CtiSource, django_assert_max_num_queries: Any, client: Client
) -> None:
    legs(running, 3, connected_at=timezone.now())
    client.force_login(User.objects.create_superuser("admin", password="x"))
    client.get(reverse("admin:index"))

    with django_assert_max_num_queries(26) as asked:
        assert client.get(reverse("dashboard-fragment")).status_code == 200

    counting = [one["sql"] for one in asked.captured_queries if "COUNT" in one["sql"] and "calls_leg" in one["sql"]]
    assert all("LIMIT" in sql for sql in counting), counting
