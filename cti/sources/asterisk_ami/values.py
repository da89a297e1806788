"""What the state of the PBX is made of: channels, bridges, calls, and legs (one extension's part in one call)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal

#: Ids of the channels that the gateway had the PBX make (``ChannelId`` of Originate): nobody else chooses one so.
CANARY_CHANNEL = "gateway-canary-"

CallDirection = Literal["inbound", "outbound", "internal"]


@dataclass(frozen=True, slots=True)
class EventTime:
    """When something happened by the PBX's clock, and when the gateway heard of it.

    ``held_since``: since when the link may have held it back, where that is long.
    """

    time: datetime
    received: datetime
    held_since: datetime | None = None


class ChannelKind(Enum):
    """What a channel stands for."""

    EXTENSION = "extension"
    OUTSIDE = "outside"
    #: One half of a Local pair: a wire between two bridges or a bridge and an application, nobody.
    LOCAL = "local"
    #: Announcers, recorders and the like: nobody.
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Offer:
    """A queue offers a caller to a member. ``queue`` is the site's name of the queue, ``queue_id`` the PBX's."""

    caller: "Channel"
    queue: str
    interface: str = ""
    member_name: str = ""
    queue_id: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A caller left a queue, which may have rung the channels that are older. ``queue`` empty: not known which.

    ``newest``: the channel that was created last, by its number; ``at``: when, where the PBX says so.
    """

    queue: str
    newest: int
    at: datetime | None = None

    def may_have_rung(self, channel: "Channel") -> bool:
        """Say whether a channel was created before; by the PBX's clock, for an event may be heard late."""
        if self.at is not None and channel.born is not None:
            return channel.born <= self.at
        return channel.order <= self.newest


@dataclass(eq=False, slots=True)
class Bridge:
    """A place where channels hear each other, unless it is a waiting room (``is_holding``)."""

    id: str
    is_holding: bool = False
    members: dict["Channel", None] = field(default_factory=dict)
    #: The bridge that this one was merged into.
    merged_into: str = ""


@dataclass(eq=False, slots=True)
class PbxCall:
    """One PBX call, named by the Uniqueid of the channel that began it: the customer's, else the originator's."""

    id: str
    interaction: str
    owner: "Channel"
    direction: CallDirection
    calling_number: str = ""
    called_number: str = ""
    caller_name: str = ""
    #: The queue whose agent answered.
    served: str = ""
    #: The queue that the caller left, where no agent of it has answered; not reported yet.
    left: "Left | None" = None
    query: dict[str, str] = field(default_factory=dict)
    #: Something was reported about it, so its end must be reported.
    is_reported: bool = False
    #: When its newest leg began.
    joined: EventTime | None = None
    channels: set["Channel"] = field(default_factory=set)
    legs: set["PbxLeg"] = field(default_factory=set)


@dataclass(eq=False, slots=True)
class PbxLeg:
    """An extension's channel in a conversation. ``ended``: since when it reaches nobody; it may still go on."""

    call: PbxCall
    channel: "Channel"
    partners: set["Channel"]
    bridge: Bridge | None
    is_held: bool = False
    #: The channel left for another bridge while the partner waits in this one (a transfer by feature code).
    is_away: bool = False
    away_since: EventTime | None = None
    ended: EventTime | None = None
    #: Since when the channel reaches others than before; who it is with then is decided a moment later.
    successor: EventTime | None = None
    #: Since when there are more partners than at the beginning.
    grown: EventTime | None = None
    due: EventTime | None = None

    @property
    def device(self) -> str:
        """Return the extension."""
        return self.channel.device


@dataclass(eq=False, slots=True)
class Channel:
    """One channel of the PBX."""

    uid: str
    name: str
    linked: str
    kind: ChannelKind
    device: str
    order: int
    #: When it was created, where the PBX says so.
    born: datetime | None = None
    number: str = ""
    caller_name: str = ""
    exten: str = ""
    #: Someone or something dials it; it did not begin its call.
    is_called: bool = False
    #: Click to dial: the PBX rings it so that it may dial.
    is_originated: bool = False
    dialled_by: "Channel | None" = None
    other: "Channel | None" = None
    bridge: Bridge | None = None
    call: PbxCall | None = None
    offer: Offer | None = None
    leg: PbxLeg | None = None
    away: list[PbxLeg] = field(default_factory=list)
    last_leg: PbxLeg | None = None
    is_ringing: bool = False
    has_dialled: bool = False
    #: It handed its call over and only has to leave the bridge.
    is_leaving: bool = False
    is_gone: bool = False
    was_renamed: bool = False
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def is_party(self) -> bool:
        """Say whether somebody speaks through it."""
        return self.kind is ChannelKind.EXTENSION or self.kind is ChannelKind.OUTSIDE

    @property
    def is_extension(self) -> bool:
        """Say whether legs can be its."""
        return self.kind is ChannelKind.EXTENSION

    @property
    def is_canary(self) -> bool:
        """Say whether the gateway had the PBX make it."""
        return self.uid.startswith(CANARY_CHANNEL)

    @property
    def legs(self) -> list[PbxLeg]:
        """Return its legs, those that wait first."""
        return [*self.away, self.leg] if self.leg else list(self.away)
