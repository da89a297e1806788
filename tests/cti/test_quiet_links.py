"""A link from which nothing of a call comes in working hours is never well; nor is one that lacks rights."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

import clock
from cti.http_intake.tokens import mint_token
from cti.models import CtiSource, IntakeToken, LinkState, LinkStatus, QuarantinedMessage
from cti.quarantine import causes_since, record_quarantined
from cti.sources.port import Quarantined
from cti.status_text import link_sentences, quiet_text
from cti.ui.panels import quarantine_causes
from cti.working_hours import parse
from gateway_site.ops.health_parts import health
from tests.cti.examples import as_json, cloud_event, source

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def status(hours_up: float, call_hours_ago: float | None = None, now: datetime = MONDAY_NOON) -> LinkStatus:
    last = now - timedelta(hours=call_hours_ago) if call_hours_ago is not None else None
    return LinkStatus(state=LinkState.UP, since=now - timedelta(hours=hours_up), last_call_at=last, reported_at=now)


def post(client: Client, token: str, event: object) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/api/events", as_json(event), content_type="application/json", headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("hours_up", "call_hours_ago", "now", "is_quiet"),
    [
        (3, None, MONDAY_NOON, True),
        (100, 90, MONDAY_NOON, True),
        (1, None, MONDAY_NOON, False),
        (100, 1, MONDAY_NOON, False),
        (100, 90, MONDAY_NOON.replace(hour=9), False),
        (100, 90, MONDAY_NOON.replace(hour=22), False),
        (100, 90, MONDAY_NOON - timedelta(days=1), False),
    ],
)
def test_a_link_is_quiet_after_two_hours_of_a_working_day(
    hours_up: float, call_hours_ago: float | None, now: datetime, is_quiet: bool
) -> None:
    assert bool(quiet_text(status(hours_up, call_hours_ago, now), now)) is is_quiet


@pytest.mark.parametrize(
    ("hours", "moment", "opening"),
    [
        ("mon-fri 8-18", MONDAY_NOON, MONDAY_NOON.replace(hour=8)),
        ("mon-fri 8-12", MONDAY_NOON, None),
        ("fri-mon 12:00-12:30", MONDAY_NOON, MONDAY_NOON),
        ("tue,wed 8-18", MONDAY_NOON, None),
        ("sun 20:30-14", MONDAY_NOON, MONDAY_NOON - timedelta(hours=15, minutes=30)),
        ("mon 20-6", MONDAY_NOON, None),
        ("mon-sun 0-24", MONDAY_NOON, MONDAY_NOON.replace(hour=0)),
        ("MON  8:00-18:00", MONDAY_NOON, MONDAY_NOON.replace(hour=8)),
    ],
)
def test_working_hours_are_days_and_a_time_that_may_end_on_the_next_day(
    hours: str, moment: datetime, opening: datetime | None
) -> None:
    found = parse(hours)

    assert found is not None
    assert found.opening(moment) == opening


def test_a_site_sets_its_working_hours_and_how_long_it_may_be_quiet(settings: Any) -> None:
    night = MONDAY_NOON.replace(hour=22)
    settings.WORKING_HOURS = parse("mon 20-6")
    assert quiet_text(status(100, 90, night), night).startswith(
        "The link is up, but nothing of a call has come for 2 hours"
    )

    settings.QUIET_HOURS = 2.5
    assert quiet_text(status(100, 90, night), night) == ""
    assert "for 2.5 hours" in quiet_text(status(100, 90, night), night + timedelta(hours=1))

    settings.WORKING_HOURS = parse("")
    assert quiet_text(status(100, 90), MONDAY_NOON) == ""


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
def test_a_program_that_posts_agents_and_no_calls_is_not_well(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    web = source("web")
    token = mint_token(web).text
    monkeypatch.setattr(clock, "now", lambda: MONDAY_NOON - timedelta(hours=4))
    IntakeToken.objects.update(created_at=clock.now())
    agent = {"type": "csta.agent.LoggedOn", "data": {"agentId": "9101", "deviceId": "2001"}}
    post(client, token, cloud_event("1", **agent))
    monkeypatch.setattr(clock, "now", lambda: MONDAY_NOON)

    assert link_sentences(web, MONDAY_NOON)[0].startswith(
        "Nothing of a call has been posted for 2 hours: none has ever"
    )
    (part,) = [one for one in health(MONDAY_NOON) if one.name == "CTI source web"]
    assert not part.ok

    post(client, token, cloud_event("2"))

    assert IntakeToken.objects.get().last_call_at == MONDAY_NOON
    assert "Nothing of a call" not in " ".join(link_sentences(web, MONDAY_NOON))
    assert [one for one in health(MONDAY_NOON) if one.name == "CTI source web"] == []


@pytest.mark.django_db
def test_the_page_says_what_is_lacking_and_what_to_do() -> None:
    source = CtiSource.objects.create(slug="pbx", kind="asterisk_ami")
    source.status = status(0.1)
    source.status.lack = "The PBX refuses Agents to this user. In manager.conf, give it a line."

    assert source.status.lack in link_sentences(source, MONDAY_NOON)


@pytest.mark.django_db
def test_what_could_not_be_read_is_counted_by_cause_with_the_calls_that_it_cost() -> None:
    source = CtiSource.objects.create(slug="pbx", kind="asterisk_ami")
    found = [Quarantined(b"%d" % number, "message", "Channel is missing", call=f"c{number % 2}") for number in range(5)]
    record_quarantined(source.pk, [*found, Quarantined(b"x", "frame", "too long")], MONDAY_NOON)
    record_quarantined(source.pk, [Quarantined(b"old", "frame", "too long")], MONDAY_NOON - timedelta(days=1))

    assert [tuple(one) for one in causes_since(MONDAY_NOON.replace(hour=0))] == [
        ("Channel is missing", 5, 2),
        ("too long", 1, 0),
    ]
    assert [cost for _, cost in quarantine_causes(MONDAY_NOON)] == [
        "5 messages today, about 2 calls",
        "1 message today; no call named",
    ]
    assert QuarantinedMessage.objects.count() == 7
