"""New Flags may need a restart of QMS: the notice stands until a test recording carried them, read back over SOAP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from celery import current_app
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from kombu.exceptions import OperationalError

import clock
from flags.models import FlagOnServer, FlagSetting, FlagVerification, FlagWrite
from flags.provisioning import verify_jobs
from flags.provisioning.create import ServerFlagState, check_flags, create_flags
from flags.provisioning.verify import TRIAL_TEXT
from qms.api import ConnectService, connect
from qms.models import DataServer, RecordingService
from qms.port import MAXIMUM_GUID_LENGTH, Flag, FlagDefinition, QmsUnclear, RecordingServicePort
from simulators.qms.envelopes import Credentials
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms

pytestmark = pytest.mark.django_db
FLAGS = "/admin/flags/flagsetting/"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def qms() -> Iterator[SimulatedQms]:
    """Give a simulated QMS that takes a new flag only after a restart, and two ways to its one Data Server."""
    slugs = ("north", "south")
    qms = SimulatedQms([SimulatedService(slug=slug, data_server="main") for slug in slugs])
    qms.set_users([SimulatedUser(extension="2001")])
    need_restart(qms, is_so=True)
    server = DataServer.objects.create(slug="main")
    with in_thread(SimulatedServer(qms, Credentials("gateway", "secret"))) as listening:
        for slug in slugs:
            RecordingService.objects.create(
                slug=slug,
                data_server=server,
                username="gateway",
                password="secret",
                url=f"http://127.0.0.1:{listening.port}/{slug}",
            )
        yield qms


@pytest.fixture
def main(qms: SimulatedQms) -> DataServer:
    """Give the Data Server, on which two Flags were created just now."""
    FlagSetting.objects.exclude(name__in=("AgentId", "QueueName")).update(enabled=False)
    server = DataServer.objects.get()
    assert create_flags(server).is_good
    return server


def need_restart(qms: SimulatedQms, *, is_so: bool) -> None:
    for slug, troubles in qms.troubles.items():
        qms.troubles[slug] = msgspec.structs.replace(troubles, flags_need_restart=is_so)


def recording(qms: SimulatedQms) -> str:
    made = qms.connected("2001", NOW)
    assert made is not None
    return made.guid


def verified(server: DataServer, guid: str, connect: ConnectService = connect) -> FlagVerification:
    """Ask for a verification and let a worker do the job."""
    verify_jobs.request_verification(server, guid, "ann", clock.now())
    verify_jobs.run_verification(server.pk, FlagVerification.objects.get().run, connect)
    return FlagVerification.objects.get()


def names(rows: list[FlagOnServer]) -> list[str]:
    return sorted(row.name for row in rows)


def test_flags_that_were_created_are_new_and_those_that_stood_are_not(qms: SimulatedQms) -> None:
    qms.create_flag_definition("north", FlagDefinition("AgentId", 255))
    server = DataServer.objects.get()

    create_flags(server)
    create_flags(server)

    assert names(verify_jobs.unverified_flags(server)) == [
        "AgentName",
        "CTICallRef",
        "CallerName",
        "InteractionGuid",
        "QueueName",
    ]


def test_a_flag_that_somebody_created_in_qms_since_it_was_looked_for_is_new_too(qms: SimulatedQms) -> None:
    server = DataServer.objects.get()
    check_flags(server)
    qms.create_flag_definition("north", FlagDefinition("AgentId", 255))

    check_flags(server)

    assert names(verify_jobs.unverified_flags(server)) == ["AgentId"]


def test_before_the_restart_the_verification_fails_and_says_what_to_do(qms: SimulatedQms, main: DataServer) -> None:
    guid = recording(qms)

    verification = verified(main, guid)

    assert not verification.is_good
    assert "refuses to write them (fault UnknownFlag): they do not work yet" in verification.found
    assert "Restart the QMS services" in verification.advice
    assert names(verify_jobs.unverified_flags(main)) == ["AgentId", "QueueName"]
    assert qms.recordings[guid].flags == {}


def test_after_the_restart_the_flags_are_written_read_back_and_no_longer_new(
    qms: SimulatedQms, main: DataServer
) -> None:
    guid = recording(qms)
    verified(main, guid)
    qms.restart()

    verification = verified(main, guid)

    assert verification.is_good
    assert f"AgentId, QueueName: written to the recording {guid} through north, and read back." in verification.found
    assert qms.recordings[guid].flags == {"AgentId": TRIAL_TEXT, "QueueName": TRIAL_TEXT}
    assert verify_jobs.unverified_flags(main) == []


def test_a_short_flag_is_verified_with_what_fits(qms: SimulatedQms) -> None:
    FlagSetting.objects.exclude(name="AgentId").update(enabled=False)
    FlagSetting.objects.filter(name="AgentId").update(max_length=9)
    qms.create_flag_definition("north", FlagDefinition("AgentId", 5))
    qms.restart()
    guid = recording(qms)

    assert verified(DataServer.objects.get(), guid).is_good
    assert qms.recordings[guid].flags == {"AgentId": TRIAL_TEXT[:5]}


def test_a_recording_that_carries_flags_of_a_call_is_left_alone(qms: SimulatedQms, main: DataServer) -> None:
    guid = recording(qms)
    qms.restart()
    qms.write_flags("north", guid, [Flag("QueueName", "Sales")])

    verification = verified(main, guid)

    assert "carries flags of a call (QueueName)" in verification.found
    assert qms.recordings[guid].flags == {"QueueName": "Sales"}


def test_a_recording_of_a_call_that_the_gateway_flags_is_refused_at_once(main: DataServer, qms: SimulatedQms) -> None:
    guid = recording(qms)
    FlagWrite.objects.create(
        leg_id=1,
        source_id=1,
        service=main.services.get(slug="north"),
        recording_guid=guid,
        part="base",
        not_before=NOW,
        created_at=NOW,
    )

    with pytest.raises(verify_jobs.VerificationRefused, match="recording of a call that the gateway knows"):
        verify_jobs.request_verification(main, guid.upper(), "ann", clock.now())


def test_a_call_that_took_the_recording_meanwhile_keeps_it(main: DataServer, qms: SimulatedQms) -> None:
    guid = recording(qms)
    qms.restart()
    verify_jobs.request_verification(main, guid, "ann", clock.now())
    FlagWrite.objects.create(
        leg_id=1,
        source_id=1,
        service=main.services.get(slug="north"),
        recording_guid=guid,
        part="base",
        not_before=NOW,
        created_at=NOW,
    )

    verify_jobs.run_verification(main.pk, FlagVerification.objects.get().run)

    assert not FlagVerification.objects.get().is_good
    assert qms.recordings[guid].flags == {}


def test_a_recording_that_was_used_before_verifies_nothing_of_a_flag_that_was_created_again(
    qms: SimulatedQms, main: DataServer
) -> None:
    guid = recording(qms)
    qms.restart()
    verified(main, guid)
    FlagOnServer.objects.filter(name="AgentId").update(new_since=clock.now(), verified_at=None)

    verification = verified(main, guid)

    assert "carries AgentId already, from an earlier test" in verification.found
    assert names(verify_jobs.unverified_flags(main)) == ["AgentId"]


class Deaf:
    """A way to QMS on which the answer of a write is lost afterwards; ``reads``: number of answers that arrive."""

    def __init__(self, port: RecordingServicePort, reads: int = 9) -> None:
        self._port = port
        self._reads = reads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def write_flags(self, guid: str, flags: list[Flag]) -> int:
        self._port.write_flags(guid, flags)
        raise QmsUnclear("The answer was lost.")

    def flags(self, guid: str) -> list[Flag]:
        self._reads -= 1
        if self._reads < 0:
            raise QmsUnclear("No answer.")
        return self._port.flags(guid)


def deaf(reads: int = 9) -> ConnectService:
    """Connect over SOAP by such a way."""
    return lambda service: cast("RecordingServicePort", Deaf(connect(service), reads))


def test_an_answer_that_was_lost_is_decided_by_the_reading(qms: SimulatedQms, main: DataServer) -> None:
    qms.restart()

    assert verified(main, recording(qms), deaf()).is_good


def test_what_an_earlier_try_wrote_is_verified_by_the_next_that_reads_it(qms: SimulatedQms, main: DataServer) -> None:
    qms.restart()
    guid = recording(qms)

    assert not verified(main, guid, deaf(reads=1)).is_good
    assert verified(main, guid).is_good
    assert qms.recordings[guid].writes == 1
    assert verify_jobs.unverified_flags(main) == []


def test_a_service_that_is_not_reached_leaves_it_to_the_next(qms: SimulatedQms, main: DataServer) -> None:
    qms.restart()
    RecordingService.objects.filter(slug="north").update(url="http://127.0.0.1:1/", timeout_seconds=0.5)

    assert "through south" in verified(main, recording(qms)).found


def test_a_recording_that_nobody_knows_is_reported(main: DataServer) -> None:
    verification = verified(main, "00000000-0000-4000-8000-000000000000")

    assert verification.found == "north: QMS does not know the recording; south: QMS does not know the recording"
    assert "Take the GUID from QMS" in verification.advice


def test_a_flag_that_was_created_while_the_verification_ran_stays_new(qms: SimulatedQms, main: DataServer) -> None:
    qms.restart()

    def slowly(service: RecordingService) -> RecordingServicePort:
        FlagOnServer.objects.filter(name="AgentId").update(new_since=clock.now() + timedelta(seconds=1))
        return connect(service)

    assert verified(main, recording(qms), slowly).is_good
    assert names(verify_jobs.unverified_flags(main)) == ["AgentId"]


def test_a_verification_runs_once_at_a_time_and_a_worker_that_is_late_changes_nothing(
    qms: SimulatedQms, main: DataServer
) -> None:
    guid = recording(qms)
    verify_jobs.request_verification(main, guid, "ann", clock.now())
    verify_jobs.request_verification(main, guid, "bob", clock.now())
    assert FlagVerification.objects.get().asked_by == "ann"

    verify_jobs.request_verification(main, guid, "bob", clock.now() + timedelta(minutes=2))
    verify_jobs.run_verification(main.pk, 1)

    assert FlagVerification.objects.get().begun_at is None


def written(service: RecordingService, name: str, settled_at: datetime, state: str = "written") -> None:
    write = FlagWrite.objects.create(
        leg_id=1,
        source_id=1,
        service=service,
        recording_guid=f"G{FlagWrite.objects.count()}",
        part="base",
        state=state,
        not_before=NOW,
        created_at=NOW,
        settled_at=settled_at,
    )
    write.values.create(recording_guid=write.recording_guid, name=name, value="x")


def test_a_call_whose_recording_took_a_new_flag_verifies_it(main: DataServer) -> None:
    north, now = main.services.get(slug="north"), clock.now()
    written(north, "AgentId", now + timedelta(seconds=1))
    written(north, "QueueName", now + timedelta(seconds=1), state="refused")

    verify_jobs.note_flags_verified_by_calls()

    assert names(verify_jobs.unverified_flags(main)) == ["QueueName"]


def test_a_call_before_the_flag_was_created_or_of_another_data_server_verifies_nothing(main: DataServer) -> None:
    other = RecordingService.objects.create(slug="far", data_server=DataServer.objects.create(slug="other"), url="x")
    written(main.services.get(slug="north"), "AgentId", clock.now() - timedelta(hours=1))
    written(other, "AgentId", clock.now() + timedelta(seconds=1))

    verify_jobs.note_flags_verified_by_calls()

    assert names(verify_jobs.unverified_flags(main)) == ["AgentId", "QueueName"]


# The pages.


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
