"""What a person chooses for a list: columns, views under a name, the time zone in which moments are written."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agents.models import Agent
from calls.models import Leg, SavedList
from cti.models import CtiSource

pytestmark = pytest.mark.django_db
LEGS = "/admin/calls/leg/"


@pytest.fixture
def leg() -> Leg:
    source = CtiSource.objects.create(slug="main", kind="http")
    at = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    return Leg.objects.create(
        pk=1,
        source=source,
        call_id="C77",
        device_id="2001",
        phase="settled",
        outcome="flagged",
        connected_at=at,
        folded_at=at,
    )


def person(role: str) -> Client:
    user = User.objects.create_user(role.lower(), password="x", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_columns_that_are_left_out_stay_out_in_this_browser(admin_client: Client, leg: Leg) -> None:
    assert "field-call_id" in admin_client.get(LEGS).content.decode()

    answer = admin_client.post("/admin/list/calls.leg/columns/", {"column": ["device_id"], "query": "flagged=yes"})

    assert answer["Location"] == f"{LEGS}?flagged=yes"
    page = admin_client.get(LEGS).content.decode()
    assert "field-device_id" in page
    assert "field-connected" in page
    assert "field-call_id" not in page


def test_a_column_that_is_not_for_this_person_is_not_offered(leg: Leg) -> None:
    operator = person("Operator")
    may_see = "Caller" in operator.get(LEGS).content.decode()

    operator.post("/admin/list/calls.leg/columns/", {"column": ["caller"]})

    assert ("field-caller" in operator.get(LEGS).content.decode()) is may_see


def test_a_view_keeps_the_filters_under_a_name_and_not_the_search(admin_client: Client, leg: Leg) -> None:
    query = "flagged=no&q=%2B49170&before=1.2&when=today"
    admin_client.post("/admin/list/calls.leg/views/", {"name": "Mine", "query": query})

    assert SavedList.objects.get().query == "flagged=no&when=today"
    assert f'href="{LEGS}?flagged=no&amp;when=today">Mine</a>' in admin_client.get(LEGS).content.decode()
    assert "Mine" not in person("Supervisor").get(LEGS).content.decode()


def test_a_saved_view_is_deleted_by_its_owner_alone(admin_client: Client, leg: Leg) -> None:
    admin_client.post("/admin/list/calls.leg/views/", {"name": "Mine", "query": "flagged=no"})
    key = SavedList.objects.get().pk

    assert person("Supervisor").post("/admin/list/calls.leg/views/", {"delete": key}).status_code == 404
    admin_client.post("/admin/list/calls.leg/views/", {"delete": key})

    assert not SavedList.objects.exists()


@pytest.mark.parametrize("label", ["calls.nothing", "auth.user", "leg", "calls.call"])
def test_a_list_that_is_not_there_or_not_for_this_person_has_no_choices(label: str) -> None:
    assert person("Supervisor").post(f"/admin/list/{label}/columns/").status_code == 404


def test_moments_are_written_in_the_readers_zone_and_days_are_the_sites(admin_client: Client, leg: Leg) -> None:
    assert "2026-03-02 23:30:00 UTC" in admin_client.get(LEGS).content.decode()

    admin_client.post("/admin/time-zone/", {"zone": "Asia/Tokyo"})

    page = admin_client.get(LEGS, {"connected_at_from_0": "2026-03-02", "connected_at_to_0": "2026-03-03"})
    assert "2026-03-03 08:30:00 JST" in page.content.decode()
    admin_client.post("/admin/time-zone/", {"zone": ""})
    assert "2026-03-02 23:30:00 UTC" in admin_client.get(LEGS).content.decode()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "x" * 5000])
def test_a_zone_that_is_none_is_refused(admin_client: Client, zone: str) -> None:
    page = admin_client.post("/admin/time-zone/", {"zone": zone}, follow=True)

    assert "There is no time zone" in page.content.decode()
    assert "time_zone" not in admin_client.cookies


def test_every_list_writes_moments_alike(admin_client: Client, leg: Leg) -> None:
    at = datetime(2026, 3, 2, 21, 5, tzinfo=UTC)
    Agent.objects.create(source=leg.source, agent_id="9101", first_seen_at=at, last_seen_at=at)

    assert "2026-03-02 21:05:00 UTC" in admin_client.get("/admin/agents/agent/").content.decode()


def test_a_list_that_fetches_itself_does_not_keep_a_session_alive(admin_client: Client, leg: Leg) -> None:
    session = admin_client.session
    session["seen_at"] = session_began = 10_000_000_000.0  # Far ahead: any sign of a person would replace it.
    session.save()
    session["seen_at"] = session_began

    admin_client.get(LEGS, headers={"Gateway-Poll": "1"})

    assert admin_client.session["seen_at"] == session_began


def test_the_newest_legs_update_themselves_and_a_search_does_not(admin_client: Client, leg: Leg) -> None:
    assert "qg-list-news" in admin_client.get(LEGS).content.decode()
    assert "qg-list-news" not in admin_client.get(LEGS, {"q": "2001"}).content.decode()
