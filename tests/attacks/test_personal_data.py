"""Who saw and searched which caller is recorded, and no address holds what was searched."""

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from calls.access_log import term_hash
from calls.core.outcomes import Outcome
from calls.core.state import LegPhase
from calls.export.filters import FilterUnreadable, filtered, read_filter
from calls.models import CallerView
from calls.ui.sealed_search import StaleSearch, seal, unseal
from cti.models import CtiSource, QuarantinedMessage
from cti.quarantine import record_quarantine
from cti.sources.port import Quarantined
from flags.models import FlagWrite
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


def test_opening_a_leg_and_searching_are_kept_for_who_may_see_callers(source: CtiSource) -> None:
    """Before: nobody could say who had looked a caller up."""
    leg, client = leg_of(source), browser_of(SUPERVISOR)

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
        leg_of(source, call_id=f"c{number}")
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
        leg_of(source, call_id=f"c{number}")
    leg_of(source, "+49301234567")
    client = browser_of(SUPERVISOR)

    first = _search(client, NUMBER).context["cl"]
    older = client.get(reverse(LIST) + first.further).context["cl"]
    filtered = client.get(reverse(LIST) + first.get_query_string({"outcome__exact": "not_recorded"})).context["cl"]
    without = client.get(reverse(LIST) + first.get_query_string(remove=["search"])).context["cl"]

    assert [len(one.result_list) for one in (first, older, filtered, without)] == [50, 10, 50, 50]
    assert {one.calling_number for one in (*first.result_list, *older.result_list)} == {NUMBER}
    assert without.query == ""


def test_what_stands_plain_in_an_address_searches_for_no_caller(source: CtiSource) -> None:
    leg_of(source)
    client = browser_of(ADMINISTRATOR)
    for term in (NUMBER, NAME):
        assert client.get(reverse(LIST), {"q": term}).context["cl"].result_list == []
        assert NUMBER not in client.get(reverse("find"), {"q": term, "list": "1"}).content.decode().replace(term, "")
    assert len(client.get(reverse(LIST), {"q": "c1"}).context["cl"].result_list) == 1, "a call's id may stand there"


def test_a_search_is_of_the_one_who_searched_and_ends_with_the_day(
    source: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg_of(source)
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
    leg_of(source)
    client = browser_of(AUDITOR)

    assert _search(client, NUMBER).context["cl"].result_list == []
    assert "Caller" not in client.post(reverse("find"), {"q": NUMBER, "list": "1"}).content.decode()
    assert not CallerView.objects.exists()


def test_the_box_for_everything_finds_callers_by_post_and_records_it(source: CtiSource) -> None:
    leg_of(source)
    client = browser_of(SUPERVISOR)

    page = client.post(reverse("find"), {"q": NUMBER, "list": "1"}).content.decode()
    (address,) = re.findall(r'href="([^"]*search=[^"]*)"', page)
    found = client.get(html.unescape(address)).context["cl"]

    assert NUMBER.strip("+") not in address
    assert [one.calling_number for one in found.result_list] == [NUMBER]
    assert list(CallerView.objects.values_list("kind", "shown", "term_hash")) == [("search", 1, term_hash(NUMBER))] * 2


def test_a_number_typed_into_why_not_flagged_is_in_no_address(source: CtiSource) -> None:
    """Before: the form was a GET, so whatever was typed stood in the page's address."""
    leg, client = leg_of(source), browser_of(SUPERVISOR)

    nothing = client.post(reverse("why"), {"text": NUMBER, "at": "2026-03-02T09:00"})
    found = client.post(reverse("why"), {"text": leg.call_id, "at": ""})

    assert nothing.status_code == 200
    assert 'method="post"' in nothing.content.decode()
    assert found.headers["Location"] == f"{reverse('why')}?text={leg.call_id}", "it can be passed on"


def test_each_page_that_shows_callers_is_recorded(source: CtiSource) -> None:
    """Before: only legs that were opened, and searches."""
    leg = leg_of(source, phase=LegPhase.OPEN, outcome=Outcome.WAITING)
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
    leg = leg_of(source, outcome=Outcome.FLAGGED)
    moments = {"not_before": NOON, "created_at": NOON}
    write = FlagWrite.objects.create(
        leg_id=leg.pk + 1, source_id=source.pk, service=recording_service(), recording_guid="g", part="base", **moments
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
    leg, _ = leg_of(source), leg_of(source, "+49301234567")
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
