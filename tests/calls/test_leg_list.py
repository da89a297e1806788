"""The list of legs: searched by exact values, paged from place to place, never counted, no caller without the right."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent
from calls.models import Leg, RecordingSearch
from calls.storage.codec import leg_key
from calls.ui.leg_search import BadCursor, Cursor, conditions, read_cursor
from cti.models import CtiSource
from qms.models import DataServer, RecordingService
from tests.cti.examples import source

pytestmark = pytest.mark.django_db

ADDRESS = "admin:calls_leg_changelist"


def leg(of: CtiSource, number: int, **members: Any) -> Leg:
    """Save a leg, as the consumer would, this many minutes ago."""
    usual: dict[str, Any] = {
        "call_id": f"C{number}",
        "device_id": "2001",
        "phase": "settled",
        "outcome": "flagged",
        "connected_at": timezone.now() - timedelta(minutes=number),
        "folded_at": timezone.now(),
        "facts": b"",
    }
    return Leg.objects.create(id=leg_key(of.pk, 100_000 - number), source=of, **{**usual, **members})


@pytest.fixture
def pbx() -> CtiSource:
    """Give a source."""
    return source("pbx")


@pytest.fixture
def operator(client: Client) -> Client:
    """Give a client that is logged in as an administrator."""
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def shown(client: Client, **asked: Any) -> list[str]:
    """Return the calls that a page of the list shows."""
    words = asked.pop("q", "")
    address = f"{reverse(ADDRESS)}?{urlencode(asked)}"
    answer = client.post(address, {"q": words}, follow=True) if words else client.get(address)
    assert answer.status_code == 200, answer.headers
    return [one.call_id for one in answer.context["cl"].result_list]


@pytest.mark.parametrize("asked", [{}, {"source": "1"}, {"flagged": "no"}, {"extension": "2001"}])
def test_the_oldest_legs_come_first_when_the_order_is_turned(
    operator: Client, pbx: CtiSource, asked: dict[str, str]
) -> None:
    for number in range(1, 61):
        leg(pbx, number, outcome=("not_recorded", "refused")[number % 2])
    asked = asked | ({"source": str(pbx.pk)} if "source" in asked else {})

    seen: list[str] = []
    address: str | None = f"{reverse(ADDRESS)}?{urlencode({**asked, 'o': '1'})}"
    while address:
        page = operator.get(address)
        seen += [one.call_id for one in page.context["cl"].result_list]
        address = page.context["cl"].further and reverse(ADDRESS) + page.context["cl"].further

    assert seen == [f"C{number}" for number in range(60, 0, -1)]
    assert "qg-list-news" not in page.content.decode()


@pytest.mark.parametrize(
    "member",
    [
        {"call_id": "77"},
        {"device_id": "77"},
        {"agent_id": "77"},
        {"interaction_id": "77"},
        {"queue_name": "77"},
        {"calling_number": "77"},
        {"caller_name": "77"},
        {"recording_guid": "77"},
    ],
)
@pytest.mark.parametrize("phase", ["open", "closed", "settled"])
def test_a_leg_is_found_by_each_of_its_values_whole(
    operator: Client, pbx: CtiSource, member: dict[str, str], phase: str
) -> None:
    wanted = leg(pbx, 1, phase=phase, **member)
    leg(pbx, 2, **dict.fromkeys(member, "0772"))

    assert shown(operator, q=" 77 ") == [wanted.call_id]
    assert shown(operator, q="7") == []


def test_a_guid_is_found_in_any_capitals_and_an_agent_by_a_name(operator: Client, pbx: CtiSource) -> None:
    leg(pbx, 1, recording_guid="ABCDEF01-0000-0000-0000-000000000001")
    leg(pbx, 2, agent_id="9101")
    at = timezone.now()
    agent = Agent.objects.create(source=pbx, agent_id="9101", name="Alice Archer", first_seen_at=at, last_seen_at=at)
    agent.names.create(name="Alice Baker", since=at)

    assert shown(operator, q="abcdef01-0000-0000-0000-000000000001") == ["C1"]
    assert shown(operator, q="alice archer") == shown(operator, q="Alice Baker") == ["C2"]


def test_callers_are_found_and_shown_only_with_the_right_to_see_them(client: Client, pbx: CtiSource) -> None:
    leg(pbx, 1, calling_number="+491701234567", caller_name="J. Doe")
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_leg"))
    client.force_login(clerk)

    page = client.get(reverse(ADDRESS)).content.decode()

    assert shown(client) == ["C1"]
    assert shown(client, q="+491701234567") == shown(client, q="J. Doe") == []
    assert "+491701234567" not in page
    assert "caller's number" not in page


def test_pages_follow_one_another_without_a_gap_or_a_repeat(operator: Client, pbx: CtiSource) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    other = source("other")
    for number in range(1, 76):
        leg(pbx, number, connected_at=at - timedelta(seconds=number // 10), device_id="2001")
        leg(other, number, connected_at=at - timedelta(seconds=number // 10), device_id="2002", agent_id="2001")
    for asked in ({}, {"q": "2001"}, {"source": str(pbx.pk)}, {"outcome__exact": "flagged"}):
        seen, address = [], f"{reverse(ADDRESS)}?" + "&".join(f"{name}={value}" for name, value in asked.items())
        while address:
            page = operator.get(address).context["cl"]
            seen += page.result_list
            address = page.further and reverse(ADDRESS) + page.further
        expected = 75 if "source" in asked else 150

        assert len({one.pk for one in seen}) == len(seen) == expected
        assert [one.connected_at for one in seen] == sorted((one.connected_at for one in seen), reverse=True)


def test_legs_that_come_meanwhile_do_not_move_the_next_page(operator: Client, pbx: CtiSource) -> None:
    for number in range(60, 120):
        leg(pbx, number)
    older = operator.get(reverse(ADDRESS)).context["cl"].further
    for number in range(1, 20):
        leg(pbx, number)

    page = operator.get(reverse(ADDRESS) + older).context["cl"]

    assert [one.call_id for one in page.result_list] == [f"C{number}" for number in range(110, 120)]
    assert "10 results" not in operator.get(reverse(ADDRESS) + older).content.decode()
    assert page.further is None
    assert "before" not in page.top
    assert 'name="before"' not in operator.get(reverse(ADDRESS) + older).content.decode()


@pytest.mark.parametrize("text", ["x", "1", "1.", ".1", "-1.2", "1.2.3", "9" * 39 + ".1", "1.²"])
def test_a_place_that_no_page_gave_leads_to_the_list(operator: Client, text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text)

    assert operator.get(reverse(ADDRESS), {"before": text}).status_code == 302


def test_a_cursor_reads_what_it_wrote() -> None:
    cursor = Cursor(datetime(2026, 3, 2, 9, 1, 2, 345678, tzinfo=UTC), leg_key(3, 7))

    assert read_cursor(str(cursor)) == cursor


def test_legs_are_filtered_by_time_outcome_reason_source_and_progress(
    operator: Client, pbx: CtiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 3, 2, 23, 59, 59, tzinfo=timezone.get_default_timezone())
    monkeypatch.setattr("clock.now", lambda: now)
    leg(pbx, 1, connected_at=now, phase="open", outcome="waiting")
    leg(pbx, 2, connected_at=now - timedelta(days=1), outcome="not_recorded", reason_code="several")
    leg(pbx, 3, connected_at=now - timedelta(days=6), outcome="not_recorded", reason_code="none")
    leg(source("other"), 4, connected_at=now - timedelta(days=40))

    assert shown(operator, when="today") == ["C1"]
    assert shown(operator, when="yesterday") == ["C2"]
    assert shown(operator, when="week") == ["C1", "C2", "C3"]
    assert shown(operator, outcome__exact="not_recorded", reason="several") == ["C2"]
    assert shown(operator, phase="open") == ["C1"]
    assert shown(operator, source=str(pbx.pk)) == ["C1", "C2", "C3"]
    day = timezone.localtime(now - timedelta(days=41)).strftime("%Y-%m-%d")
    assert shown(operator, connected_at_to_0=day, connected_at_to_1="00:00:00") == []
    assert shown(operator, connected_at_from_0=day, connected_at_from_1="00:00:00", when="") == ["C1", "C2", "C3", "C4"]


@pytest.mark.parametrize("day", ["yesterday", "2026-02-31", "99999-01-01"])
def test_a_day_that_is_none_leads_to_the_list(operator: Client, pbx: CtiSource, day: str) -> None:
    assert operator.get(reverse(ADDRESS), {"connected_at_from_0": day}).status_code == 302


def test_a_lookup_that_no_filter_has_is_refused(operator: Client, pbx: CtiSource) -> None:
    leg(pbx, 1, calling_number="+49170")

    assert operator.get(reverse(ADDRESS), {"calling_number__startswith": "+4"}).status_code == 400


@pytest.mark.parametrize("number", range(11))
def test_every_column_that_is_searched_has_its_index(pbx: CtiSource, number: int) -> None:
    arms = list(conditions("77", may_see_callers=True))
    assert len(arms) == 11
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # Of an empty table every plan costs the same.
            for one in range(100):
                leg(pbx, one)
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("ANALYZE calls_leg")

    plan = Leg.objects.filter(arms[number]).order_by("-connected_at", "-id").values_list("id")[:51].explain()

    assert "calls_leg_" in plan or "calls_one_leg_a_recording" in plan, plan
    if connection.vendor == "postgresql":  # SQLite, without statistics, takes the order's index for a GUID.
        assert "calls_leg_newest" not in plan, plan


#: How the look-up of an agent's name begins.
AGENT_IDS = 'SELECT DISTINCT "agents_agent"."agent_id" AS "agent_id"'


def test_the_list_neither_counts_nor_looks_for_distinct_values(
    operator: Client, pbx: CtiSource, django_assert_max_num_queries: Any
) -> None:
    leg(pbx, 1)
    operator.get(reverse(ADDRESS))

    # Three read the second factor, one the saved views, one records who saw callers, and four write that down.
    with django_assert_max_num_queries(33) as asked:
        operator.get(reverse(ADDRESS), {"q": "2001"})

    of_legs = [one["sql"] for one in asked.captured_queries if 'FROM "calls_leg"' in one["sql"]]
    assert of_legs
    of_names = [one["sql"] for one in asked.captured_queries if one["sql"].startswith(AGENT_IDS)]
    assert len(of_names) == 1, "an agent's name is looked up once for the search"
    assert not any("COUNT" in sql or "DISTINCT" in sql for sql in of_legs)


def test_recording_searches_are_found_by_their_legs_and_never_counted(
    operator: Client, pbx: CtiSource, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    server = DataServer.objects.create(slug="ds1")
    service = RecordingService.objects.create(slug="rs1", data_server=server, url="http://127.0.0.1:9/")
    for number, why in ((1, "several"), (2, "none")):
        RecordingSearch.objects.create(
            leg_id=leg(pbx, number, device_id=f"200{number}").pk,
            source=pbx,
            service=service,
            state="missed",
            why=why,
            extension=f"200{number}",
            not_started_before=now,
            connected_at=now,
            deadline=now,
            next_at=now,
        )

    def found(**asked: Any) -> list[str]:
        page = operator.get(reverse("admin:calls_recordingsearch_changelist"), asked)
        return [one.extension for one in page.context["cl"].result_list]

    with django_assert_max_num_queries(27) as asked:
        assert found() == ["2002", "2001"]

    assert found(q="2001") == found(why="several") == ["2001"]
    of_searches = [one["sql"] for one in asked.captured_queries if 'FROM "calls_recordingsearch"' in one["sql"]]
    assert not any("COUNT" in sql or "DISTINCT" in sql for sql in of_searches)
