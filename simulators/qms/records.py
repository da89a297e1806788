"""What the simulated QMS keeps, and what is written to its file: frozen values, JSON in the WSDL's names."""

from datetime import datetime, timedelta

import msgspec

from qms.port import Flag, FlagDefinition, FlaggedRecording, Licence, ListedUser, Recording

ANY = "Any"


class SimulatedUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user as the side door takes it; an extension is enough."""

    extension: str
    user_id: str = ""
    user_name: str = ""
    first_name: str = ""
    last_name: str = ""
    agent_id: str = ""
    department_name: str = ""
    recording_service: str = ANY
    active: bool = True
    licence: Licence = Licence.UNLIMITED

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "user_id", self.user_id or self.extension)
        msgspec.structs.force_setattr(self, "user_name", self.user_name or self.user_id)

    @property
    def is_recorded(self) -> bool:
        """Say whether QMS records this user's calls by itself."""
        return self.active and self.licence is Licence.UNLIMITED

    def as_user(self) -> ListedUser:
        """Return the user in the port's words."""
        return ListedUser(**msgspec.structs.asdict(self))


class SimulatedRecording(msgspec.Struct, kw_only=True, rename="camel"):
    """A recording with its flags. ``reported_at``: when its GUID was first given; ``writes``: accepted WriteFlags."""

    guid: str
    service: str
    data_server: str
    extension: str
    started_at: datetime
    ended_at: datetime | None = None
    reported_at: datetime | None = None
    flags: dict[str, str] = {}
    writes: int = 0

    def as_recording(self) -> Recording:
        """Return the recording in the port's words."""
        return Recording(self.guid, self.extension, self.started_at, self.ended_at)

    def with_flags(self) -> FlaggedRecording:
        """Return the recording and its flags in the port's words."""
        return FlaggedRecording(self.as_recording(), tuple(Flag(*pair) for pair in self.flags.items()))

    def is_reported(self, now: datetime, window_seconds: float, not_started_before: datetime | None) -> bool:
        """Say whether the GUID is still reported: in progress, within the window, and not older than asked."""
        if self.ended_at is not None or now - self.started_at > timedelta(seconds=window_seconds):
            return False
        return not_started_before is None or self.started_at >= not_started_before


class SimulatedService(msgspec.Struct, frozen=True, rename="camel"):
    """A Recording Service of the simulation: its path on the server, its Data Server, what it answers for."""

    slug: str = "recording-service"
    data_server: str = "data-server"
    identifiers: tuple[str, ...] = ("127.0.0.1",)


class Troubles(msgspec.Struct, frozen=True, rename="camel"):
    """How badly a service behaves. ``down``: it accepts connections and drops every request unread.

    ``flags_need_restart``: a flag that is created through it exists, but cannot be written before a restart.
    """

    delay_ms: int = 0
    fault_rate: float = 0.0
    window_seconds: float = 10.0
    down: bool = False
    flags_need_restart: bool = False


class DefinitionRecord(msgspec.Struct, tag="definition", frozen=True):
    """A flag was created on a Data Server."""

    data_server: str
    definition: FlagDefinition


class RecordingRecord(msgspec.Struct, tag="recording", frozen=True):
    """A recording as it now stands."""

    recording: SimulatedRecording


class UsersRecord(msgspec.Struct, tag="users", frozen=True):
    """All users as they now stand."""

    users: list[SimulatedUser]


Record = DefinitionRecord | RecordingRecord | UsersRecord
