"""A caller is erased from everything that the gateway keeps, and everything is forgotten in time."""

import gzip
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.urls import reverse
from pytest_django import Settings

import clock
from agents.models import AgentSessionRecord
from calls.core.outcomes import Outcome
from calls.core.state import LegData, LegPhase
from calls.models import CallerView, Checkpoint, ExportJob, Leg
from calls.privacy.keeping import forget_old, keepings
from calls.retention import retain
from calls.storage.codec import read_leg
from cti.api import archive_journals, source_archive
from cti.models import CtiSource, QuarantinedMessage
from cti.quarantine import record_quarantine
from cti.sources.port import Quarantined
from flags.models import FlagValue, FlagWrite
from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR
from tests.attacks.actors import browser_of, person
from tests.attacks.caller_legs import NAME, NOON, NUMBER, leg_of, recording_service

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def _archive(settings: Settings, tmp_path: Path) -> None:
    settings.ARCHIVE_DIR = tmp_path


@pytest.fixture
def source() -> CtiSource:
    """Keep a source."""
    return CtiSource.objects.create(slug="pbx", kind="http")


def _furnish(source: CtiSource, redis: "redis_client.Redis") -> Leg:
    """Put the caller wherever the gateway keeps one."""
    leg, other = leg_of(source), leg_of(source, "+49301234567")
    record_quarantine(source.pk, Quarantined(f'{{"callingNumber":"{NUMBER}"}}'.encode(), "event", "broken"), NOON)
    record_quarantine(source.pk, Quarantined(b'{"callingNumber":"+49301234567"}', "event", "broken"), NOON)
    user = person(OPERATOR, "asker")
    for with_callers in (True, False):
        ExportJob.objects.create(
            user=user, kind="csv", wanted="{}", with_callers=with_callers, state="done", asked_at=NOON
        )
    redis.xadd("journal:{pbx}", {"e": f'{{"n":"{NUMBER}"}}'}, id="5-1")
    redis.xadd("journal:{pbx}", {"e": '{"n":"other"}'}, id="5-2")
    redis.xadd("journal:{pbx}", {"e": f'{{"n":"{NUMBER}", "later":1}}'}, id="9-1")
    Checkpoint.objects.update_or_create(source=source, defaults={"last_id": "6-0"})
    archive_journals(lambda: NOON)
    assert other.pk != leg.pk
    return leg


def _assert_erased(leg: Leg, redis: "redis_client.Redis") -> None:
    leg.refresh_from_db()
    state = read_leg(leg.facts, leg.trace)
    assert (leg.calling_number, leg.caller_name) == ("", "")
    assert state.facts == LegData(interaction_id="i1", queue_name="Sales")
    assert NUMBER.encode() not in bytes(leg.facts)
    assert NAME not in leg.trace
    assert (leg.agent_id, leg.outcome) == ("9001", "not_recorded")
    assert Leg.objects.filter(calling_number="+49301234567").count() == 1
    assert QuarantinedMessage.objects.count() == 1
    assert list(ExportJob.objects.values_list("with_callers", flat=True)) == [False]
    entries: Any = redis.xrange("journal:{pbx}")
    kept = [fields[b"e"] for _, fields in entries]
    archived = b"".join(gzip.decompress(path.read_bytes()) for path in source_archive("pbx").files())
    assert archived == b'5-2 {"n":"other"}\n'
    assert kept == [b'{"n":"other"}', f'{{"n":"{NUMBER}", "later":1}}'.encode()], "what is not folded is not lost"


def test_a_caller_is_erased_on_the_page_after_a_preview(source: CtiSource, redis: "redis_client.Redis") -> None:
    """Before: nothing could be erased but by waiting for its retention."""
    leg, client = _furnish(source, redis), browser_of(ADMINISTRATOR)
    form = {"kind": "number", "value": NUMBER}

    shown = client.post(reverse("erase-caller"), form).content.decode()
    assert "It would erase the caller from: 1 leg, 1 message in quarantine, 1 export" in shown.replace("\n", " ")
    leg.refresh_from_db()
    assert leg.calling_number == NUMBER

    client.post(reverse("erase-caller"), {**form, "erase": "1"})

    _assert_erased(leg, redis)
    (entry,) = LogEntry.objects.filter(object_repr="Erased a caller")
    assert NUMBER not in entry.change_message
    assert "legs: 1," in entry.change_message


def test_a_caller_is_erased_by_command(source: CtiSource, redis: "redis_client.Redis") -> None:
    leg, said = _furnish(source, redis), io.StringIO()

    call_command("erase_caller", "--number", NUMBER, stdout=said)
    leg.refresh_from_db()
    assert leg.calling_number == NUMBER
    call_command("erase_caller", "--number", NUMBER, "--yes", stdout=said)

    _assert_erased(leg, redis)
    assert "Would erase: legs: 1," in said.getvalue()
    assert LogEntry.objects.filter(object_repr="Erased a caller", user__username="command-line").exists()


def test_a_leg_that_is_still_decided_is_left_and_named(source: CtiSource) -> None:
    leg, said = leg_of(source, phase=LegPhase.CLOSED, outcome=Outcome.WAITING), io.StringIO()

    call_command("erase_caller", "--name", NAME, "--yes", stdout=said)

    leg.refresh_from_db()
    assert leg.caller_name == NAME
    assert "repeat later: 1." in said.getvalue()


def test_a_leg_that_knows_its_caller_by_query_data_alone_is_erased_by_its_interaction(source: CtiSource) -> None:
    """Before: it was left, and not counted."""
    known = LegData(interaction_id="i7", query_data={"customer": "4711"})
    leg, said = leg_of(source, facts=known, trace=()), io.StringIO()

    call_command("erase_caller", "--interaction", "i7", "--yes", stdout=said)

    leg.refresh_from_db()
    assert b"4711" not in bytes(leg.facts)
    call_command("erase_caller", "--interaction", "i7", stdout=said)
    assert "Would erase: legs: 0," in said.getvalue()


def test_the_values_of_the_callers_flags_are_erased_and_what_qms_has_not_taken_is_never_sent(source: CtiSource) -> None:
    leg, other, service = leg_of(source), leg_of(source, "+49301234567"), recording_service()
    for of, state, part in ((leg, "written", "base"), (leg, "failed", "data"), (other, "written", "base")):
        write = FlagWrite.objects.create(
            leg_id=of.pk,
            source_id=source.pk,
            service=service,
            recording_guid=f"g{of.pk}",
            part=part,
            state=state,
            not_before=NOON,
            created_at=NOON,
        )
        FlagValue.objects.create(write=write, recording_guid=f"g{of.pk}", name=part, value=of.calling_number)

    call_command("erase_caller", "--number", NUMBER, "--yes", stdout=io.StringIO())

    kept = FlagValue.objects.order_by("id").values_list("write__leg_id", "write__state", "value")
    assert list(kept) == [(leg.pk, "written", "(erased)"), (other.pk, "written", "+49301234567")]
    assert FlagWrite.objects.count() == 2


@pytest.mark.parametrize("role", [OPERATOR, SUPERVISOR, AUDITOR])
def test_only_an_administrator_erases(role: str) -> None:
    assert browser_of(role).post(reverse("erase-caller"), {"kind": "number", "value": NUMBER}).status_code == 403


def test_every_table_with_a_time_is_forgotten_in_time(source: CtiSource) -> None:
    """Before: history, agent sessions and checks were kept for good."""
    now = clock.now()
    old = now - timedelta(days=401)
    user = person(OPERATOR)
    LogEntry.objects.create(user=user, action_flag=2, object_repr="x", change_message="y")
    LogEntry.objects.update(action_time=old)
    CallerView.objects.create(user=user, kind="leg", leg_id=1, at=old)
    for until in (old, None, now):
        AgentSessionRecord.objects.create(
            source=source, agent_id="1", device_id=f"2{until}", since=old, state_since=old, until=until
        )

    retain(lambda: now)

    assert not LogEntry.objects.exists()
    assert not CallerView.objects.exists()
    assert AgentSessionRecord.objects.count() == 2
    assert forget_old(now)["sessions"] == 0


def test_one_page_says_how_long_everything_is_kept() -> None:
    page = browser_of(AUDITOR).get(reverse("retention")).content.decode()

    for one in keepings():
        assert one.what in page.replace("&#x27;", "'")
    assert "400 days" in page
    assert msgspec.json.encode(keepings())
