"""What bounds a source: it says so, it loses nothing silently, and it harms no other."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django import Settings

import clock
from calls.models import Checkpoint
from calls.stats.source_load import publish_loads
from cti.api import Arrival, append_unique, forget_bounds, journal_state, read_journal
from cti.bounds import (
    BOUNDS,
    BY_SETTING,
    CALLS,
    JOURNAL,
    LINK_BYTES,
    LINK_EVENTS,
    REQUEST_BYTES,
    SPOOL,
    TOKEN_EVENTS,
    Bound,
)
from cti.http_intake.tokens import mint_token
from cti.journal.refusals import Refusals, note_held, note_refused, refused_lately
from cti.journal.stream import JournalUnavailable
from cti.listener.throttle import BURST_SECONDS, LinkThrottle
from cti.models import CtiSource
from cti.source_bounds import SourceBounds, bounds_in_use, bounds_of
from cti.status_text import bound_sentences
from gateway_site.ops.degraded import LASTING, full_sources

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

Post = Callable[[int], Any]


@pytest.fixture
def source() -> CtiSource:
    return CtiSource.objects.create(slug="crm", kind="http")


@pytest.fixture
def post(source: CtiSource) -> Post:
    """Post a number of events, each of which opens a call."""
    token = mint_token(source).text
    client, numbers = Client(headers={"Authorization": f"Bearer {token}"}), iter(range(100_000))

    def send(count: int) -> Any:
        events = [_event(next(numbers)) for _ in range(count)]
        return client.post("/api/events", msgspec.json.encode(events), content_type="application/json")

    return send


def _event(number: int) -> dict[str, Any]:
    data = {"callId": f"c{number}", "deviceId": f"{2001 + number}"}
    moment = clock.now().isoformat()
    members = {"id": f"e{number}", "source": "crm", "type": "csta.call.Established", "time": moment, "data": data}
    return {"specversion": "1.0", **members}


def test_every_bound_has_a_setting_whose_default_is_that_of_the_table(settings: Settings) -> None:
    assert {one.setting: getattr(settings, one.setting) for one in BOUNDS} == {
        one.setting: one.default for one in BOUNDS
    }


@pytest.mark.parametrize(
    ("setting", "value", "status", "seconds"),
    [
        ("SOURCE_MAX_CALLS", 60, 429, range(5, 6)),
        ("SOURCE_MAX_LEGS", 60, 429, range(5, 6)),
        ("SOURCE_MAX_DEVICES", 60, 429, range(5, 6)),
        ("SOURCE_MAX_JOURNAL", 60, 429, range(5, 6)),
        ("INTAKE_EVENTS_PER_SECOND", 1, 429, range(20, 60)),
        ("INTAKE_BYTES_PER_SECOND", 200, 429, range(20, 60)),
        ("INTAKE_MAX_EVENTS", 60, 413, None),
        ("INTAKE_MAX_BYTES", 12_000, 413, None),
    ],
)
def test_what_is_beyond_a_bound_is_refused_as_a_whole_and_counted_by_the_bounds_name(
    setting: str, value: int, status: int, seconds: range | None, post: Post, settings: Settings
) -> None:
    settings.INTAKE_MAX_EVENTS, settings.INTAKE_MAX_BYTES = 100, 16_000
    setattr(settings, setting, value)
    assert post(60).status_code == 202
    bounds_of("crm")._read_at = 0.0  # As a second later.

    answer = post(90)

    again = answer.headers.get("Retry-After")
    assert (answer.status_code, seconds and int(again) in seconds) == (status, seconds and True), again
    assert f"{value:,} {BY_SETTING[setting].what} ({setting})" in answer.json()["error"]
    (refused,) = refused_lately("crm")
    assert (refused.bound.setting, refused.events) == (setting, 0 if refused.bound == REQUEST_BYTES else 90)
    assert journal_state("crm").length == 60


def test_a_request_that_was_refused_uses_up_nothing_of_the_bound(post: Post, settings: Settings) -> None:
    """Before: the first events of a request that did not fit counted as taken, and a smaller one was refused too."""
    settings.SOURCE_MAX_CALLS = 8
    assert [post(count).status_code for count in (6, 10, 2, 1)] == [202, 429, 202, 429]


def test_a_journal_that_is_full_is_open_again_when_its_folded_events_were_forgotten(
    source: CtiSource, post: Post, settings: Settings
) -> None:
    settings.SOURCE_MAX_JOURNAL = 500
    append_unique("crm", [Arrival(str(number), b'{"padding": "%s"}' % (b"x" * 200)) for number in range(500)])
    checkpoint = Checkpoint.objects.create(source=source)
    publish_loads(clock.now())
    assert journal_state("crm").length == 500
    assert post(1).status_code == 429

    checkpoint.last_id = read_journal("crm", "0-0", 400)[-1].id
    checkpoint.save()
    publish_loads(clock.now())
    forget_bounds()

    assert 250 < journal_state("crm").length <= 450
    assert read_journal("crm", checkpoint.last_id, 1_000)[-1].id == journal_state("crm").last_id
    assert post(1).status_code == 202


def test_entries_that_are_not_folded_are_never_forgotten(source: CtiSource, settings: Settings) -> None:
    settings.SOURCE_MAX_JOURNAL = 100
    append_unique("crm", [Arrival(str(number), b"{}") for number in range(1_000)])
    Checkpoint.objects.create(source=source, last_id=read_journal("crm", "0-0", 10)[-1].id)

    publish_loads(clock.now())

    assert journal_state("crm").length >= 990


# A link.


class LinkTime:
    """Monotonic time that a test moves; who sleeps moves it."""

    def __init__(self) -> None:
        self.at = 50.0
        self.slept: list[float] = []
        self.wakes: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)
        self.wakes()


@pytest.fixture
def link_time() -> LinkTime:
    return LinkTime()


@pytest.fixture
def throttle(link_time: LinkTime, settings: Settings) -> LinkThrottle:
    settings.LINK_EVENTS_PER_SECOND, settings.LINK_BYTES_PER_SECOND = 100, 10_000
    return LinkThrottle("crm", SourceBounds("crm"), link_time.now, link_time.sleep)


def test_a_link_within_its_bounds_is_never_held_up(throttle: LinkThrottle, link_time: LinkTime) -> None:
    for _ in range(100):
        link_time.at += 1
        throttle.count(events=100, size=10_000)
        asyncio.run(throttle.wait())

    assert not link_time.slept


def test_a_snapshot_of_ten_seconds_worth_is_read_at_once(throttle: LinkThrottle, link_time: LinkTime) -> None:
    throttle.count(events=round(100 * BURST_SECONDS))
    asyncio.run(throttle.wait())

    assert not link_time.slept


@pytest.mark.parametrize(("events", "size", "bound"), [(30, 0, LINK_EVENTS), (0, 3_000, LINK_BYTES)])
def test_a_link_beyond_its_bound_is_read_at_that_rate_and_says_for_how_long_it_was_not_read(
    events: int, size: int, bound: Bound, throttle: LinkThrottle, link_time: LinkTime
) -> None:
    """It sends in ten seconds what it may in thirty; ten seconds' worth are given, so that it takes twenty."""
    began = link_time.at
    for _ in range(100):
        link_time.at += 0.1
        throttle.count(events=events, size=size)
        asyncio.run(throttle.wait())
    throttle.report()

    assert link_time.at - began == pytest.approx(20, abs=0.5)
    assert max(link_time.slept) <= 0.5
    assert [(one.bound, one.events) for one in refused_lately("crm")] == [(bound, 0)]
    assert refused_lately("crm")[0].held_seconds == pytest.approx(10, abs=0.5)


def test_a_link_is_not_read_while_the_journal_is_full_and_again_when_it_has_room(
    throttle: LinkThrottle, link_time: LinkTime, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SOURCE_MAX_JOURNAL = 1
    append_unique("crm", [Arrival("a", b"{}")])
    bounds = SourceBounds("crm")
    bounds.refresh()
    throttle = LinkThrottle("crm", bounds, link_time.now, link_time.sleep)

    def room_after_a_minute() -> None:
        settings.SOURCE_MAX_JOURNAL = 1 if link_time.at < 110 else 2

    link_time.wakes = room_after_a_minute
    asyncio.run(throttle.wait())
    throttle.report()

    (held,) = refused_lately("crm")
    assert (held.bound, round(held.held_seconds)) == (JOURNAL, 60)


def test_what_redis_did_not_take_of_a_report_is_reported_later_and_once(
    throttle: LinkThrottle, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle.refuse(SPOOL, 3)
    with monkeypatch.context() as away:
        away.setattr("cti.listener.throttle.note_refused", _unavailable)
        with pytest.raises(JournalUnavailable):
            throttle.report()
    throttle.report()
    throttle.report()

    assert [(one.bound, one.events) for one in refused_lately("crm")] == [(SPOOL, 3)]


def _unavailable(*_: object) -> None:
    raise JournalUnavailable("away", retryable=True)


# What people see.


def test_the_page_says_what_was_refused_from_when_to_when_why_and_what_to_do(source: CtiSource) -> None:
    at = datetime(2026, 11, 29, 13, 5, tzinfo=UTC)
    refused = Refusals(CALLS, at, at + timedelta(minutes=2), events=1_234)
    held = Refusals(JOURNAL, at, at, held_seconds=12.34)

    texts = bound_sentences([refused, held], bounds_in_use("crm"))

    assert texts[0] == (
        "1,234 events were refused, from 2026-11-29 13:05:00 UTC to 2026-11-29 13:07:00 UTC: beyond the bound of "
        "50,000 open calls of a source (SOURCE_MAX_CALLS). Find out why so much is open there; if that is right, raise "
        "SOURCE_MAX_CALLS in .env and restart."
    )
    assert texts[1].startswith("The link was not read for 12.3 s in all, from")
    assert texts[2] == (
        "In use: 0 of 50,000 open calls, 0 of 50,000 open legs, 0 of 20,000 agents, 0 of 50,000 devices, "
        "0 of 10,000,000 events in the journal."
    )


def test_a_source_is_not_well_where_it_is_beyond_a_bound_and_where_a_rate_was_for_a_minute(
    source: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_refused("crm", TOKEN_EVENTS, 10)
    assert full_sources() == []

    note_refused("crm", CALLS, 10)
    assert [(one.name, one.kind) for one in full_sources()] == [("Source crm", "bound")]

    later = clock.now() + LASTING
    monkeypatch.setattr(clock, "now", lambda: later)
    note_refused("crm", TOKEN_EVENTS, 10)
    assert len(full_sources()) == 2


def test_a_scrape_has_what_is_in_use_and_what_was_beyond(source: CtiSource, client: Client) -> None:
    note_held("crm", LINK_EVENTS, 1.5)
    append_unique("crm", [Arrival("a", b"{}")])

    scraped = client.get("/metrics").content.decode()

    assert 'gateway_bound_reached{bound="LINK_EVENTS_PER_SECOND",source="crm"} 1.0' in scraped
    assert 'gateway_bound_used_ratio{bound="SOURCE_MAX_JOURNAL",source="crm"} 1e-07' in scraped
    assert 'gateway_link_held_seconds_total{bound="LINK_EVENTS_PER_SECOND",source="crm"} ' in scraped
