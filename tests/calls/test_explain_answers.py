"""From a question to its legs, and to what the ledger, the settings and the journal say where there is none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Allocation, QmsUser
from calls.explain.answers import Question, answers
from calls.explain.texts.leg_outcome import Explanation
from calls.models import SWITCHED_OFF, Gap, Leg, has_recording
from cti.api import Arrival, append_unique
from cti.models import CtiSource, LinkStatus, QuarantinedMessage
from history.commands import record_command, stored_state
from tests.calls.test_live import leg as save_leg
from tests.calls.test_live import search
from tests.cti.examples import source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=1)
GUID = "0a1b2c3d-0000-4000-8000-00000000abcd"


def leg(number: int, at: datetime = NOON, lasted: float | None = 60, **members: Any) -> Leg:
    """Save a settled leg that began at a moment and lasted this many seconds."""
    usual: dict[str, Any] = {
        "connected_at": at,
        "disconnected_at": at + timedelta(seconds=lasted) if lasted is not None else None,
        "phase": "settled",
        "outcome": "not_recorded",
        "reason": "QMS had no recording.",
    }
    return save_leg(number, **{**usual, **members})


def ask(text: str, at: datetime | None = None) -> list[Explanation]:
    return answers(Question(text, at), NOW)


def keys(text: str, at: datetime | None = None) -> list[int]:
    return [one.links[0].key for one in ask(text, at)]


@pytest.mark.parametrize("text", [GUID, GUID.upper(), "{" + GUID + "}", "C1", "I1"])
def test_a_leg_is_found_by_guid_call_reference_and_interaction(text: str) -> None:
    wanted = leg(1, recording_guid=GUID, interaction_id="I1")
    leg(2, interaction_id="I2")

    assert keys(text) == [wanted.pk]


def test_of_several_legs_those_without_flags_are_answered_first() -> None:
    flagged = leg(1, interaction_id="I1", outcome="flagged", recording_guid=GUID)
    waiting = leg(2, interaction_id="I1", outcome="waiting")
    missed = leg(3, interaction_id="I1")

    assert keys("I1") == [missed.pk, waiting.pk, flagged.pk]


@pytest.mark.parametrize(
    ("seconds", "is_found"),
    [
        *[(-60, True), (60, True), (0, True)],  # Minutes: a person's time often is no more exact.
        *[(-120, False), (120, False)],
        *[(-5.5, False), (-4.5, True), (30, True), (64, True), (66, False), (-50, False)],
    ],
)
def test_by_extension_and_time_the_leg_is_found_that_was_there_give_or_take(seconds: float, is_found: bool) -> None:
    """Before: an extension's call up to two minutes beside answered for one that was never heard."""
    leg(1)

    (found,) = ask("2001", NOON + timedelta(seconds=seconds))

    assert found.said.startswith("Extension 2001 was connected in call C1") is is_found
    assert found.said.startswith("No leg of extension 2001") is not is_found


def test_a_call_in_progress_is_found_by_any_time_since_it_began() -> None:
    wanted = leg(1, lasted=None, phase="open", outcome="waiting")

    assert keys("2001", NOON + timedelta(minutes=50)) == [wanted.pk]


def test_extensions_are_compared_exactly() -> None:
    leg(1, device_id="02001")

    assert "No leg of extension 2001" in ask("2001", NOON)[0].said


def test_a_reference_that_was_used_again_is_distinguished_by_the_time() -> None:
    old, new = leg(1, call_id="C9", at=NOON - timedelta(days=1)), leg(2, call_id="C9")

    assert keys("C9", NOON) == [new.pk]
    assert keys("C9", NOON - timedelta(days=1)) == [old.pk]
    assert len(keys("C9")) == 2


def test_a_name_that_is_known_is_answered_though_the_time_is_wrong() -> None:
    wanted = leg(1, recording_guid=GUID)

    assert keys(GUID, NOON - timedelta(days=3)) == [wanted.pk]


def test_an_extension_alone_leads_to_its_newest_calls() -> None:
    rows = [leg(number, at=NOON + timedelta(minutes=number)) for number in range(1, 8)]

    (found,) = ask("2001")

    assert found.heading == "Which call of the extension?"
    assert [link.key for link in found.links] == [row.pk for row in reversed(rows[2:])]


def test_while_the_recording_is_sought_the_search_says_until_when() -> None:
    row = leg(1, lasted=None, phase="open", outcome="waiting")
    search(row)

    assert ask("C1")[0].heading.startswith("Not yet")


def test_a_leg_that_was_seen_late_is_answered_with_its_gap() -> None:
    row = leg(1, outcome="joined_late")
    Gap.objects.create(source=row.source, began_at=NOON - timedelta(minutes=9), ended_at=NOON, reason="Refused")

    assert "(Refused)" in ask("C1")[0].said


def nothing(at: datetime = NOON) -> Explanation:
    (found,) = ask("2001", at)
    assert "No leg of extension 2001" in found.said
    return found


@pytest.fixture
def pbx() -> CtiSource:
    """Give a source that hears the extension, with a leg long ago."""
    pbx = source("pbx")
    save_leg(
        1,
        of=pbx,
        connected_at=NOON - timedelta(days=9),
        disconnected_at=NOON - timedelta(days=9),
        phase="settled",
        outcome="flagged",
    )
    return pbx


@pytest.mark.parametrize(
    ("began", "ended", "is_told"),
    [(-9, -1, True), (-9, None, True), (-9, -3, False), (1, 5, True), (3, 5, False)],
)
def test_a_gap_of_that_time_is_reported(pbx: CtiSource, began: int, ended: int | None, is_told: bool) -> None:
    Gap.objects.create(
        source=pbx,
        began_at=NOON + timedelta(minutes=began),
        ended_at=None if ended is None else NOON + timedelta(minutes=ended),
    )

    assert (nothing().heading == "The link was down then") is is_told


@pytest.mark.parametrize(
    ("devices", "heading"),
    [
        ({"2001": "", "2002": ""}, "Events of 2001 were missed then"),
        (
            {"2001": (NOON - timedelta(minutes=5)).isoformat(), "2002": ""},
            "No connected call is known there then",
        ),
        ({"2002": ""}, "No connected call is known there then"),
    ],
)
def test_a_gap_of_named_extensions_is_a_cause_at_these_alone(
    pbx: CtiSource, devices: dict[str, str], heading: str
) -> None:
    """Before: a gap of one phone was the cause at every extension of the source."""
    Gap.objects.create(source=pbx, began_at=NOON - timedelta(minutes=9), devices=devices)

    assert nothing().heading == heading


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"devices": ["2002"]}, "does not monitor extension 2001"),
        ({"devices": ["02001", "+49892001"]}, "It lists +49892001, 02001"),
        ({"kind": "csta_xml", "devices": []}, "lists no devices at all"),
        ({"queues": {"2001": "Sales"}}, "is a queue"),
        ({"options": {"ignored_devices": ["2001"]}}, "ignored devices"),
        ({"enabled": False}, "is switched off"),
    ],
)
def test_an_extension_that_is_not_heard_is_reported_from_the_settings(
    pbx: CtiSource, members: dict[str, Any], said: str
) -> None:
    CtiSource.objects.filter(pk=pbx.pk).update(**members)

    assert said in nothing().said


def change(row: CtiSource, seconds: float, **members: Any) -> None:
    """Change a source's settings as its page does, these seconds after noon."""
    before = stored_state(row)
    for name, value in members.items():
        setattr(row, name, value)
    row.save()
    record_command(row, before)
    at = NOON + timedelta(seconds=seconds)
    LogEntry.objects.filter(pk=LogEntry.objects.latest("id").pk).update(action_time=at)


@pytest.mark.parametrize(
    ("seconds", "heading", "said"),
    [
        (1, "The CTI source was switched off then", "pbx was switched off from 2026-03-02 12:00:00"),
        (5, "No connected call is known there then", "By the settings of that time"),
        (12, "The extension was not monitored then", "2001 was among the ignored devices of pbx then."),
        (16, "No connected call is known there then", "the extension was heard (pbx)"),
        (22, "The extension was not monitored then", "pbx did not monitor extension 2001 then."),
        (30, "The CTI source was switched off then", "pbx was switched off from 2026-03-02 12:00:30"),
        (-10, "No connected call is known there then", "the ledger has no gap"),
    ],
)
def test_what_a_source_heard_is_told_by_the_settings_of_that_second(
    pbx: CtiSource, seconds: int, heading: str, said: str
) -> None:
    """Before: a time at which it was switched off counted for two minutes around it, and today's lists for any time."""
    change(pbx, 0.3, enabled=False)
    change(pbx, 3.5, enabled=True)
    change(pbx, 10, options={"ignored_devices": ["2001"]})
    change(pbx, 15, options={})
    change(pbx, 20, devices=["2002"])
    change(pbx, 25, devices=["2001", "2002"])
    change(pbx, 30.9, enabled=False)
    change(pbx, 40, enabled=True)
    for began, ended in ((0.3, 3.5), (30.9, 40)):
        began_at, ended_at = (NOON + timedelta(seconds=one) for one in (began, ended))
        Gap.objects.create(source=pbx, began_at=began_at, ended_at=ended_at, reason=SWITCHED_OFF)

    found = nothing(NOON + timedelta(seconds=seconds))

    assert found.heading == heading
    assert said in found.said


def test_a_test_extension_is_heard_though_it_is_not_among_the_devices(pbx: CtiSource) -> None:
    """Before: the answer was that its source does not monitor it, while its legs were there."""
    CtiSource.objects.filter(pk=pbx.pk).update(devices=["2002"], canary_extensions=["2001"])

    assert "does not monitor" not in nothing().said


def test_a_monitor_that_the_pbx_refuses_is_reported(pbx: CtiSource) -> None:
    LinkStatus.objects.create(source=pbx, monitors_refused={"2001": "Not authorised"})

    assert "Not authorised" in nothing().said


def test_messages_that_could_not_be_read_then_are_reported(pbx: CtiSource) -> None:
    QuarantinedMessage.objects.create(source=pbx, at=NOON, kind="event", error="x", raw=b"")

    assert "1 message of pbx of that time could not be read" in nothing().said


def test_events_that_wait_in_the_journal_are_reported(pbx: CtiSource, redis: Any) -> None:
    event = (
        b'{"specversion":"1.0","id":"e1","source":"pbx","type":"csta.call.Established",'
        b'"time":"2026-03-02T11:59:00Z","data":{"callId":"C5","deviceId":"2001"}}'
    )
    append_unique("pbx", [Arrival("e1", event)])

    assert "Events of pbx from 11:59:00 on" in nothing().said


def test_a_journal_that_is_away_is_reported_and_the_page_still_answers(
    pbx: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "JOURNAL_URL", "redis://127.0.0.1:1/0")

    assert "The journal cannot be read now" in nothing().heading


def test_a_source_without_a_recording_service_is_reported(pbx: CtiSource) -> None:
    assert "no enabled Recording Service is allocated to pbx" in nothing().said

    service = search(leg(8, device_id="2999")).service
    Allocation.objects.create(source=pbx, service=service)
    assert "No QMS user has extension 2001" in nothing().said


def test_a_source_beside_that_of_the_extension_is_not_told_what_it_lacks(pbx: CtiSource) -> None:
    """Before: the Recording Service of the source that had the extension off its list for some seconds."""
    service = search(leg(8, device_id="2999")).service
    Allocation.objects.create(source=pbx, service=service)
    QmsUser.objects.create(
        service=service, user_id="1", licence="Unlimited", extension="2001", recording_service="Any", loaded_at=NOON
    )
    CtiSource.objects.create(slug="open", kind="http")
    change(pbx, 10, devices=["2002"])
    change(pbx, 20, devices=["2001", "2002"])

    found = nothing(NOON + timedelta(seconds=15))

    assert found.heading == "The extension was not monitored then"
    assert "Besides" not in found.said


def test_before_retention_and_in_the_future_the_time_is_the_cause(pbx: CtiSource) -> None:
    assert nothing(NOW + timedelta(hours=1)).heading == "This time is still to come"
    assert nothing(NOW - timedelta(days=settings.RETENTION_DAYS + 1)).heading.startswith("Too old")


def test_a_leg_that_the_consumer_did_not_save_is_answered_by_its_columns() -> None:
    leg(1, reason="A reason of its own.", outcome="window_missed")

    assert "A reason of its own." in ask("C1")[0].said


@pytest.fixture
def viewer(client: Client) -> Client:
    """Give the client of someone who may see legs."""
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_leg"))
    client.force_login(user)
    return client


def test_the_page_answers_and_leads_to_the_leg(viewer: Client) -> None:
    row = leg(1, caller_name="Jo Secret", call_id="C<1>")
    page = viewer.get(reverse("why"), {"text": "C<1>"}).content.decode()

    assert "What to do:" in page
    assert reverse("admin:calls_leg_change", args=[row.pk]) in page
    assert "C&lt;1&gt;" in page
    assert "C<1>" not in page
    assert "Jo Secret" not in page


def test_the_page_takes_the_time_in_the_sites_zone(viewer: Client) -> None:
    with timezone.override("Europe/Berlin"):
        leg(1)
        page = viewer.get(reverse("why"), {"text": "2001", "at": "2026-03-02T13:00"}).content.decode()

    assert "Not flagged: " in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"text": ""}, "This field is required"),
        ({"text": "2001", "at": "yesterday"}, "A date with a time of day is needed"),
        ({"text": "2001", "at": "0001-01-01T00:00"}, "Ensure this value"),
        ({"text": "2001\0"}, "Null characters"),
        ({"text": "x" * 300}, "at most 255"),
    ],
)
def test_a_question_that_cannot_be_read_is_reported(viewer: Client, query: dict[str, str], said: str) -> None:
    answer = viewer.get(reverse("why"), query)

    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_the_page_is_for_those_who_may_see_legs(client: Client) -> None:
    assert client.get(reverse("why")).status_code == 302
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    assert client.get(reverse("why")).status_code == 403


def test_a_leg_is_found_by_its_recording_through_the_index() -> None:
    found = Leg.objects.filter(has_recording(), recording_guid__in={GUID, "other"}).order_by("-connected_at")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # Of an empty table every plan costs the same.
            for number in range(100):
                leg(number, recording_guid=f"guid {number}")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("ANALYZE calls_leg")

    assert "calls_one_leg_a_recording" in found.explain()
