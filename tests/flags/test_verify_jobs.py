"""Flags created in QMS are new until a recording took them: verified by writing and reading back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

import clock
from flags.models import FlagOnServer, FlagSetting, FlagVerification, FlagWrite
from flags.provisioning import verify_jobs
from flags.provisioning.create import check_flags, create_flags
from flags.provisioning.verify import TRIAL_TEXT
from qms.api import ConnectService, connect
from qms.models import DataServer, RecordingService
from qms.port import Flag, FlagDefinition, QmsUnclear, RecordingServicePort
from simulators.qms.site import SimulatedQms
from tests.flags.verification import NOW, names, new_flags, qms_with_new_flags, recording, verified

pytestmark = pytest.mark.django_db


@pytest.fixture
def qms() -> Iterator[SimulatedQms]:
    yield from qms_with_new_flags()


@pytest.fixture
def main(qms: SimulatedQms) -> DataServer:
    return new_flags(qms)


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
