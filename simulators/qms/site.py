"""The simulated QMS: Data Servers, Recording Services, users, recordings, write-once flags. No clock, no sockets.

Time is an argument and chance is seeded, so that a run can be repeated. Every change is handed to ``keep`` as a record;
the same records, given at construction, bring the state back.
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum

from qms.port import (
    Flag,
    FlagAlreadyWritten,
    FlagDefinition,
    ListedUser,
    QmsRejected,
    Recording,
    RecordingNotFound,
    ServiceInfo,
    UnknownFlag,
    ValueTooLong,
)
from simulators.qms.records import (
    ANY,
    DefinitionRecord,
    Record,
    RecordingRecord,
    SimulatedRecording,
    SimulatedService,
    SimulatedUser,
    Troubles,
    UsersRecord,
)


class Mishap(Enum):
    """What goes wrong with one call."""

    BUSY = "fault ServiceBusy; nothing was done"
    BROKEN = "HTTP 500 without a fault; nothing was done"
    LOST_BEFORE = "the connection is dropped; nothing was done"
    LOST_AFTER = "the connection is dropped after the call was carried out"


def _forget(_: Record) -> None:
    """Keep nothing: the default of a simulation without a file."""


class SimulatedQms:
    """The storage and the rules of a QMS with one or more Recording Services. For one thread."""

    def __init__(
        self,
        services: Sequence[SimulatedService] = (SimulatedService(),),
        *,
        troubles: Troubles | None = None,
        seed: int = 1,
        has_like_guids: bool = False,
        keep: Callable[[Record], None] = _forget,
    ) -> None:
        self.services = {service.slug: service for service in services}
        self.troubles = {service.slug: troubles or Troubles() for service in services}
        self.users: list[SimulatedUser] = []
        self.recordings: dict[str, SimulatedRecording] = {}
        self.calls: Counter[str] = Counter()
        #: Number of recordings that were ever made, also of those that were deleted since.
        self._made = 0
        self._definitions: dict[str, dict[str, FlagDefinition]] = {service.data_server: {} for service in services}
        self._unready: set[tuple[str, str]] = set()
        self._live: dict[tuple[str, str], SimulatedRecording] = {}
        self._recorded: dict[str, list[SimulatedUser]] = {}
        self._allocated: dict[str, list[ListedUser]] = {}
        self._seed, self._has_like_guids = seed, has_like_guids
        self._chance = random.Random(seed)
        self._keep = keep

    def restore(self, records: Iterable[Record]) -> None:
        """Take up the state that the records hold."""
        for record in records:
            match record:
                case DefinitionRecord(data_server, definition):
                    self._definitions.setdefault(data_server, {})[definition.name] = definition
                case UsersRecord(users):
                    self._take_users(users)
                case RecordingRecord(recording):
                    self.recordings[recording.guid] = recording
        self._made = len(self.recordings)
        live = (one for one in self.recordings.values() if one.ended_at is None)
        self._live = {(one.service, one.extension): one for one in live}

    # The network tap and the user administration.

    def set_users(self, users: Iterable[SimulatedUser], *, replace: bool = True) -> None:
        """Replace the users, or add them to those that stand (by user id)."""
        fresh = {user.user_id: user for user in ([] if replace else self.users)}
        fresh |= {user.user_id: user for user in users}
        self._take_users(fresh.values())
        self._keep(UsersRecord(self.users))

    def connected(self, extension: str, now: datetime, service: str = "") -> SimulatedRecording | None:
        """Open a recording at the extension, ending the one before; None when QMS does not record there.

        Without a service, the one to which a user with this extension is allocated records.
        """
        self.disconnected(extension, now, service)
        owner = self._recorder(extension, service)
        if owner is None:
            return None
        guid = self._guid()
        recording = SimulatedRecording(
            guid=guid, service=owner.slug, data_server=owner.data_server, extension=extension, started_at=now
        )
        self.recordings[guid] = self._live[owner.slug, extension] = recording
        self._keep(RecordingRecord(recording))
        return recording

    def _guid(self) -> str:
        """Return a GUID that no recording had, also none that was deleted since."""
        chance, number = random.Random(f"{self._seed}:{self._made}"), self._made
        self._made += 1
        if self._has_like_guids:
            return f"{chance.getrandbits(32):08x}-0000-4000-8000-{number:012x}"
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    def disconnected(self, extension: str, now: datetime, service: str = "") -> SimulatedRecording | None:
        """End the recording at the extension, if there is one."""
        recording = self._taken(extension, service)
        if recording is not None:
            recording.ended_at = now
            self._keep(RecordingRecord(recording))
        return recording

    def moved(self, old: str, new: str, now: datetime, service: str = "") -> SimulatedRecording | None:
        """Let the recording at one extension go on at another: an attended transfer that QMS does not split."""
        recording = self._taken(old, service)
        if recording is not None:
            self.disconnected(new, now, recording.service)
            recording.extension = new
            self._live[recording.service, new] = recording
            self._keep(RecordingRecord(recording))
        return recording

    def mishap(self, service: str) -> Mishap | None:
        """Draw what goes wrong with the next call of a service."""
        if self._chance.random() >= self.troubles[service].fault_rate:
            return None
        return self._chance.choice(list(Mishap))

    def restart(self) -> None:
        """Let every flag that was created be written from now on."""
        self._unready.clear()

    # The operations of the port.

    def service_info(self, service: str) -> ServiceInfo:
        """Say who answers."""
        one = self.services[service]
        return ServiceInfo(one.slug, one.data_server, "simulated 1", one.identifiers)

    def users_of(self, service: str) -> list[ListedUser]:
        """Return the users allocated to a service, "Any" included."""
        if service not in self._allocated:
            mine = {*self.services[service].identifiers, ANY}
            self._allocated[service] = [user.as_user() for user in self.users if user.recording_service in mine]
        return self._allocated[service]

    def find_live_recording(
        self, service: str, extension: str, not_started_before: datetime | None, now: datetime
    ) -> Recording | None:
        """Return the recording in progress at the extension while its GUID is reported."""
        recording = self._live_at(service, extension)
        window_seconds = self.troubles[service].window_seconds
        if recording is None or not recording.is_reported(now, window_seconds, not_started_before):
            return None
        recording.reported_at = recording.reported_at or now
        return recording.as_recording()

    def flag_definitions(self, service: str) -> list[FlagDefinition]:
        """Return the flags of the service's Data Server."""
        return list(self._definitions[self.services[service].data_server].values())

    def create_flag_definition(self, service: str, definition: FlagDefinition) -> FlagDefinition:
        """Create a flag on the service's Data Server."""
        data_server = self.services[service].data_server
        if definition.name in self._definitions[data_server]:
            raise QmsRejected(definition.name, code="FlagAlreadyExists")
        if not definition.name.strip() or (definition.max_length is not None and definition.max_length < 1):
            raise QmsRejected(definition.name, code="InvalidRequest")
        self._definitions[data_server][definition.name] = definition
        if self.troubles[service].flags_need_restart:
            self._unready.add((data_server, definition.name))
        self._keep(DefinitionRecord(data_server, definition))
        return definition

    def write_flags(self, service: str, guid: str, flags: Sequence[Flag]) -> int:
        """Write all flags or none; a flag that stands with the same value counts as not written again."""
        recording = self._recording(service, guid)
        for flag in flags:
            self._check(recording, flag)
        if len({flag.name for flag in flags}) < len(flags):
            raise QmsRejected("a flag twice", code="InvalidRequest")
        fresh = {flag.name: flag.value for flag in flags if flag.name not in recording.flags}
        recording.flags |= fresh
        recording.writes += 1
        self._keep(RecordingRecord(recording))
        return len(fresh)

    def flags(self, service: str, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        return [Flag(name, value) for name, value in self._recording(service, guid).flags.items()]

    def recordings_between(self, service: str, begin: datetime, end: datetime) -> list[SimulatedRecording]:
        """Return the service's recordings that started in [begin, end), oldest first."""
        chosen = [one for one in self.recordings.values() if one.service == service and begin <= one.started_at < end]
        return sorted(chosen, key=lambda one: (one.started_at, one.guid))

    def _take_users(self, users: Iterable[SimulatedUser]) -> None:
        self.users = list(users)
        self._recorded, self._allocated = {}, {}
        for user in self.users:
            if user.is_recorded:
                self._recorded.setdefault(user.extension, []).append(user)

    def _recorder(self, extension: str, service: str) -> SimulatedService | None:
        """Return the service that records here: the named one or the first to which a user is allocated."""
        wanted = [self.services[service]] if service else list(self.services.values())
        places = {user.recording_service for user in self._recorded.get(extension, ())}
        owned = (one for one in wanted if not places.isdisjoint(one.identifiers))
        return next(owned, wanted[0] if ANY in places else None)

    def _taken(self, extension: str, service: str) -> SimulatedRecording | None:
        """Take the live recording at an extension out of the table, of any service when none is named."""
        slugs = [service] if service else self.services
        found = (self._live.pop((slug, extension), None) for slug in slugs)
        return next((one for one in found if one is not None), None)

    def _live_at(self, service: str, extension: str) -> SimulatedRecording | None:
        """Return the service's live recording, or that of a neighbour on its Data Server for a user of "Any"."""
        own = self._live.get((service, extension))
        users = self._recorded.get(extension, ())
        if own is not None or not any(user.recording_service == ANY for user in users):
            return own
        data_server = self.services[service].data_server
        neighbours = (slug for slug, one in self.services.items() if one.data_server == data_server)
        found = (self._live.get((slug, extension)) for slug in neighbours)
        return next((one for one in found if one is not None), None)

    def _recording(self, service: str, guid: str) -> SimulatedRecording:
        recording = self.recordings.get(guid.lower())
        if recording is None or recording.data_server != self.services[service].data_server:
            raise RecordingNotFound(guid)
        return recording

    def _check(self, recording: SimulatedRecording, flag: Flag) -> None:
        definition = self._definitions[recording.data_server].get(flag.name)
        if definition is None or (recording.data_server, flag.name) in self._unready:
            raise UnknownFlag(flag.name)
        if definition.max_length is not None and len(flag.value) > definition.max_length:
            raise ValueTooLong(flag.name)
        if recording.flags.get(flag.name, flag.value) != flag.value:
            raise FlagAlreadyWritten(flag.name)
