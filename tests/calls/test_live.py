"""The calls in progress: all of them counted, the newest shown, and how the search for each recording stands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.models import Leg, RecordingSearch
from calls.storage.codec import leg_key
from calls.ui import live
from calls.ui.live import Guid, Live, LiveFilter, live_calls, live_sentence
from cti.models import CtiSource
from qms.models import DataServer, RecordingService
from tests.cti.examples import source

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ALL = LiveFilter()


def leg(number: int = 1, of: CtiSource | None = None, **members: Any) -> Leg:
    """Save a leg in progress that was connected this many seconds ago."""
    of = of or CtiSource.objects.filter(slug="pbx").first() or source("pbx")
    usual: dict[str, Any] = {
        "call_id": f"C{number}",
        "device_id": "2001",
        "phase": "open",
        "outcome": "waiting",
        "connected_at": NOW - timedelta(seconds=number),
        "folded_at": NOW,
        "facts": b"",
    }
    return Leg.objects.create(id=leg_key(of.pk, number), source=of, **{**usual, **members})


def search(of: Leg, ordinal: int = 1, **members: Any) -> RecordingSearch:
    """Save a leg's search; its window is ten seconds."""
    server, _ = DataServer.objects.get_or_create(slug="ds1")
    service, _ = RecordingService.objects.get_or_create(slug="rs1", defaults={"data_server": server, "url": "http://q"})
    usual: dict[str, Any] = {
        "state": "open",
        "deadline": of.connected_at + timedelta(seconds=10),
        "next_at": NOW,
        "not_started_before": of.connected_at,
        "connected_at": of.connected_at,
    }
    return RecordingSearch.objects.create(
        leg_id=of.pk, ordinal=ordinal, source=of.source, service=service, extension=of.device_id, **{**usual, **members}
    )


def shown(wanted: LiveFilter = ALL, *, may_see_callers: bool = True, at: datetime = NOW) -> Live:
    return live_calls(wanted, at, may_see_callers=may_see_callers)


def extensions(**wanted: str) -> list[str]:
    return [one.extension for one in shown(LiveFilter(**wanted)).legs]


def test_only_calls_in_progress_are_shown_the_newest_first_whatever_their_source() -> None:
    leg(3, device_id="2003", of=source("aaa"))
    leg(1, device_id="2001")
    leg(2, device_id="2002")
    leg(4, device_id="2004", phase="closed")
    leg(5, device_id="2005", phase="settled")

    assert extensions() == ["2001", "2002", "2003"]


def test_a_call_says_who_speaks_and_since_when() -> None:
    leg(7, agent_id="9101", agent_name="Alice", queue_name="Sales", caller_name="Jo", calling_number="+44 7")

    (one,) = shown().legs

    assert (one.agent, one.queue, one.caller, one.source) == ("Alice (9101)", "Sales", "Jo +44 7", "pbx")
    assert one.since == NOW - timedelta(seconds=7)


def test_a_caller_is_hidden_from_those_who_may_not_see_callers() -> None:
    leg(1, caller_name="Jo", calling_number="+44 7")
    leg(2)

    assert [one.caller for one in shown(may_see_callers=False).legs] == [live.HIDDEN, ""]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"extension": "2002"}, ["2002"]),
        ({"extension": "200"}, []),
        ({"extension": "02002"}, []),
        ({"agent": "9102"}, ["2002"]),
        ({"agent": "Bob"}, ["2002"]),
        ({"agent": "Bo"}, []),
        ({"queue": "Sales"}, ["2001", "2003"]),
        ({"queue": "Sales", "extension": "2003"}, ["2003"]),
    ],
)
def test_calls_are_filtered_exactly(wanted: dict[str, str], found: list[str]) -> None:
    leg(1, device_id="2001", queue_name="Sales", agent_id="9101", agent_name="Alice")
    leg(2, device_id="2002", queue_name="Help", agent_id="9102", agent_name="Bob")
    leg(3, device_id="2003", queue_name="Sales")

    assert extensions(**wanted) == found


def test_no_more_than_the_maximum_are_shown_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAXIMUM_SHOWN", 2)
    for number in range(1, 6):
        leg(number, device_id=f"200{number}")

    assert extensions() == ["2001", "2002"]
    assert shown().sentence == "5 calls in progress, 2 shown, the newest."


@pytest.mark.parametrize(
    ("count", "is_filtered", "said"),
    [
        (0, False, "No call is in progress."),
        (0, True, "No call in progress fits the filter."),
        (1, False, "1 call in progress."),
        (1, True, "1 call in progress fits the filter."),
        (2, True, "2 calls in progress fit the filter."),
        (200, False, "200 calls in progress."),
        (214, False, "214 calls in progress, 200 shown, the newest."),
        (20_000, False, "20,000 calls in progress, 200 shown, the newest."),
        (20_001, True, "More than 20,000 calls in progress fit the filter, 200 shown, the newest."),
    ],
)
def test_the_sentence_says_how_many_there_are(count: int, is_filtered: bool, said: str) -> None:
    assert live_sentence(count, is_filtered) == said


def guid(at: datetime = NOW) -> tuple[Guid, str, datetime | None]:
    state = shown(at=at).legs[0].guid
    return state.kind, state.text, state.deadline


def test_while_the_window_is_open_its_end_is_reported() -> None:
    one = leg(3)
    search(one, attempts=2)

    assert guid() == (Guid.ASKING, "2 attempts, no answer with a recording yet", NOW + timedelta(seconds=7))


def test_a_search_that_was_not_put_yet_says_so_or_why() -> None:
    row = search(leg(3))
    assert guid()[1] == "not asked yet"

    row.error = "Unavailable: nobody answers"
    row.save()
    assert guid()[1] == "Unavailable: nobody answers"


def test_when_the_window_is_over_there_is_no_countdown() -> None:
    search(leg(3), attempts=1)

    kind, text, deadline = guid(at=NOW + timedelta(seconds=8))

    assert (kind, deadline) == (Guid.ASKING, None)
    assert text == "the window is over; 1 attempt, no answer with a recording yet"


def test_a_found_recording_says_how_soon() -> None:
    one = leg(3, recording_guid="G1")
    search(one, state="found", recording_guid="G1", answered_at=one.connected_at + timedelta(seconds=0.4))

    assert guid() == (Guid.FOUND, "after 400 ms", None)


def test_an_answer_that_the_leg_has_not_taken_yet_counts_as_found() -> None:
    search(leg(3), state="found", recording_guid="G1", answered_at=NOW)

    assert guid()[0] is Guid.FOUND


def test_after_a_transfer_the_new_question_is_shown() -> None:
    one = leg(3, recording_guid="G1")
    search(one, state="found", recording_guid="G1", answered_at=NOW)
    search(one, ordinal=2, deadline=NOW + timedelta(seconds=5))

    assert guid() == (
        Guid.ASKING,
        "found before the transfer; is it still the same? not asked yet",
        NOW + timedelta(seconds=5),
    )


def test_a_missed_recording_says_why() -> None:
    search(leg(3), state="missed", why="unreachable", error="Unavailable: nobody answers")

    kind, text, _ = guid()

    assert kind is Guid.MISSED
    assert text == "The Recording Service did not answer within the window. Unavailable: nobody answers"


def test_a_leg_whose_recording_is_not_sought_says_its_reason() -> None:
    leg(3, reason="No QMS user has extension 2001.", outcome="user_unmatched")

    assert guid() == (Guid.NOT_SOUGHT, "No QMS user has extension 2001.", None)


def plan(**wanted: str) -> str:
    """Return how the database would find the newest calls in progress."""
    found = live._found(LiveFilter(**wanted)).order_by("-connected_at", "-id")[: live.MAXIMUM_SHOWN]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE calls_leg")
        return str(found.explain())


def test_an_index_of_the_open_legs_serves_the_page_however_many_are_over() -> None:
    of = source("pbx")
    Leg.objects.bulk_create(
        Leg(
            id=leg_key(of.pk, number),
            source=of,
            call_id=f"C{number}",
            device_id=str(2000 + number % 50),
            phase="open" if number % 100 == 0 else "settled",
            outcome="flagged",
            folded_at=NOW,
            facts=b"",
            connected_at=NOW - timedelta(seconds=number),
        )
        for number in range(1, 10_001)
    )

    for found in (plan(), plan(queue="Sales"), plan(agent="9101")):
        assert "calls_leg_open" in found
        assert "TEMP B-TREE" not in found
        assert "Seq Scan" not in found


def test_a_page_costs_a_fixed_number_of_queries(django_assert_num_queries: Any) -> None:
    for number in range(1, 30):
        search(leg(number))

    with django_assert_num_queries(2):
        shown()


@pytest.fixture
def viewer() -> User:
    """Give someone who may see legs and no callers."""
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_leg"))
    return user


@pytest.mark.parametrize("page", ["live-calls", "live-calls-fragment"])
def test_the_page_hides_callers_unless_the_account_may_see_them(client: Client, viewer: User, page: str) -> None:
    leg(1, caller_name="Jo", calling_number="+44 7")
    client.force_login(viewer)
    assert b"+44 7" not in client.get(reverse(page)).content

    of_legs = ContentType.objects.get_for_model(Leg)
    see, _ = Permission.objects.get_or_create(codename="view_caller", defaults={"name": "x", "content_type": of_legs})
    viewer.user_permissions.add(see)
    client.force_login(User.objects.get(pk=viewer.pk))
    assert b"Jo +44 7" in client.get(reverse(page)).content


@pytest.mark.parametrize("page", ["live-calls", "live-calls-fragment"])
def test_the_page_is_for_those_who_may_see_legs(client: Client, page: str) -> None:
    assert client.get(reverse(page)).status_code == 302
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(reverse(page)).status_code == 403
    assert client.post(reverse(page)).status_code in (403, 405)


def test_names_are_shown_as_they_are_and_run_nothing(client: Client, viewer: User) -> None:
    leg(1, queue_name="<script>alert(1)</script>", connected_at=timezone.now())
    client.force_login(viewer)

    page = client.get(reverse("live-calls"), {"queue": '"><b>\0'}).content + client.get(reverse("live-calls")).content

    assert b"<script>alert" not in page
    assert b"&lt;script&gt;alert" in page
    assert b'"><b>' not in page
