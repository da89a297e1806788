"""The pages for agents and QMS users: they show what is, and only buttons change anything."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from agents.api import save_sessions
from agents.core.presence import SessionTable, apply_agent_event
from agents.models import QmsUser, RefreshState, Trigger, UserRefresh
from cti.events import LoggedOn
from cti.models import CtiSource
from qms.models import RecordingService
from tests.agents.conftest import make_service
from tests.agents.test_directories import list_user
from tests.agents.test_presence import reported

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)
USERS, LOADS = "/admin/agents/qmsuser/", "/admin/agents/userrefresh/"


def log_on(source: CtiSource, agent: str, device: str, name: str) -> None:
    save_sessions(source.pk, apply_agent_event(SessionTable(), reported(LoggedOn, agent, device, name=name)), NOW)


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.fixture
def viewer(client: Client) -> Client:
    """Give the client of someone who may look and not touch."""
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


@pytest.mark.parametrize("page", ["agent", "agentsessionrecord", "allocation", "qmsuser", "userrefresh"])
def test_every_list_opens_empty_and_filled(
    admin_client: Client, source: CtiSource, page: str, north: RecordingService
) -> None:
    text(admin_client, f"/admin/agents/{page}/")
    list_user(north)
    log_on(source, "9101", "2001", "Alice Archer")
    UserRefresh.objects.create(service=north, trigger=Trigger.START, started_at=NOW, state=RefreshState.DONE)

    text(admin_client, f"/admin/agents/{page}/")


def test_the_agents_page_puts_the_troubled_first_and_says_what_to_do(
    admin_client: Client, source: CtiSource, north: RecordingService
) -> None:
    list_user(north)
    list_user(north, "2002")
    log_on(source, "9101", "2001", "Alice Archer")
    log_on(source, "9102", "2002", "Bob Baker")
    log_on(source, "9103", "02001", "Carol Chen")

    page = text(admin_client, "/admin/agents/agent/")

    assert "3 agents are logged on; the calls of 1 cannot be flagged." in page
    troubled, doubtful, matched = (page.index(f">{device}<") for device in ("02001", "2002", "2001"))
    assert troubled < doubtful < matched
    assert "QMS lists 2001, which is not 02001" in page


def test_the_way_to_a_mapping_by_hand_is_shown_to_those_who_may_take_it(
    admin_client: Client, source: CtiSource, north: RecordingService
) -> None:
    list_user(north)
    log_on(source, "9103", "02001", "Carol Chen")
    way = "/admin/agents/mappingact/add/?agent="
    assert way in text(admin_client, "/admin/agents/agent/")
    viewer = User.objects.create_user("vera", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(viewer)

    page = text(client, "/admin/agents/agent/")

    assert way not in page
    assert "QMS lists 2001, which is not 02001" in page


def test_when_nobody_is_logged_on_the_page_says_so(admin_client: Client) -> None:
    assert "Nobody is logged on" in text(admin_client, "/admin/agents/agent/")


def test_the_button_begins_a_load_of_every_enabled_service(admin_client: Client, north: RecordingService) -> None:
    make_service("off", enabled=False)

    response = admin_client.post(f"{USERS}refresh/", follow=True)

    begun = UserRefresh.objects.get()
    assert (begun.service, begun.trigger, begun.asked_by) == (north, Trigger.BUTTON, "admin")
    assert "Loading the users of north." in response.content.decode()


def test_one_service_can_be_chosen(admin_client: Client, north: RecordingService, redis: Any) -> None:
    south = make_service("south")
    assert "only south" in text(admin_client, USERS)

    admin_client.post(f"{USERS}refresh/", {"service": south.pk})

    assert UserRefresh.objects.get().service == south


def test_progress_is_shown_and_asked_for_until_the_load_ends(admin_client: Client, north: RecordingService) -> None:
    refresh = UserRefresh.objects.create(service=north, trigger=Trigger.BUTTON, started_at=NOW, loaded=1500)
    panel = text(admin_client, f"{USERS}refresh-panel/")
    assert "1500" in panel
    assert "hx-trigger" in panel

    UserRefresh.objects.filter(pk=refresh.pk).update(state=RefreshState.DONE, added=1500)

    assert "hx-trigger" not in text(admin_client, f"{USERS}refresh-panel/")


@pytest.mark.parametrize("address", [f"{USERS}refresh/", f"{LOADS}1/confirm/"])
def test_looking_at_a_buttons_address_changes_nothing(
    admin_client: Client, north: RecordingService, address: str
) -> None:
    assert admin_client.get(address).status_code == 405
    assert not UserRefresh.objects.exists()


def test_who_may_only_look_sees_no_button_and_cannot_press_it(viewer: Client, north: RecordingService) -> None:
    UserRefresh.objects.create(
        pk=1, service=north, trigger=Trigger.DAILY, started_at=NOW, state=RefreshState.SUSPICIOUS
    )

    assert "Refresh QMS users" not in text(viewer, USERS)
    assert "Take the smaller list" not in text(viewer, f"{LOADS}1/change/")
    assert viewer.post(f"{USERS}refresh/").status_code == 403
    assert viewer.post(f"{LOADS}1/confirm/").status_code == 403
    assert UserRefresh.objects.count() == 1


def test_a_stranger_is_sent_to_the_login(client: Client) -> None:
    assert client.post(f"{USERS}refresh/").status_code == 302
    assert client.get(f"{USERS}refresh-panel/").status_code == 302


def test_a_suspicious_list_can_be_confirmed(admin_client: Client, north: RecordingService) -> None:
    refresh = UserRefresh.objects.create(
        service=north,
        trigger=Trigger.DAILY,
        started_at=NOW,
        state=RefreshState.SUSPICIOUS,
        loaded=4,
        error="QMS listed 4",
    )
    assert "Take the smaller list" in text(admin_client, f"{LOADS}{refresh.pk}/change/")

    admin_client.post(f"{LOADS}{refresh.pk}/confirm/")

    assert UserRefresh.objects.latest("id").accepts_down_to == 4


def test_a_load_that_is_not_suspicious_cannot_be_confirmed(admin_client: Client, north: RecordingService) -> None:
    refresh = UserRefresh.objects.create(service=north, trigger=Trigger.DAILY, started_at=NOW, state=RefreshState.DONE)

    assert "Take the smaller list" not in text(admin_client, f"{LOADS}{refresh.pk}/change/")
    assert admin_client.post(f"{LOADS}{refresh.pk}/confirm/").status_code == 404


def test_a_load_shows_its_difference(admin_client: Client, north: RecordingService) -> None:
    refresh = UserRefresh.objects.create(service=north, trigger=Trigger.DAILY, started_at=NOW, state=RefreshState.DONE)
    refresh.changes.create(user_id="1002", kind="changed", field="extension", before="2002", after="2999")

    page = text(admin_client, f"{LOADS}{refresh.pk}/change/")

    assert "2002" in page
    assert "2999" in page


def test_users_cannot_be_changed_and_gone_ones_are_marked(admin_client: Client, north: RecordingService) -> None:
    user = list_user(north, gone_at=NOW)

    assert "gone" in text(admin_client, USERS)
    assert admin_client.post(f"{USERS}{user.pk}/change/", {"extension": "1"}).status_code == 403
    assert admin_client.post(f"{USERS}{user.pk}/delete/").status_code == 403
    assert QmsUser.objects.get().extension == "2001"
