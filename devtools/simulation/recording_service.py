"""QMS in the simulation's hand: a Recording Service port over a scenario's recordings, outages and late writes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from devtools.simulation.clock import SimulatedClock
from devtools.simulation.crashes import Crashes
from devtools.worlds.judge.player import Write
from devtools.worlds.players.recorder import WorldRecorder, seconds_of
from qms.port import (
    Flag,
    FlagAlreadyWritten,
    FlagDefinition,
    FlaggedRecording,
    ListedUser,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    Recording,
    RecordingNotFound,
    ServiceInfo,
)

AWAY = "The service does not answer."


class HeldWrite(Struct, frozen=True):
    """Hold a write that QMS has accepted and carries out at a moment."""

    at: datetime
    guid: str
    flags: tuple[Flag, ...]


class SimulatedRecordingService:
    """Answer as QMS does. `writes`: every flag that reached a recording, also a second time."""

    def __init__(
        self, recorder: WorldRecorder, guids: frozenset[str], clock: SimulatedClock, crashes: Crashes, timeout: float
    ) -> None:
        self.recorder, self.guids, self.clock, self.crashes = recorder, guids, clock, crashes
        self.timeout = timedelta(seconds=timeout)
        self.held: dict[str, dict[str, str]] = {}
        self.writes: list[Write] = []
        self._late: list[HeldWrite] = []

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording at an extension while its GUID is reported."""
        asked = self._begin()
        found = self.recorder.find(extension, not_started_before or asked - timedelta(days=1), asked)
        self._end(asked)
        return Recording(found.guid, extension, found.start) if found else None

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags; one that is finished late exceeds the time-out, and its end is unclear."""
        sent = self._begin()
        self._known(guid)
        ready = self.recorder.takes_effect_at(sent)
        if ready - sent > self.timeout:
            self._late.append(HeldWrite(ready, guid, tuple(flags)))
            self.clock.pass_to(sent + self.timeout)
            self.crashes.step()
            raise QmsUnclear("QMS did not answer within the time-out.")
        count = self._write(HeldWrite(ready, guid, tuple(flags)))
        self._end(sent)
        return count

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        asked = self._begin()
        self._known(guid)
        self._end(asked)
        return [Flag(*pair) for pair in self.held.get(guid, {}).items()]

    def catch_up(self, moment: datetime) -> None:
        """Carry out the late writes that are due."""
        for one in [one for one in self._late if one.at <= moment]:
            self._late.remove(one)
            self._write(one)

    def _begin(self) -> datetime:
        """Begin a request. A process may die before it is sent, and after QMS has carried it out."""
        self.crashes.step()
        now = self.clock.now()
        self.catch_up(now)
        if self.recorder.is_away(now):
            self.clock.take(timedelta(milliseconds=5))
            raise QmsUnavailable(AWAY)
        return now

    def _end(self, asked: datetime) -> None:
        self.clock.pass_to(self.recorder.answered_at(asked))
        self.crashes.step()

    def _known(self, guid: str) -> None:
        if guid not in self.guids:
            raise RecordingNotFound(guid)
        if guid in self.recorder.refuses:
            raise QmsRejected("QMS refused the flags.", code="NotAllowed")

    def _write(self, write: HeldWrite) -> int:
        held = self.held.setdefault(write.guid, {})
        if any(held.get(one.name, one.value) != one.value for one in write.flags):
            raise FlagAlreadyWritten(write.guid)
        self.writes += [Write(write.guid, one.name, one.value, seconds_of(write.at)) for one in write.flags]
        fresh = [one for one in write.flags if one.name not in held]
        held |= {one.name: one.value for one in fresh}
        return len(fresh)

    def service_info(self) -> ServiceInfo:
        """Say who answers: nobody asks here."""
        raise QmsUnavailable(AWAY)

    def users(self) -> Iterator[ListedUser]:
        """Yield nobody: users are in the database."""
        yield from ()

    def flag_definitions(self) -> list[FlagDefinition]:
        """Return nothing: the flags are known."""
        return []

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        """Create nothing."""
        return definition

    def recordings(self, begin: datetime, end: datetime) -> Iterator[FlaggedRecording]:
        """Yield nothing: no page is shown."""
        del begin, end
        yield from ()


Connect = Callable[..., SimulatedRecordingService]
