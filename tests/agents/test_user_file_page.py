"""Users from a file, in the admin: upload, see what changes, take it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents.models import QmsUser, RefreshState, Trigger, UserRefresh
from agents.ui import user_file
from agents.users.refresh import begin_refresh
from qms.models import RecordingService
from tests.agents.test_directories import list_user

pytestmark = pytest.mark.django_db
PAGE = "/admin/agents/qmsuser/file/"
HEADER = (
    "First Name,Last Name,Extension,User ID,User Name,Is User Active,Recording Service IP Address,"
    "Unlimited License,On-Demand License\r\n"
)
ALICE = "Alice,Archer,2001,1,alice,1,Any,1,0\r\n"
FILE = HEADER + ALICE + "Bob,Bell,2002,2,bob,1,Any,1,0\r\nCarl,Cole,4.42E+11,3,carl,maybe,Any,1,0\r\n"


@pytest.fixture
def known(north: RecordingService) -> RecordingService:
    """Give the service two users."""
    list_user(north, "2001", user_id="1", user_name="alice", first_name="Alice", last_name="Old")
    list_user(north, "2009", user_id="9", user_name="zoe", first_name="Zoe", last_name="Zoom")
    return north


def uploaded(client: Client, service: RecordingService, content: str | bytes) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(PAGE, {"service": service.pk, "file": SimpleUploadedFile("users.csv", data)})


def token_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.context_data["token"])


def test_the_file_is_previewed_and_nothing_is_taken(admin_client: Client, known: RecordingService) -> None:
    page = uploaded(admin_client, known, FILE).content.decode()

    assert "2 users for north, read as utf-8:" in page
    assert "last name: Old → Archer" in page
    assert "Zoe Zoom" in page
    assert "no longer listed" in page
    assert "Line 4: Is User Active is &#x27;maybe&#x27;; it must be 0 or 1 (user 3)" in page
    assert not UserRefresh.objects.exists()


def test_what_was_previewed_is_taken_once(admin_client: Client, known: RecordingService) -> None:
    token = token_of(uploaded(admin_client, known, FILE))

    first = admin_client.post(PAGE, {"token": token}, follow=True)
    again = admin_client.post(PAGE, {"token": token}, follow=True)

    run = UserRefresh.objects.get()
    assert (run.state, run.trigger, run.asked_by, run.unreadable) == (RefreshState.DONE, "file", "admin", 1)
    assert (run.added, run.changed, run.gone) == (1, 1, 1)
    assert first.request["PATH_INFO"] == f"/admin/agents/userrefresh/{run.pk}/change/"
    assert "upload it again" in again.content.decode()
    assert QmsUser.objects.get(user_id="1").last_name == "Archer"


def test_a_much_smaller_list_is_taken_only_when_the_box_is_ticked(
    admin_client: Client, known: RecordingService
) -> None:
    token = token_of(uploaded(admin_client, known, HEADER + ALICE))

    refused = admin_client.post(PAGE, {"token": token})
    assert "Tick the box" in refused.content.decode()
    assert not UserRefresh.objects.exists()

    admin_client.post(PAGE, {"token": token, "smaller": "on"})
    assert UserRefresh.objects.get().state == RefreshState.DONE
    assert QmsUser.objects.get(user_id="9").gone_at is not None


@pytest.mark.parametrize("content", ["nonsense", b"PK\x03\x04" + bytes(99), ""])
def test_a_file_that_cannot_be_read_says_why_beside_its_field(
    admin_client: Client, known: RecordingService, content: str | bytes
) -> None:
    response = uploaded(admin_client, known, content)

    assert response.context_data["form"].errors["file"]
    assert not UserRefresh.objects.exists()


def test_a_file_too_long_for_a_page_names_the_command(
    admin_client: Client, known: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_file, "MAXIMUM_BYTES", 100)

    assert "import_users" in uploaded(admin_client, known, FILE).content.decode()


def test_markup_in_a_file_stays_text(admin_client: Client, known: RecordingService) -> None:
    page = uploaded(admin_client, known, FILE.replace("Bell", "<script>alert(1)</script>")).content.decode()

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_load_that_runs_is_not_disturbed(admin_client: Client, known: RecordingService) -> None:
    token = token_of(uploaded(admin_client, known, FILE))
    begin_refresh(known.pk, Trigger.BUTTON)

    answer = admin_client.post(PAGE, {"token": token}, follow=True)
    assert "are being loaded" in answer.content.decode()
    assert UserRefresh.objects.count() == 1


def test_the_file_of_another_person_cannot_be_taken(
    admin_client: Client, known: RecordingService, django_user_model: type[User]
) -> None:
    token = token_of(uploaded(admin_client, known, FILE))
    other = Client()
    other.force_login(django_user_model.objects.create_superuser("eve"))

    assert "upload it again" in other.post(PAGE, {"token": token}, follow=True).content.decode()
    assert not UserRefresh.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_only_look_is_refused(client: Client, north: RecordingService, method: str) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)

    assert getattr(client, method)(PAGE).status_code == 403
    assert "Users from a file" not in client.get("/admin/agents/qmsuser/").content.decode()
