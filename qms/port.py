"""The port to a QMS Recording Service: what the gateway asks of it, in the gateway's own words.

Implemented by ``qms.soap`` and ``qms.files``, by the simulated QMS, and by adapters of others (``qms.adapters``); all
pass the tests of ``devtools.recorder_contract``.
Pure: no Django, no sockets, no clock.

``QmsError``
├── ``QmsUnavailable``      worth another try; nothing was done
│   └── ``QmsBusy``         the service said so itself (fault ServiceBusy, InternalError)
├── ``QmsUnclear``          sent, but the end is unknown: read back before sending again
└── ``QmsRejected``         never worth another try unchanged; ``code`` is the fault's
    ├── ``QmsLoginFailed``      AuthenticationFailed, NotAuthorised
    ├── ``RecordingNotFound``
    ├── ``FlagAlreadyWritten``
    ├── ``UnknownFlag``
    └── ``ValueTooLong``
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

#: Maximum length of a text that identifies a user, in characters.
MAXIMUM_TEXT_LENGTH = 255
#: Maximum length of a recording's GUID, in characters. It is kept and sent back as the service writes it.
MAXIMUM_GUID_LENGTH = 128


class Licence(StrEnum):
    """A QMS user's recording licence."""

    NONE = "None"
    UNLIMITED = "Unlimited"
    ON_DEMAND = "OnDemand"


class ListedUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user of QMS as a Recording Service lists it. ``recording_service``: an address, a node name, or "Any"."""

    user_id: str
    user_name: str
    first_name: str
    last_name: str
    extension: str
    recording_service: str
    active: bool
    licence: Licence
    agent_id: str = ""
    department_name: str = ""


class UnreadableUser(msgspec.Struct, frozen=True):
    """A user that a Recording Service listed in a way that cannot be read; ``problem`` says where and what.

    :param user_id: where that much could be read; what is known of the user stays as it is.
    """

    problem: str
    user_id: str = ""


class Recording(msgspec.Struct, frozen=True):
    """A recording in QMS; times carry an offset and are of QMS's clock.

    Raises ``ValueError`` for a GUID that the database cannot hold, and for a start without an offset: what cannot be
    kept is found where the answer is read, and spoils no other answer.
    """

    guid: str
    extension: str
    started_at: datetime
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.guid or len(self.guid) > MAXIMUM_GUID_LENGTH or "\0" in self.guid:
            raise ValueError(f"a recording's GUID has 1 to {MAXIMUM_GUID_LENGTH} characters, not {len(self.guid)}")
        if self.started_at.tzinfo is None:
            raise ValueError("a recording's start has no offset")


class Flag(msgspec.Struct, frozen=True):
    """One label of a recording."""

    name: str
    value: str


class FlagDefinition(msgspec.Struct, frozen=True):
    """A flag that exists on a Data Server."""

    name: str
    max_length: int | None = None
    description: str = ""


class ServiceInfo(msgspec.Struct, frozen=True):
    """Who answers, and for which identifiers."""

    recording_service: str
    data_server: str
    version: str
    identifiers: tuple[str, ...] = ()


class FlaggedRecording(msgspec.Struct, frozen=True):
    """A recording with the flags it carries, for reconciliation."""

    recording: Recording
    flags: tuple[Flag, ...] = ()


class UnreadableRecording(msgspec.Struct, frozen=True):
    """A recording that a Recording Service listed in a way that cannot be read; ``problem`` says where and what."""

    problem: str


class QmsError(Exception):
    """Anything a Recording Service can do to us. ``retryable`` says whether another try may help."""

    retryable = False
    code = ""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code or self.code


class QmsUnavailable(QmsError):
    """The service was not reached; nothing was done."""

    retryable = True
    code = "Unavailable"


class QmsBusy(QmsUnavailable):
    """The service answered that it cannot serve now."""

    code = "ServiceBusy"


class QmsUnclear(QmsError):
    """The request may have been carried out; its answer did not come or could not be read."""

    retryable = True
    code = "Unclear"


class QmsRejected(QmsError):
    """The service refused; the same request will be refused again."""

    code = "InvalidRequest"


class QmsLoginFailed(QmsRejected):
    """The service does not accept our credentials or rights."""

    code = "AuthenticationFailed"


class RecordingNotFound(QmsRejected):
    """QMS has no such recording (any more)."""

    code = "RecordingNotFound"


class FlagAlreadyWritten(QmsRejected):
    """A flag already has another value; nothing was written."""

    code = "FlagAlreadyWritten"


class UnknownFlag(QmsRejected):
    """A flag was not created on the Data Server."""

    code = "UnknownFlag"


class ValueTooLong(QmsRejected):
    """A value is longer than the flag's definition allows."""

    code = "ValueTooLong"


class RecordingServicePort(Protocol):
    """One Recording Service. Every call ends within the time-out given at construction, and raises ``QmsError``s."""

    def service_info(self) -> ServiceInfo:
        """Say who answers."""

    def users(self) -> Iterator[ListedUser | UnreadableUser]:
        """Yield the users allocated to this service, "Any" included, page by page (at most 500 a page).

        One that cannot be read is yielded as such and does not lose the others.
        """

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording in progress at the extension, or None where QMS reports none."""

    def flag_definitions(self) -> list[FlagDefinition]:
        """Return the flags that exist on the Data Server."""

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        """Create a flag on the Data Server. Raises ``QmsRejected`` with code FlagAlreadyExists when it exists."""

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags to a recording, all or nothing, and return how many were written.

        A flag that already has the same value is no error. Raises ``FlagAlreadyWritten``, ``RecordingNotFound``,
        ``UnknownFlag``, ``ValueTooLong``, ``QmsUnavailable`` (nothing was sent), ``QmsUnclear`` (read back first).
        """

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries. Raises ``RecordingNotFound``."""

    def recordings(self, begin: datetime, end: datetime) -> Iterator[FlaggedRecording | UnreadableRecording]:
        """Yield the recordings that started in [begin, end), oldest first, with their flags.

        One that cannot be read is yielded as such and does not lose the others.
        """
