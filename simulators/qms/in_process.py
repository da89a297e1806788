"""The port without a network: a Recording Service of the simulated QMS, called in the same process."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from qms.port import (
    Flag,
    FlagDefinition,
    FlaggedRecording,
    ListedUser,
    QmsBusy,
    QmsUnavailable,
    QmsUnclear,
    Recording,
    ServiceInfo,
)
from simulators.qms.site import Mishap, SimulatedQms

Response = TypeVar("Response")


class InProcessRecordingService:
    """A ``RecordingServicePort`` over a ``SimulatedQms``, with the same troubles as over the network but the delay."""

    def __init__(self, qms: SimulatedQms, service: str, clock: Callable[[], datetime]) -> None:
        self._qms = qms
        self._service = service
        self._clock = clock

    def service_info(self) -> ServiceInfo:
        """Say who answers."""
        return self._read(lambda: self._qms.service_info(self._service))

    def users(self) -> Iterator[ListedUser]:
        """Yield the users allocated to this service."""
        yield from self._read(lambda: self._qms.users_of(self._service))

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording in progress at the extension while it is reported."""
        return self._read(
            lambda: self._qms.find_live_recording(self._service, extension, not_started_before, self._clock())
        )

    def flag_definitions(self) -> list[FlagDefinition]:
        """Return the flags of the Data Server."""
        return self._read(lambda: self._qms.flag_definitions(self._service))

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        """Create a flag on the Data Server."""
        return self._write(lambda: self._qms.create_flag_definition(self._service, definition))

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags, all or nothing."""
        return self._write(lambda: self._qms.write_flags(self._service, guid, flags))

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        return self._read(lambda: self._qms.flags(self._service, guid))

    def recordings(self, begin: datetime, end: datetime) -> Iterator[FlaggedRecording]:
        """Yield the recordings that started in [begin, end), oldest first."""
        listed = self._read(lambda: self._qms.recordings_between(self._service, begin, end))
        yield from (one.with_flags() for one in listed)

    def _read(self, act: Callable[[], Response]) -> Response:
        mishap = self._mishap()
        if mishap is not None:
            raise QmsUnavailable(mishap.value)
        return act()

    def _write(self, act: Callable[[], Response]) -> Response:
        mishap = self._mishap()
        if mishap is Mishap.LOST_AFTER:
            act()
        if mishap is not None:
            raise QmsUnclear(mishap.value)
        return act()

    def _mishap(self) -> Mishap | None:
        if self._qms.troubles[self._service].down:
            raise QmsUnavailable("The service is down.")
        mishap = self._qms.mishap(self._service)
        if mishap is Mishap.BUSY:
            raise QmsBusy("The service is busy.")
        return mishap
