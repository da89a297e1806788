"""The page of the Flags: what each carries, where it exists, and a button that creates them."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from flags.models import FlagOnServer, FlagSetting
from qms.models import DataServer, RecordingService
from qms.simulated.envelopes import Credentials
from qms.simulated.records import SimulatedService
from qms.simulated.server import SimulatedServer, in_thread
from qms.simulated.site import SimulatedQms

pytestmark = pytest.mark.django_db
FLAGS = "/admin/flags/flagsetting/"


@pytest.fixture
def qms() -> Iterator[SimulatedQms]:
    """Give a simulated QMS that the site's one Data Server leads to."""
    qms = SimulatedQms([SimulatedService(slug="north", data_server="main")])
    with in_thread(SimulatedServer(qms, Credentials("gateway", "secret"))) as server:
        RecordingService.objects.create(
            slug="north", data_server=DataServer.objects.create(slug="main"), username="gateway", password="secret",
            url=f"http://127.0.0.1:{server.port}/north",
        )  # fmt: skip
        yield qms


def change(client: Client, flag: str, **values: object) -> str:
    row = FlagSetting.objects.get(name=flag)
    fields = ("name", "field", "max_length", "privacy", "order")
    data = {field: getattr(row, field) for field in fields} | {"enabled": "on"} | values
    data |= {"confirmed_old": flag, "confirmed_name": data["name"]}
    return client.post(f"{FLAGS}{row.pk}/change/", data, follow=True).content.decode()


def test_the_page_shows_what_each_flag_carries(admin_client: Client) -> None:
    FlagSetting.objects.filter(name="QueueName").update(max_length=4)
    FlagSetting.objects.filter(name="CTI QueryData").update(enabled=True)

    page = admin_client.get(FLAGS).content.decode()

    assert "Alice Archer" in page
    assert "Sal… (cut)" in page
    assert "card=**** **** **** 1111; customer=10042; order=A-17 (masked)" in page


def test_a_flag_that_cannot_be_written_shows_so(admin_client: Client) -> None:
    FlagSetting.objects.filter(name="QueueName").update(privacy="drop")

    assert "(not written)" in admin_client.get(FLAGS).content.decode()


def test_the_button_creates_the_flags_and_shows_the_answers(admin_client: Client, qms: SimulatedQms) -> None:
    assert "not asked yet" in admin_client.get(FLAGS).content.decode()

    page = admin_client.post(f"{FLAGS}create/", follow=True).content.decode()

    assert "main: 6 created." in page
    assert "not asked yet" not in page
    assert len(qms.flag_definitions("north")) == 6


def test_a_check_creates_nothing(admin_client: Client, qms: SimulatedQms) -> None:
    page = admin_client.post(f"{FLAGS}create/", {"only": "check"}, follow=True).content.decode()

    assert "main: 6 does not exist." in page
    assert qms.flag_definitions("north") == []


def test_a_data_server_that_is_not_reached_is_told(admin_client: Client, qms: SimulatedQms) -> None:
    RecordingService.objects.update(url="http://127.0.0.1:1/", timeout_seconds=0.5)

    assert "main was not reached. north: " in admin_client.post(f"{FLAGS}create/", follow=True).content.decode()


def test_without_a_data_server_the_button_says_what_is_missing(admin_client: Client) -> None:
    assert "There is no Data Server yet" in admin_client.post(f"{FLAGS}create/", follow=True).content.decode()


def test_looking_at_the_buttons_address_creates_nothing(admin_client: Client, qms: SimulatedQms) -> None:
    assert admin_client.get(f"{FLAGS}create/").status_code == 405
    assert qms.flag_definitions("north") == []


def test_who_may_only_look_cannot_create(client: Client, qms: SimulatedQms) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)

    assert "Create in QMS" not in client.get(FLAGS).content.decode()
    assert client.post(f"{FLAGS}create/").status_code == 403
    assert not FlagOnServer.objects.exists()


@pytest.mark.parametrize(
    ("values", "told"),
    [({"field": "colour"}, "A call has no such field"), ({"max_length": 0}, "Give a length"),
     ({"max_length": 5000}, "Give a length")],
)  # fmt: skip
def test_a_flag_that_could_not_be_written_is_not_taken(
    admin_client: Client, values: dict[str, object], told: str
) -> None:
    assert told in change(admin_client, "QueueName", **values)
    assert FlagSetting.objects.get(name="QueueName").field == "queue_name"


def test_a_flag_can_carry_a_key_of_the_query_data_under_any_name(admin_client: Client) -> None:
    change(admin_client, "QueueName", name="Order", field="query:order")

    assert FlagSetting.objects.get(name="Order").field == "query:order"
