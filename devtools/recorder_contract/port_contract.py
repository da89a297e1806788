"""What the gateway relies on when it asks a recorder: the contract of ``qms.port.RecordingServicePort``."""

import abc
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import ClassVar

import pytest

from devtools.recorder_contract.sides import AGENT, NOON, QUEUE, RecorderSide, UserSetter
from qms.port import (
    MAXIMUM_GUID_LENGTH,
    Flag,
    FlagAlreadyWritten,
    FlaggedRecording,
    Licence,
    ListedUser,
    QmsRejected,
    RecordingNotFound,
    RecordingServicePort,
    UnknownFlag,
    UnreadableRecording,
    ValueTooLong,
)

#: More users than a page holds, twice.
_USERS = 1203
_PRIVATE = "Mrs Private Person"


def readable(listed: Iterable[FlaggedRecording | UnreadableRecording]) -> list[FlaggedRecording]:
    """Return the recordings of a list; fails where one could not be read."""
    found = list(listed)
    assert not [one for one in found if isinstance(one, UnreadableRecording)]
    return [one for one in found if isinstance(one, FlaggedRecording)]


class PortContract(abc.ABC):
    """The calls of the port. An adapter is tested by ``RecorderContract``, which adds what belongs to its kind."""

    #: The extensions at which the recorder records; the adapter must list them as users.
    extensions: ClassVar[Sequence[str]] = ("2001", "2002")
    #: Whether the recorder keeps the maximum length of a flag, and refuses longer values.
    keeps_lengths: ClassVar[bool] = True
    #: Whether a write answers how many flags are new; otherwise it may count those that stood already.
    counts_new_flags: ClassVar[bool] = True
    #: A GUID of the recorder's form that names no recording.
    unknown_guid: ClassVar[str] = "00000000-0000-4000-8000-000000000000"
    #: How exactly the recorder states when a recording began.
    precision: ClassVar[timedelta] = timedelta(0)
    #: After a recording ended it may seem to go on for this long.
    seems_live: ClassVar[timedelta] = timedelta(0)
    #: How long after its start a recording is reported; None: as long as it goes on.
    window: ClassVar[timedelta | None] = None
    #: Whether the recorder lists recordings with their flags.
    lists_recordings: ClassVar[bool] = True
    #: An address or node of another Recording Service, whose users this one does not list; "" where there is none.
    other_service: ClassVar[str] = ""

    @pytest.fixture
    @abc.abstractmethod
    def side(self) -> "Iterator[RecorderSide] | RecorderSide":
        """Yield the recorder's side, its time set to ``NOON``."""

    @pytest.fixture
    @abc.abstractmethod
    def service(self, side: RecorderSide) -> "Iterator[RecordingServicePort] | RecordingServicePort":
        """Yield the adapter."""

    @pytest.fixture
    def set_users(self, side: RecorderSide) -> UserSetter:
        """Return what gives the recorder its users, where a test can."""
        pytest.skip("the tests cannot give this recorder users")

    @pytest.fixture
    def guid(self, side: RecorderSide, service: RecordingServicePort) -> str:
        """Create two flags, record a call at the first extension, and return the recording's GUID."""
        for definition in (AGENT, QUEUE):
            service.create_flag_definition(definition)
        side.begins(self.extensions[0])
        return self._live(service)

    def _live(self, service: RecordingServicePort, number: int = 0) -> str:
        found = service.find_live_recording(self.extensions[number])
        assert found is not None
        return found.guid

    def test_it_names_itself(self, service: RecordingServicePort) -> None:
        assert service.service_info().recording_service

    def test_users_with_their_extensions_are_listed(self, service: RecordingServicePort) -> None:
        listed = [user for user in service.users() if isinstance(user, ListedUser)]

        assert set(self.extensions) <= {user.extension for user in listed if user.active}
        assert len({user.user_id for user in listed}) == len(listed)

    def test_many_users_come_whole_and_in_order(self, set_users: UserSetter, service: RecordingServicePort) -> None:
        many = [_user(number) for number in range(_USERS)]
        set_users(many)

        assert list(service.users()) == many

    def test_an_extension_keeps_its_leading_zero(self, set_users: UserSetter, service: RecordingServicePort) -> None:
        set_users([_user(1, extension="0123"), _user(2, extension="123")])

        assert [user.extension for user in service.users() if isinstance(user, ListedUser)] == ["0123", "123"]

    def test_a_user_may_lack_agent_id_department_and_names(
        self, set_users: UserSetter, service: RecordingServicePort
    ) -> None:
        bare = _user(7, first_name="", last_name="", agent_id="", department_name="", licence=Licence.ON_DEMAND)
        set_users([bare, _user(8, active=False, licence=Licence.NONE)])

        assert list(service.users()) == [bare, _user(8, active=False, licence=Licence.NONE)]

    def test_users_of_another_service_are_not_listed(
        self, set_users: UserSetter, service: RecordingServicePort
    ) -> None:
        if not self.other_service:
            pytest.skip("the recorder has one Recording Service")
        set_users([_user(1, recording_service=self.other_service), _user(2)])

        assert list(service.users()) == [_user(2)]

    def test_the_recording_in_progress_is_found_with_its_extension_and_start(
        self, service: RecordingServicePort, guid: str
    ) -> None:
        found = service.find_live_recording(self.extensions[0])

        assert found is not None
        assert (found.guid, found.extension, found.ended_at) == (guid, self.extensions[0], None)
        assert abs(found.started_at - NOON) <= self.precision
        assert 1 <= len(guid) <= MAXIMUM_GUID_LENGTH

    def test_there_is_none_at_an_idle_extension(self, service: RecordingServicePort, guid: str) -> None:
        assert service.find_live_recording(self.extensions[1]) is None

    def test_one_older_than_asked_for_is_not_found(self, service: RecordingServicePort, guid: str) -> None:
        tick = timedelta(seconds=1) if self.precision else timedelta(microseconds=1)

        assert service.find_live_recording(self.extensions[0], NOON) is not None
        assert service.find_live_recording(self.extensions[0], NOON + self.precision + tick) is None

    def test_it_is_found_as_long_as_it_is_reported_and_no_longer(
        self, side: RecorderSide, service: RecordingServicePort, guid: str
    ) -> None:
        side.set_now(NOON + (self.window or timedelta(seconds=60)) - timedelta(milliseconds=100))
        assert self._live(service) == guid

        if self.window is not None:
            side.set_now(NOON + self.window + timedelta(milliseconds=100))
            assert service.find_live_recording(self.extensions[0]) is None

    def test_one_that_ended_is_not_live(self, side: RecorderSide, service: RecordingServicePort, guid: str) -> None:
        side.ends(self.extensions[0])
        side.set_now(NOON + self.seems_live + timedelta(seconds=1))

        assert service.find_live_recording(self.extensions[0]) is None

    def test_the_next_call_has_a_recording_of_its_own(
        self, side: RecorderSide, service: RecordingServicePort, guid: str
    ) -> None:
        side.set_now(NOON + timedelta(seconds=2))
        side.begins(self.extensions[0])

        assert self._live(service) != guid

    def test_a_flag_that_is_created_exists_once(self, service: RecordingServicePort) -> None:
        before = {one.name for one in service.flag_definitions()}

        assert service.create_flag_definition(AGENT).name == AGENT.name
        service.create_flag_definition(QUEUE)
        lengths = {one.name: one.max_length for one in service.flag_definitions()}
        assert set(lengths) == before | {AGENT.name, QUEUE.name}
        assert lengths[AGENT.name] == AGENT.max_length or not self.keeps_lengths
        with pytest.raises(QmsRejected) as refusal:
            service.create_flag_definition(QUEUE)
        assert (refusal.value.code, refusal.value.retryable) == ("FlagAlreadyExists", False)

    def test_flags_are_written_and_read_back_as_they_are(self, service: RecordingServicePort, guid: str) -> None:
        flags = [Flag("AgentId", "9101"), Flag("QueueName", "Ünal & <Söhne> ]]> \u2603 \U0001f4de")]

        assert service.write_flags(guid, flags) == len(flags)
        assert sorted(service.flags(guid), key=lambda flag: flag.name) == flags

    def test_a_recording_without_flags_has_none(self, service: RecordingServicePort, guid: str) -> None:
        assert service.flags(guid) == []

    def test_flags_are_written_after_the_recording_ended(
        self, side: RecorderSide, service: RecordingServicePort, guid: str
    ) -> None:
        side.ends(self.extensions[0])
        side.set_now(NOON + timedelta(minutes=5))

        service.write_flags(guid, [Flag("AgentId", "9101")])
        assert service.flags(guid) == [Flag("AgentId", "9101")]

    def test_a_wrap_up_is_added_to_the_flags_that_stand(self, service: RecordingServicePort, guid: str) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])

        assert service.write_flags(guid, [Flag("QueueName", "Sales")]) == 1
        assert {flag.name: flag.value for flag in service.flags(guid)} == {"AgentId": "9101", "QueueName": "Sales"}

    def test_the_same_value_again_is_no_fault_and_changes_nothing(
        self, service: RecordingServicePort, guid: str
    ) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])

        again = service.write_flags(guid, [Flag("AgentId", "9101")])
        assert again == 0 or not self.counts_new_flags
        assert service.flags(guid) == [Flag("AgentId", "9101")]

    def test_another_value_is_refused_and_nothing_is_written(self, service: RecordingServicePort, guid: str) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])

        with pytest.raises(FlagAlreadyWritten) as refusal:
            service.write_flags(guid, [Flag("QueueName", _PRIVATE), Flag("AgentId", "9102")])
        assert service.flags(guid) == [Flag("AgentId", "9101")]
        assert _PRIVATE not in str(refusal.value)

    def test_a_flag_that_was_never_created_is_refused_and_nothing_is_written(
        self, service: RecordingServicePort, guid: str
    ) -> None:
        with pytest.raises(UnknownFlag) as refusal:
            service.write_flags(guid, [Flag("AgentId", "9101"), Flag("Nobody", _PRIVATE)])
        assert service.flags(guid) == []
        assert _PRIVATE not in str(refusal.value)

    def test_a_value_that_is_too_long_is_refused(self, service: RecordingServicePort, guid: str) -> None:
        if not self.keeps_lengths:
            pytest.skip("the recorder keeps no lengths")
        with pytest.raises(ValueTooLong) as refusal:
            service.write_flags(guid, [Flag("AgentId", "9" * 21)])
        assert service.flags(guid) == []
        assert "9" * 21 not in str(refusal.value)

    def test_an_unknown_recording_is_not_found(self, service: RecordingServicePort, guid: str) -> None:
        with pytest.raises(RecordingNotFound):
            service.write_flags(self.unknown_guid, [Flag("AgentId", "9101")])
        with pytest.raises(RecordingNotFound):
            service.flags(self.unknown_guid)

    def test_recordings_of_a_time_come_oldest_first_with_their_flags(
        self, side: RecorderSide, service: RecordingServicePort, guid: str
    ) -> None:
        if not self.lists_recordings:
            pytest.skip("the recorder lists no recordings")
        service.write_flags(guid, [Flag("AgentId", "9101")])
        side.set_now(NOON + timedelta(seconds=60))
        side.begins(self.extensions[0])

        first, second = readable(service.recordings(NOON, NOON + timedelta(seconds=61)))
        (alone,) = readable(service.recordings(NOON, NOON + timedelta(seconds=60)))
        wide = readable(service.recordings(NOON - timedelta(hours=3), NOON + timedelta(hours=3)))
        assert [one.recording.guid for one in wide] == [guid, second.recording.guid]
        assert (first.recording.guid, alone.recording.guid) == (guid, guid)
        assert first.flags == (Flag("AgentId", "9101"),)
        assert (second.flags, second.recording.ended_at) == ((), None)
        assert first.recording.ended_at is None or first.recording.ended_at >= NOON


def _user(number: int, **changes: object) -> ListedUser:
    usual: dict[str, object] = {
        "user_id": str(1000 + number),
        "user_name": f"user{number}",
        "first_name": f"Ünal {number}",
        "last_name": "O'Bell & Söhne",
        "extension": str(2000 + number),
        "agent_id": str(9000 + number),
        "department_name": "Sales",
        "recording_service": "Any",
        "active": True,
        "licence": Licence.UNLIMITED,
    }
    return ListedUser(**usual | changes)  # type: ignore[arg-type]
