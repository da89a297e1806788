"""Whoever may see callers looks somebody up without a reason; a caller asks to be erased; nothing is kept for good."""

import gzip
import html
import io
import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import redis as redis_client
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace
from pytest_django import Settings

import clock
from agents.models import AgentSessionRecord
from calls.access_log import term_hash
from calls.core.outcomes import Outcome
from calls.core.state import LegData, LegPhase, LegState, TraceStep
from calls.export.filters import FilterUnreadable, filtered, read_filter
from calls.models import CallerView, Checkpoint, ExportJob, Leg
from calls.privacy.keeping import forget_old, keepings
from calls.retention import retain
from calls.storage.codec import LEG_FIELDS, leg_row, read_leg
from calls.ui.sealed_search import StaleSearch, seal, unseal
from cti.api import archive_journals, source_archive
from cti.models import CtiSource, QuarantinedMessage
from cti.quarantine import record_quarantine
from cti.sources.port import Quarantined
from flags.models import FlagValue, FlagWrite
from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR, SUPERVISOR
from qms.models import DataServer, RecordingService
from tests.attacks.actors import browser_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

NUMBER, NAME = "+4915112345678", "Erika Mustermann"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _archive(settings: Settings, tmp_path: Path) -> None:
    settings.ARCHIVE_DIR = tmp_path


@pytest.fixture
def source() -> CtiSource:
    """Keep a source."""
    return CtiSource.objects.create(slug="pbx", kind="http")


def _leg(source: CtiSource, number: str = NUMBER, **changes: Any) -> Leg:
    facts = LegData(calling_number=number, caller_name=NAME, interaction_id="i1", queue_name="Sales")
    leg = LegState(
        number=next(_numbers),
        call_id="c1",
        incarnation=1,
        device_id="2001",
        ordinal=1,
        connected_source_at=NOON,
        connected_gateway_at=NOON,
        phase=LegPhase.SETTLED,
        outcome=Outcome.NOT_RECORDED,
        facts=facts,
        agent_id="9001",
        trace=(TraceStep(NOON, "connected", f"{NAME} {number} called queue Sales."),),
    )
    columns = dict(zip(LEG_FIELDS, leg_row(source.pk, replace(leg, **changes), NOON), strict=True))
    columns["source_id"], columns["service_id"] = columns.pop("source"), columns.pop("service")
    return Leg.objects.create(**columns)


def _service() -> RecordingService:
    server = DataServer.objects.create(slug="data")
    return RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1:1/")


# Who saw which caller.


def test_opening_a_leg_and_searching_are_kept_for_who_may_see_callers(source: CtiSource) -> None:
    """Before: nobody could say who had looked a caller up."""
    leg, client = _leg(source), browser_of(SUPERVISOR)

    client.get(reverse("admin:calls_leg_change", args=[leg.pk]))
    _search(client, NUMBER)
    browser_of(AUDITOR).get(reverse("admin:calls_leg_change", args=[leg.pk]))

    kept = list(CallerView.objects.order_by("id"))
    assert [(one.user.username, one.kind, one.leg_id) for one in kept] == [
        ("supervisor", "leg", leg.pk),
        ("supervisor", "search", None),
    ]
    assert NUMBER not in kept[1].term_hash
    assert len(kept[1].term_hash) == 16


LIST = "admin:calls_leg_changelist"


def _search(client: Client, term: str, page: str = LIST) -> Any:
    """Search by the box of a list, and follow to where it leads."""
    return client.post(reverse(page), {"q": term}, follow=True)


@pytest.mark.parametrize("page", [LIST, "admin:calls_recordingsearch_changelist"])
def test_no_address_that_follows_a_search_holds_what_was_searched(page: str, source: CtiSource) -> None:
    """Before: ?q=+4915112345678 stood in the browser's history, in proxies' logs and in Referer headers."""
    for number in range(60):
        _leg(source, call_id=f"c{number}")
    client = browser_of(SUPERVISOR)

    answer = _search(client, NUMBER, page)

    ((address, status),) = answer.redirect_chain
    text = answer.content.decode()
    assert status == 302
    for one in [*re.findall(r'(?:href|action|src)="([^"]*)"', text), address]:
        assert NUMBER.strip("+") not in one
    hidden = re.findall(r'<input[^>]*type="hidden"[^>]*>', text)
    assert [one for one in hidden if NUMBER.strip("+") in one] == []


def test_a_search_goes_on_over_pages_and_filters(source: CtiSource) -> None:
    for number in range(60):
        _leg(source, call_id=f"c{number}")
    _leg(source, "+49301234567")
    client = browser_of(SUPERVISOR)

    first = _search(client, NUMBER).context["cl"]
    older = client.get(reverse(LIST) + first.further).context["cl"]
    filtered = client.get(reverse(LIST) + first.get_query_string({"outcome__exact": "not_recorded"})).context["cl"]
    without = client.get(reverse(LIST) + first.get_query_string(remove=["search"])).context["cl"]

    assert [len(one.result_list) for one in (first, older, filtered, without)] == [50, 10, 50, 50]
    assert {one.calling_number for one in (*first.result_list, *older.result_list)} == {NUMBER}
    assert without.query == ""


def test_what_stands_plain_in_an_address_searches_for_no_caller(source: CtiSource) -> None:
    _leg(source)
    client = browser_of(ADMINISTRATOR)
    for term in (NUMBER, NAME):
        assert client.get(reverse(LIST), {"q": term}).context["cl"].result_list == []
        assert NUMBER not in client.get(reverse("find"), {"q": term, "list": "1"}).content.decode().replace(term, "")
    assert len(client.get(reverse(LIST), {"q": "c1"}).context["cl"].result_list) == 1, "a call's id may stand there"


def test_a_search_is_of_the_one_who_searched_and_ends_with_the_day(
    source: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    _leg(source)
    ((address, _),) = _search(browser_of(SUPERVISOR), NUMBER).redirect_chain

    page = browser_of(AUDITOR).get(address, follow=True).content.decode()
    assert "another person" in page
    assert NUMBER not in page
    assert browser_of(SUPERVISOR, "second").get(address).status_code == 302

    token = seal(NUMBER, 1)
    assert unseal(token, 1) == NUMBER
    monkeypatch.setattr("calls.ui.sealed_search.USABLE_SECONDS", -1)
    with pytest.raises(StaleSearch):
        unseal(token, 1)


def test_who_may_not_see_callers_finds_none_by_a_post(source: CtiSource) -> None:
    _leg(source)
    client = browser_of(AUDITOR)

    assert _search(client, NUMBER).context["cl"].result_list == []
    assert "Caller" not in client.post(reverse("find"), {"q": NUMBER, "list": "1"}).content.decode()
    assert not CallerView.objects.exists()


def test_the_box_for_everything_finds_callers_by_post_and_records_it(source: CtiSource) -> None:
    _leg(source)
    client = browser_of(SUPERVISOR)

    page = client.post(reverse("find"), {"q": NUMBER, "list": "1"}).content.decode()
    (address,) = re.findall(r'href="([^"]*search=[^"]*)"', page)
    found = client.get(html.unescape(address)).context["cl"]

    assert NUMBER.strip("+") not in address
    assert [one.calling_number for one in found.result_list] == [NUMBER]
    assert list(CallerView.objects.values_list("kind", "shown", "term_hash")) == [("search", 1, term_hash(NUMBER))] * 2


def test_a_number_typed_into_why_not_flagged_is_in_no_address(source: CtiSource) -> None:
    """Before: the form was a GET, so whatever was typed stood in the page's address."""
    leg, client = _leg(source), browser_of(SUPERVISOR)

    nothing = client.post(reverse("why"), {"text": NUMBER, "at": "2026-03-02T09:00"})
    found = client.post(reverse("why"), {"text": leg.call_id, "at": ""})

    assert nothing.status_code == 200
    assert 'method="post"' in nothing.content.decode()
    assert found.headers["Location"] == f"{reverse('why')}?text={leg.call_id}", "it can be passed on"


def test_each_page_that_shows_callers_is_recorded(source: CtiSource) -> None:
    """Before: only legs that were opened, and searches."""
    leg = _leg(source, phase=LegPhase.OPEN, outcome=Outcome.WAITING)
    record_quarantine(source.pk, Quarantined(b'{"callingNumber":"+4915112345678"}', "event", "broken"), NOON)
    message = QuarantinedMessage.objects.get()
    for role in (OPERATOR, AUDITOR):
        client = browser_of(role)
        client.get(reverse(LIST))
        client.get(reverse("live-calls"))
        client.get(reverse("live-calls-fragment"))
        client.get(reverse("admin:cti_quarantinedmessage_change", args=[message.pk]))
        client.get(reverse("admin:calls_leg_change", args=[leg.pk]))
        client.post(reverse("exports"), {"kind": "csv", "query": ""})

    kept = CallerView.objects.order_by("id").values_list("user__username", "kind", "shown", "leg_id", "message_id")
    assert list(kept) == [
        ("operator", "list", 1, None, None),
        ("operator", "live", 1, None, None),
        ("operator", "message", 1, None, message.pk),
        ("operator", "leg", 1, leg.pk, None),
        ("operator", "export", 0, None, None),
    ]


def test_who_sees_what_flags_carry_is_recorded_once_in_some_minutes(source: CtiSource) -> None:
    """Before: the values of a flag write, and a real call's in the preview of the Flags, were seen unrecorded."""
    leg = _leg(source, outcome=Outcome.FLAGGED)
    moments = {"not_before": NOON, "created_at": NOON}
    write = FlagWrite.objects.create(
        leg_id=leg.pk + 1, source_id=source.pk, service=_service(), recording_guid="g", part="base", **moments
    )
    pages = [
        reverse("admin:flags_flagwrite_change", args=[write.pk]),
        *[reverse("admin:flags_flagsetting_changelist")] * 2,
    ]

    for role in (OPERATOR, AUDITOR):
        client = browser_of(role)
        assert [client.get(page).status_code for page in pages] == [200] * 3

    kept = CallerView.objects.order_by("id").values_list("user__username", "kind", "leg_id")
    assert list(kept) == [("operator", "flags", leg.pk + 1), ("operator", "flags", leg.pk)]


def test_an_export_of_a_search_takes_what_the_list_showed(source: CtiSource) -> None:
    leg, _ = _leg(source), _leg(source, "+49301234567")
    user = person(SUPERVISOR, "sven")
    sealed = urlencode({"search": seal(NUMBER, user.pk), "outcome__exact": "not_recorded"})

    wanted = read_filter(sealed, NOON, user.pk)

    assert [one.pk for one in filtered(wanted, may_see_callers=True)] == [leg.pk]
    assert not filtered(wanted, may_see_callers=False).exists()
    with pytest.raises(FilterUnreadable, match="another person"):
        read_filter(sealed, NOON, user.pk + 1)


@pytest.mark.parametrize(("role", "status"), [(AUDITOR, 200), (ADMINISTRATOR, 200), (OPERATOR, 403), (SUPERVISOR, 403)])
def test_the_auditor_sees_who_saw_whom(role: str, status: int) -> None:
    assert browser_of(role).get(reverse("admin:calls_callerview_changelist")).status_code == status


# Erasing.


def _furnish(source: CtiSource, redis: "redis_client.Redis") -> Leg:
    """Put the caller wherever the gateway keeps one."""
    leg, other = _leg(source), _leg(source, "+49301234567")
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
    leg, said = _leg(source, phase=LegPhase.CLOSED, outcome=Outcome.WAITING), io.StringIO()

    call_command("erase_caller", "--name", NAME, "--yes", stdout=said)

    leg.refresh_from_db()
    assert leg.caller_name == NAME
    assert "repeat later: 1." in said.getvalue()


def test_a_leg_that_knows_its_caller_by_query_data_alone_is_erased_by_its_interaction(source: CtiSource) -> None:
    """Before: it was left, and not counted."""
    known = LegData(interaction_id="i7", query_data={"customer": "4711"})
    leg, said = _leg(source, facts=known, trace=()), io.StringIO()

    call_command("erase_caller", "--interaction", "i7", "--yes", stdout=said)

    leg.refresh_from_db()
    assert b"4711" not in bytes(leg.facts)
    call_command("erase_caller", "--interaction", "i7", stdout=said)
    assert "Would erase: legs: 0," in said.getvalue()


def test_the_values_of_the_callers_flags_are_erased_and_what_qms_has_not_taken_is_never_sent(source: CtiSource) -> None:
    leg, other, service = _leg(source), _leg(source, "+49301234567"), _service()
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


# Retention.


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
