"""The notice above the Flags, and the verification that is asked for there."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from kombu.exceptions import OperationalError

import clock
from flags.models import FlagOnServer, FlagSetting, FlagVerification
from flags.provisioning import verify_jobs
from flags.provisioning.create import ServerFlagState
from qms.models import DataServer
from qms.port import MAXIMUM_GUID_LENGTH
from simulators.qms.site import SimulatedQms
from tests.flags.verification import FLAGS, new_flags, qms_with_new_flags, recording

pytestmark = pytest.mark.django_db


@pytest.fixture
def qms() -> Iterator[SimulatedQms]:
    yield from qms_with_new_flags()


@pytest.fixture
def main(qms: SimulatedQms) -> DataServer:
    return new_flags(qms)


def page(client: Client, server: DataServer) -> str:
    return client.get(f"{FLAGS}new/{server.pk}/").content.decode()


def press(client: Client, server: DataServer, **values: str) -> str:
    answer = client.post(f"{FLAGS}new/{server.pk}/prove/", values, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def looker(client: Client, *more: str) -> None:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__startswith="view_") | Permission.objects.filter(codename__in=more)
    )
    client.force_login(user)


def test_the_notice_stands_on_the_flags_page_and_leads_there_from_the_data_servers(
    admin_client: Client, main: DataServer
) -> None:
    page = admin_client.get(FLAGS).content.decode()

    assert "restart QMS" in page
    assert "<b>AgentId, QueueName</b>" in page
    assert "It was restarted: verify" in page
    assert "New: not verified yet." in page
    data_servers = admin_client.get(f"/admin/qms/dataserver/{main.pk}/change/").content.decode()
    assert f'hx-get="{FLAGS}new/{main.pk}/"' in data_servers


def test_a_verification_is_asked_for_followed_and_ends_the_notice(
    admin_client: Client, qms: SimulatedQms, main: DataServer
) -> None:
    qms.restart()
    guid = recording(qms)

    running = press(admin_client, main, guid=f" {{{guid.upper()}}} ")
    assert "every 1s" in running
    assert "It was restarted: verify" not in running
    verify_jobs.run_verification(main.pk, 1)
    done = page(admin_client, main)

    assert "every 1s" not in done
    assert "verified" in done
    assert "No Flag is new on this Data Server." in done
    flags = admin_client.get(FLAGS).content.decode()
    assert "Verified on a test recording just now." in flags
    assert "restart QMS" not in flags
    assert "Asked to verify new Flags" in LogEntry.objects.latest("pk").get_change_message()


def test_a_verification_that_failed_says_why_and_what_to_do(
    admin_client: Client, qms: SimulatedQms, main: DataServer
) -> None:
    press(admin_client, main, guid=recording(qms))
    verify_jobs.run_verification(main.pk, 1)

    text = page(admin_client, main)

    assert "failed" in text
    assert "What to do: Restart the QMS services" in text
    assert "It was restarted: verify" in text


def test_the_field_takes_a_guid_of_any_length_that_is_kept(admin_client: Client, main: DataServer) -> None:
    assert f'maxlength="{MAXIMUM_GUID_LENGTH}"' in page(admin_client, main)


def test_what_is_no_guid_is_reported_beside_the_field_that_keeps_it(admin_client: Client, main: DataServer) -> None:
    text = press(admin_client, main, guid="4711" * 33)

    assert "Give the GUID of a test recording" in text
    assert f'value="{"4711" * 33}"' in text
    assert not FlagVerification.objects.exists()


def test_without_a_script_the_answer_stands_on_the_flags_page(admin_client: Client, main: DataServer) -> None:
    answer = admin_client.post(f"{FLAGS}new/{main.pk}/prove/", {"guid": "47\x0011"}, follow=True)

    assert "Give the GUID of a test recording" in answer.content.decode()


def test_who_has_no_test_recording_gives_their_word_until_the_next_flag_is_created(
    admin_client: Client, main: DataServer
) -> None:
    text = press(admin_client, main, only="word")
    assert "admin said at" in text
    assert "restart QMS" not in text
    assert "not verified" in text

    FlagOnServer.objects.filter(name="AgentId").update(new_since=clock.now() + timedelta(seconds=1))

    assert "restart QMS" in page(admin_client, main)


def test_a_broker_that_is_away_is_reported(
    admin_client: Client, qms: SimulatedQms, main: DataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(current_app, "send_task", away)

    text = press(admin_client, main, guid=recording(qms))

    assert "could not be started: the broker (Redis) does not answer" in text
    assert "every 1s" not in text


def test_a_verification_that_no_worker_takes_is_reported(
    admin_client: Client, qms: SimulatedQms, main: DataServer
) -> None:
    verify_jobs.request_verification(main, recording(qms), "ann", clock.now())
    FlagVerification.objects.update(asked_at=clock.now() - timedelta(seconds=20))
    assert "No worker has begun it yet." in page(admin_client, main)

    FlagVerification.objects.update(asked_at=clock.now() - timedelta(minutes=2))
    assert "did not end" in page(admin_client, main)


def test_who_may_only_look_sees_the_notice_and_verifies_nothing(client: Client, main: DataServer) -> None:
    looker(client)

    assert "restart QMS" in page(client, main)
    assert "It was restarted: verify" not in page(client, main)
    assert client.post(f"{FLAGS}new/{main.pk}/prove/", {"only": "word"}).status_code == 403
    assert not FlagVerification.objects.exists()


def test_who_may_not_see_flags_sees_no_notice(client: Client, main: DataServer) -> None:
    client.force_login(User.objects.create_user("sue", is_staff=True))

    assert client.get(f"{FLAGS}new/{main.pk}/").status_code == 403


def test_looking_at_the_address_of_the_button_verifies_nothing(admin_client: Client, main: DataServer) -> None:
    assert admin_client.get(f"{FLAGS}new/{main.pk}/prove/").status_code == 405


def test_a_flag_that_was_switched_off_or_is_gone_from_qms_needs_no_verification(main: DataServer) -> None:
    FlagSetting.objects.filter(name="AgentId").update(enabled=False)
    FlagOnServer.objects.filter(name="QueueName").update(state=ServerFlagState.MISSING)

    assert verify_jobs.unverified_flags(main) == []
