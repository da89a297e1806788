"""The contract of ``RecordingServicePort``: one abstract test case, inherited for each twin."""

import abc
from datetime import UTC, datetime, timedelta

import pytest

from qms.port import (
    Flag,
    FlagAlreadyWritten,
    FlagDefinition,
    Licence,
    ListedUser,
    QmsRejected,
    RecordingNotFound,
    RecordingServicePort,
    UnknownFlag,
    ValueTooLong,
)
from simulators.qms.people import person
from simulators.qms.records import SimulatedUser
from simulators.qms.site import SimulatedQms

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
AGENT = FlagDefinition("AgentId", 20, "who took the call")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class RecordingServiceContract(abc.ABC):
    """What every twin of the port does. ``qms`` is the other side, which the tests move by hand."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    @abc.abstractmethod
    def qms(self, clock: Clock) -> SimulatedQms: ...

    @pytest.fixture
    @abc.abstractmethod
    def service(self, qms: SimulatedQms, clock: Clock) -> RecordingServicePort: ...

    @pytest.fixture
    def guid(self, qms: SimulatedQms, service: RecordingServicePort, clock: Clock) -> str:
        """Let the first user be in a call that is recorded, with one flag created, and return its GUID."""
        qms.set_users([person(0)])
        service.create_flag_definition(AGENT)
        recording = qms.connected("2001", clock())
        assert recording is not None
        return recording.guid

    def test_it_says_who_answers(self, service: RecordingServicePort) -> None:
        info = service.service_info()

        assert info.identifiers == ("127.0.0.1",)
        assert info.data_server == "data-server"

    def test_users_come_whole_and_in_order_over_several_pages(
        self, qms: SimulatedQms, service: RecordingServicePort
    ) -> None:
        qms.set_users([person(index) for index in range(1203)])

        assert [person(index).as_user() for index in range(1203)] == list(service.users())

    def test_an_extension_keeps_its_leading_zero(self, qms: SimulatedQms, service: RecordingServicePort) -> None:
        qms.set_users([SimulatedUser(extension="0123"), SimulatedUser(extension="123")])

        assert [user.extension for user in service.users() if isinstance(user, ListedUser)] == ["0123", "123"]

    def test_a_user_may_lack_agent_id_department_and_names(
        self, qms: SimulatedQms, service: RecordingServicePort
    ) -> None:
        bare = SimulatedUser(extension="7", active=False, licence=Licence.ON_DEMAND)
        qms.set_users([bare])

        assert [bare.as_user()] == list(service.users())

    def test_users_of_another_service_are_not_listed(self, qms: SimulatedQms, service: RecordingServicePort) -> None:
        qms.set_users([person(0, "10.0.0.9"), person(1, "127.0.0.1"), person(2)])

        assert [user.extension for user in service.users() if isinstance(user, ListedUser)] == ["2002", "2003"]

    def test_the_live_recording_is_told_within_the_window(
        self, qms: SimulatedQms, service: RecordingServicePort, clock: Clock, guid: str
    ) -> None:
        clock.pass_seconds(9.9)

        found = service.find_live_recording("2001")

        assert found is not None
        assert (guid, "2001", NOON, None) == (found.guid, found.extension, found.started_at, found.ended_at)

    def test_the_live_recording_is_no_longer_told_after_the_window(
        self, service: RecordingServicePort, clock: Clock, guid: str
    ) -> None:
        clock.pass_seconds(10.1)

        assert service.find_live_recording("2001") is None

    def test_no_recording_is_told_at_an_idle_extension(self, service: RecordingServicePort, guid: str) -> None:
        assert service.find_live_recording("2002") is None

    def test_a_recording_that_ended_is_not_live(
        self, qms: SimulatedQms, service: RecordingServicePort, clock: Clock, guid: str
    ) -> None:
        qms.disconnected("2001", clock())

        assert service.find_live_recording("2001") is None

    def test_a_recording_older_than_asked_is_not_told(self, service: RecordingServicePort, guid: str) -> None:
        assert service.find_live_recording("2001", NOON) is not None
        assert service.find_live_recording("2001", NOON + timedelta(microseconds=1)) is None

    def test_a_transfer_starts_a_new_recording(
        self, qms: SimulatedQms, service: RecordingServicePort, clock: Clock, guid: str
    ) -> None:
        qms.connected("2001", clock())

        found = service.find_live_recording("2001")

        assert found is not None
        assert guid != found.guid

    def test_flags_that_are_created_exist(self, service: RecordingServicePort) -> None:
        assert service.flag_definitions() == []
        assert service.create_flag_definition(AGENT) == AGENT
        service.create_flag_definition(FlagDefinition("QueueName"))

        assert [AGENT, FlagDefinition("QueueName")] == service.flag_definitions()

    def test_a_flag_cannot_be_created_twice(self, service: RecordingServicePort) -> None:
        service.create_flag_definition(AGENT)

        with pytest.raises(QmsRejected) as refusal:
            service.create_flag_definition(AGENT)

        assert refusal.value.code == "FlagAlreadyExists"
        assert not refusal.value.retryable

    def test_flags_are_written_and_read_back(self, service: RecordingServicePort, guid: str) -> None:
        service.create_flag_definition(FlagDefinition("CallerName"))
        flags = [Flag("AgentId", "9101"), Flag("CallerName", "Ünal & <Söhne> \u2603 \U0001f4de")]

        assert service.write_flags(guid, flags) == 2
        assert flags == service.flags(guid)

    def test_flags_are_written_after_the_recording_ended(
        self, qms: SimulatedQms, service: RecordingServicePort, clock: Clock, guid: str
    ) -> None:
        qms.disconnected("2001", clock())

        assert service.write_flags(guid, [Flag("AgentId", "9101")]) == 1

    def test_the_same_value_again_is_no_fault(self, service: RecordingServicePort, guid: str) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])

        assert service.write_flags(guid, [Flag("AgentId", "9101")]) == 0

    def test_another_value_is_refused_and_nothing_is_written(self, service: RecordingServicePort, guid: str) -> None:
        service.create_flag_definition(FlagDefinition("QueueName"))
        service.write_flags(guid, [Flag("AgentId", "9101")])

        with pytest.raises(FlagAlreadyWritten):
            service.write_flags(guid, [Flag("QueueName", "Sales"), Flag("AgentId", "9102")])

        assert [Flag("AgentId", "9101")] == service.flags(guid)

    def test_a_flag_that_was_never_created_is_refused(self, service: RecordingServicePort, guid: str) -> None:
        with pytest.raises(UnknownFlag):
            service.write_flags(guid, [Flag("AgentId", "9101"), Flag("Nobody", "x")])

        assert service.flags(guid) == []

    def test_a_value_that_is_too_long_is_refused(self, service: RecordingServicePort, guid: str) -> None:
        with pytest.raises(ValueTooLong):
            service.write_flags(guid, [Flag("AgentId", "9" * 21)])

    def test_a_recording_that_is_gone_is_said_so(self, service: RecordingServicePort, guid: str) -> None:
        other = "00000000-0000-4000-8000-000000000000"

        with pytest.raises(RecordingNotFound):
            service.write_flags(other, [Flag("AgentId", "9101")])
        with pytest.raises(RecordingNotFound):
            service.flags(other)

    def test_recordings_of_a_time_come_oldest_first_with_their_flags(
        self, qms: SimulatedQms, service: RecordingServicePort, clock: Clock, guid: str
    ) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])
        clock.pass_seconds(60)
        qms.connected("2001", clock())

        listed = list(service.recordings(NOON, NOON + timedelta(seconds=60)))
        both = list(service.recordings(NOON, NOON + timedelta(seconds=61)))

        assert [guid] == [one.recording.guid for one in listed]
        assert (Flag("AgentId", "9101"),) == listed[0].flags
        assert [NOON + timedelta(seconds=60), None] == [listed[0].recording.ended_at, both[1].recording.ended_at]
        assert [NOON, NOON + timedelta(seconds=60)] == [one.recording.started_at for one in both]
