"""The contract of a recorder's adapter as tests: inherit them for an adapter of your own, and run them with pytest.

::

    class TestMine(RecorderContract):
        @pytest.fixture
        def side(self) -> Iterator[RecorderSide]:
            ...  # your recorder, or one for tests; what people and phones do there

        @pytest.fixture
        def service(self, side) -> RecordingServicePort:
            return MyAdapter(...)

What your recorder cannot do is said by the variables of the class below, not by leaving tests out (docs/adapters.md).
"""

import abc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

import pytest

from qms.port import (
    MAXIMUM_GUID_LENGTH,
    Flag,
    FlagAlreadyWritten,
    FlagDefinition,
    ListedUser,
    QmsRejected,
    RecordingNotFound,
    RecordingServicePort,
    UnknownFlag,
    ValueTooLong,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
AGENT, QUEUE = FlagDefinition("AgentId", 20), FlagDefinition("QueueName")


class RecorderSide(Protocol):
    """The recorder's own side, moved by the tests. Times are passed in: the tests' clock is not the machine's."""

    def set_now(self, now: datetime) -> None:
        """Take a time as now."""

    def begins(self, extension: str) -> None:
        """Begin a recording at an extension now; one in progress there ends."""

    def ends(self, extension: str) -> None:
        """End the recording in progress at an extension now."""


class RecorderContract(abc.ABC):
    """What the gateway relies on."""

    #: The extensions at which the recorder records; the adapter must list them as users.
    extensions: ClassVar[Sequence[str]] = ("2001", "2002")
    #: Whether the recorder keeps the maximum length of a flag, and refuses longer values.
    keeps_lengths: ClassVar[bool] = True
    #: A GUID of the recorder's form that names no recording.
    unknown_guid: ClassVar[str] = "00000000-0000-4000-8000-000000000000"
    #: How exactly the recorder states when a recording began.
    precision: ClassVar[timedelta] = timedelta(0)
    #: After a recording ended it may seem to go on for this long.
    seems_live: ClassVar[timedelta] = timedelta(0)
    #: Whether the recorder lists recordings with their flags.
    lists_recordings: ClassVar[bool] = True

    @pytest.fixture
    @abc.abstractmethod
    def side(self) -> "Iterator[RecorderSide] | RecorderSide":
        """Yield the recorder's side, its time set to ``NOON``."""

    @pytest.fixture
    @abc.abstractmethod
    def service(self, side: RecorderSide) -> "Iterator[RecordingServicePort] | RecordingServicePort":
        """Yield the adapter."""

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

    def test_it_says_who_answers(self, service: RecordingServicePort) -> None:
        assert service.service_info().recording_service

    def test_users_with_their_extensions_are_listed(self, service: RecordingServicePort) -> None:
        listed = [user for user in service.users() if isinstance(user, ListedUser)]

        assert set(self.extensions) <= {user.extension for user in listed if user.active}
        assert len({user.user_id for user in listed}) == len(listed)

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
        after = NOON + self.precision + timedelta(seconds=1)

        assert service.find_live_recording(self.extensions[0], NOON - timedelta(seconds=1)) is not None
        assert service.find_live_recording(self.extensions[0], after) is None

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

    def test_flags_that_are_created_exist_once(self, service: RecordingServicePort) -> None:
        before = {one.name for one in service.flag_definitions()}
        service.create_flag_definition(QUEUE)

        assert {one.name for one in service.flag_definitions()} == before | {QUEUE.name}
        with pytest.raises(QmsRejected) as refusal:
            service.create_flag_definition(QUEUE)
        assert refusal.value.code == "FlagAlreadyExists"

    def test_flags_are_written_and_read_back_as_they_are(self, service: RecordingServicePort, guid: str) -> None:
        flags = [Flag("AgentId", "9101"), Flag("QueueName", "Ünal & <Söhne> \u2603 \U0001f4de")]

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
        service.write_flags(guid, [Flag("QueueName", "Sales")])

        assert {flag.name: flag.value for flag in service.flags(guid)} == {"AgentId": "9101", "QueueName": "Sales"}

    def test_the_same_value_again_is_no_fault_and_changes_nothing(
        self, service: RecordingServicePort, guid: str
    ) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])
        service.write_flags(guid, [Flag("AgentId", "9101")])

        assert service.flags(guid) == [Flag("AgentId", "9101")]

    def test_another_value_is_refused_and_nothing_is_written(self, service: RecordingServicePort, guid: str) -> None:
        service.write_flags(guid, [Flag("AgentId", "9101")])

        with pytest.raises(FlagAlreadyWritten):
            service.write_flags(guid, [Flag("QueueName", "Sales"), Flag("AgentId", "9102")])
        assert service.flags(guid) == [Flag("AgentId", "9101")]

    def test_a_flag_that_was_never_created_is_refused_and_nothing_is_written(
        self, service: RecordingServicePort, guid: str
    ) -> None:
        with pytest.raises(UnknownFlag):
            service.write_flags(guid, [Flag("AgentId", "9101"), Flag("Nobody", "x")])
        assert service.flags(guid) == []

    def test_a_value_that_is_too_long_is_refused(self, service: RecordingServicePort, guid: str) -> None:
        if not self.keeps_lengths:
            pytest.skip("the recorder keeps no lengths")
        with pytest.raises(ValueTooLong):
            service.write_flags(guid, [Flag("AgentId", "9" * 21)])

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

        first, second = service.recordings(NOON - timedelta(seconds=5), NOON + timedelta(seconds=65))
        (alone,) = service.recordings(NOON - timedelta(seconds=5), NOON + timedelta(seconds=55))
        assert (first.recording.guid, alone.recording.guid) == (guid, guid)
        assert first.flags == (Flag("AgentId", "9101"),)
        assert second.flags == ()
