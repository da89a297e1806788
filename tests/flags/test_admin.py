"""The page of the Flags: what each carries, where it exists, and a button that creates them."""

from collections.abc import Iterator, Sequence

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from kombu.exceptions import OperationalError

from flags.models import FlagCreation, FlagSetting
from flags.provisioning import create_jobs
from flags.provisioning.create import Creation, FlagAnswer, ProgressCallback, create_flags
from qms.api import ConnectService
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition
from simulators.qms.envelopes import Credentials
from simulators.qms.records import SimulatedService
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms

pytestmark = pytest.mark.django_db
FLAGS = "/admin/flags/flagsetting/"


@pytest.fixture
def qms() -> Iterator[SimulatedQms]:
    """Give a simulated QMS that the site's one Data Server leads to."""
    qms = SimulatedQms([SimulatedService(slug="north", data_server="main")])
    with in_thread(SimulatedServer(qms, Credentials("gateway", "secret"))) as server:
        RecordingService.objects.create(
            slug="north",
            data_server=DataServer.objects.create(slug="main"),
            username="gateway",
            password="secret",
            url=f"http://127.0.0.1:{server.port}/north",
        )
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


def page_after(client: Client, **pressed: str) -> str:
    """Press the button, let a worker do the job, and return the page."""
    answer = client.post(f"{FLAGS}create/", pressed)
    assert answer.status_code == 302, "The request itself asks QMS nothing."
    for row in FlagCreation.objects.all():
        create_jobs.run_creation(row.pk, row.run)
    return client.get(FLAGS).content.decode()


def test_the_button_creates_the_flags_and_shows_the_answers(admin_client: Client, qms: SimulatedQms) -> None:
    assert "not asked yet" in admin_client.get(FLAGS).content.decode()

    page = page_after(admin_client)

    assert "6 created (asked for by admin, just now)" in page
    assert "not asked yet" not in page
    assert "hx-get" not in page.partition('id="creation-panel"')[2].partition(">")[0], "What is over is left alone."
    assert len(qms.flag_definitions("north")) == 6


def test_a_check_creates_nothing(admin_client: Client, qms: SimulatedQms) -> None:
    assert "6 does not exist" in page_after(admin_client, only="check")
    assert qms.flag_definitions("north") == []


def test_a_data_server_that_is_not_reached_is_reported(admin_client: Client, qms: SimulatedQms) -> None:
    RecordingService.objects.update(url="http://127.0.0.1:1/", timeout_seconds=0.5)

    page = page_after(admin_client)

    assert "Not every answer of QMS is known. north: " in page
    assert "failed" in page


def test_the_page_follows_flag_by_flag_while_a_worker_creates_them(
    admin_client: Client, qms: SimulatedQms, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look() -> None:
        seen.append(admin_client.get(f"{FLAGS}creation/").content.decode())

    def looked_at(server: DataServer, connect: ConnectService, tell: ProgressCallback) -> Creation:
        def tell_and_look(answers: Sequence[FlagAnswer]) -> None:
            tell(answers)
            look()

        return create_flags(server, connect, tell_and_look)

    monkeypatch.setattr("flags.provisioning.create_jobs.create_flags", looked_at)
    admin_client.post(f"{FLAGS}create/")
    look()
    create_jobs.run_creation(FlagCreation.objects.get().pk, 1)
    look()

    assert "Waits for a worker." in seen[0]
    reported = [(one.count("waits"), "every 1s" in one) for one in seen[1:-1]]
    assert reported == [(6 - done, True) for done in range(7)]
    assert "3 of 6 Flags are settled" in seen[4]
    assert "every 1s" not in seen[-1].partition("new-flags")[0]
    assert 'hx-swap-oob="true"' in seen[-1], "What is to be restarted comes without a reload."
    assert "do new Flags work?" in seen[-1]


def test_who_presses_while_it_runs_learns_who_pressed_before(admin_client: Client, qms: SimulatedQms) -> None:
    admin_client.post(f"{FLAGS}create/")

    page = admin_client.post(f"{FLAGS}create/", follow=True).content.decode()

    assert "main: the Flags are being created already since" in page
    assert "for admin; see below" in page
    assert FlagCreation.objects.get().run == 1


def test_the_history_of_the_data_server_says_who_asked_and_what_came_of_it(
    admin_client: Client, qms: SimulatedQms
) -> None:
    qms.create_flag_definition("north", FlagDefinition("AgentId", 255))

    page_after(admin_client)

    entries = LogEntry.objects.order_by("pk")
    assert [one.user.get_username() for one in entries] == ["admin", "admin"]
    assert entries[0].change_message == "Asked to create the Flags in QMS."
    assert entries[1].change_message.startswith("Created the Flags in QMS. exists: AgentId; created: AgentName, ")


def test_without_a_broker_the_page_says_that_nothing_was_started(
    admin_client: Client, qms: SimulatedQms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_down(*_: object, **__: object) -> None:
        raise OperationalError("Redis is away")

    monkeypatch.setattr(current_app, "send_task", is_down)

    page = admin_client.post(f"{FLAGS}create/", follow=True).content.decode()

    assert "main: It could not be started: the broker (Redis) does not answer." in page
    assert not LogEntry.objects.exists()


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
    assert client.get(f"{FLAGS}creation/").status_code == 200
    assert not FlagCreation.objects.exists()


def test_who_may_not_see_the_flags_cannot_follow_their_creation(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(f"{FLAGS}creation/").status_code == 403


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"field": "colour"}, "A call has no such field"),
        ({"max_length": 0}, "Give a length"),
        ({"max_length": 5000}, "Give a length"),
    ],
)
def test_a_flag_that_could_not_be_written_is_not_taken(
    admin_client: Client, values: dict[str, object], reported: str
) -> None:
    assert reported in change(admin_client, "QueueName", **values)
    assert FlagSetting.objects.get(name="QueueName").field == "queue_name"


def test_a_flag_can_carry_a_key_of_the_query_data_under_any_name(admin_client: Client) -> None:
    change(admin_client, "QueueName", name="Order", field="query:order")

    assert FlagSetting.objects.get(name="Order").field == "query:order"
