"""The port to a CTI source: what a session of any kind is given, and where it puts what it learns.

``LinkError`` says whether to connect again; the listener owns reconnection, a session ends when its link does.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from cti.events import AgentData, AgentEvent, CallData, CallEvent, Event, LinkData, LinkEvent

SomeCall = TypeVar("SomeCall", bound=CallEvent)
SomeAgent = TypeVar("SomeAgent", bound=AgentEvent)
SomeLink = TypeVar("SomeLink", bound=LinkEvent)


class SourceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A CTI source as its session needs it. ``queues``: device id -> name. ``devices`` empty: all that are no queue."""

    slug: str
    kind: str
    host: str = ""
    port: int = 0
    tls: bool = False
    ca_file: str = ""
    username: str = ""
    secret: str = ""
    devices: tuple[str, ...] = ()
    queues: dict[str, str] = {}
    options: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"SourceConfig({self.slug})"


class LinkError(Exception):
    """The link to the source broke or was refused; ``retryable`` is False when only a person can correct it."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class NeedsPerson(LinkError):
    """The link was refused, and will be until a person does what ``remedy`` says; both are in the text."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}. {remedy}", retryable=False)
        self.remedy = remedy


class LoginRefused(NeedsPerson):
    """The other side does not let this user in: each further try may have the user locked, or the gateway banned."""


class CertificateUntrusted(NeedsPerson):
    """The other side cannot prove who it is."""


#: The kind in quarantine of a message that was damaged, and whose events were accepted all the same.
REPAIRED = "repaired"


class Quarantined(msgspec.Struct, frozen=True):
    """A message with a fault. ``kind``: frame, message, event or ``REPAIRED``; ``place``: in the stream or message.

    ``call``: the PBX's id of the call that it is about, empty where that is not known.
    """

    raw: bytes
    kind: str
    error: str
    place: str = ""
    call: str = ""


class MonitorRefusal(msgspec.Struct, frozen=True):
    """Why the PBX does not do what it is asked for. ``again_at``: when it is asked again; None where it is not."""

    reason: str
    again_at: datetime | None = None
    #: What a person has to change; empty where nothing needs to be done.
    remedy: str = ""


class DeviceClass(msgspec.Struct, frozen=True):
    """How a device of the PBX is classified: as an extension, whose calls are recorded, or as the outside (a trunk)."""

    device: str
    extension: str
    is_extension: bool
    reason: str


class Outlet(Protocol):
    """Where a session puts what it learns; each call returns when it is kept (journal or spool)."""

    async def linked(self) -> None:
        """Tell that the link is up and logged in; events may follow."""

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep events in this order."""

    async def pace(self, size: int) -> None:
        """Note that ``size`` bytes were read and dealt with; returns when the link may be read again.

        Without a timeout: where the journal is full that may take long. A session that never calls it waits in
        ``accept`` instead.
        """

    async def quarantine(self, message: Quarantined) -> None:
        """Keep a message that could not be read."""

    async def refused(self, device: str, refusal: MonitorRefusal | None) -> None:
        """Tell that the PBX refuses to monitor a device, or (None) that it does so no longer."""

    async def devices(self, seen: Sequence[DeviceClass]) -> None:
        """Show which devices were seen and how each is classified, where the source has to find that out."""

    async def lacks(self, lack: MonitorRefusal) -> None:
        """Tell what the PBX does not say, though the link is up."""


class CallRequest(msgspec.Struct, frozen=True):
    """A call that the PBX is asked to make. ``seconds``: after this the session itself ends it."""

    key: str
    extension: str
    destination: str
    seconds: float


class CallNotMade(Exception):
    """The PBX did not make a call that it was asked for; the text says why, ``todo`` what a person does about it."""

    retryable = False

    def __init__(self, text: str, todo: str) -> None:
        super().__init__(text)
        self.todo = todo


class Session(Protocol):
    """One connection to a source, from connect to its end."""

    async def run(self, outlet: Outlet) -> None:
        """Connect, log in, take a snapshot and follow the source until the link ends.

        Returns when the other side closed in an orderly way; raises ``LinkError`` otherwise.
        """


@runtime_checkable
class Continuing(Session, Protocol):
    """A session that keeps what the one before it, of the same source, knew of the calls in progress."""

    def continues(self, previous: Session) -> None:
        """Take over what another session knew, before this one is run; one of another kind or server is ignored."""


@runtime_checkable
class CallMaker(Session, Protocol):
    """A session that can have the PBX make calls, where the options of the source allow it."""

    async def make_call(self, request: CallRequest) -> str:
        """Have the PBX call from an extension, and mark the call's events (``CallData.is_canary``).

        Returns the PBX's id of the call, at the latest 20 s later. Raises ``CallNotMade``.
        """

    async def end_call(self, key: str) -> None:
        """End a call that was made, if it still lasts."""


class Stamp:
    """Make events of one source: ids ``EPOCH-n`` in order, time of the source where it gives one, else the receipt."""

    def __init__(self, source: str, epoch: str) -> None:
        self._source, self._epoch, self._count = source, epoch, 0

    def _id(self) -> str:
        self._count += 1
        return f"{self._epoch}-{self._count}"

    def call(
        self,
        kind: type[SomeCall],
        data: CallData,
        *,
        received: datetime,
        time: datetime | None = None,
        held_since: datetime | None = None,
    ) -> SomeCall:
        """Make a call event. Raises ``ValueError`` when ``data`` lacks what the type requires."""
        return kind(
            id=self._id(),
            source=self._source,
            time=time or received,
            specversion="1.0",
            data=data,
            gatewaytime=received,
            heldsince=held_since,
        )

    def agent(
        self, kind: type[SomeAgent], data: AgentData, *, received: datetime, time: datetime | None = None
    ) -> SomeAgent:
        """Make an agent event. Raises ``ValueError`` when ``data`` lacks what the type requires."""
        return kind(
            id=self._id(),
            source=self._source,
            time=time or received,
            specversion="1.0",
            data=data,
            gatewaytime=received,
        )

    def link(self, kind: type[SomeLink], data: LinkData | None = None, *, received: datetime) -> SomeLink:
        """Make an event about the link itself."""
        return kind(
            id=self._id(),
            source=self._source,
            time=received,
            specversion="1.0",
            data=data or LinkData(),
            gatewaytime=received,
        )
