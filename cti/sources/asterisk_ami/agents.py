"""Who is logged on where: members of queues, agents of app_agent_pool, and the names that the PBX gives to phones."""

from dataclasses import dataclass, field

from cti.events import LoggedOff, LoggedOn, NotReady, Ready
from cti.sources.asterisk_ami.channel_names import ChannelNames, pool_agent
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.values import EventTime


@dataclass(slots=True)
class PbxAgentSession:
    """An agent at an extension."""

    agent_id: str
    name: str


@dataclass(slots=True)
class _Member:
    """One interface, and in which queues it is a member; the value says whether it is paused there."""

    agent_id: str
    name: str
    device: str
    is_pooled: bool
    paused_in: dict[str, bool] = field(default_factory=dict)
    is_paused: bool = False

    @property
    def is_wholly_paused(self) -> bool:
        return bool(self.paused_in) and all(self.paused_in.values())


@dataclass(frozen=True, slots=True)
class Membership:
    """What a message says about a member of a queue."""

    queue: str
    interface: str
    state_interface: str
    name: str
    is_paused: bool
    reason: str = ""


class Agents:
    """Fold what queues and the agent pool say into log-ons, log-offs and pauses, one per change of the whole."""

    def __init__(self, naming: ChannelNames, teller: EventBuilder, *, phone_users: bool) -> None:
        self._naming, self._teller, self._phone_users = naming, teller, phone_users
        self._members: dict[str, _Member] = {}
        self._seats: dict[str, PbxAgentSession] = {}
        self._pool_names: dict[str, str] = {}
        self._pool_devices: dict[str, str] = {}

    def seat(self, device: str) -> PbxAgentSession | None:
        """Return who sits at an extension."""
        return self._seats.get(device)

    def joined(self, told: Membership, moment: EventTime) -> None:
        """Add a member to a queue: its first one logs it on."""
        member = self._member(told)
        is_first = not member.paused_in
        member.paused_in[told.queue] = told.is_paused
        if is_first and not member.is_pooled and member.device:
            self._log_on(member.device, member.agent_id, member.name, moment)
        self._repause(member, told.reason, moment)

    def paused(self, told: Membership, moment: EventTime) -> None:
        """Change a member's pause in a queue; told when it holds for all queues, or for all no longer."""
        if not told.queue or told.interface not in self._members:
            self.joined(told, moment)
            return
        member = self._members[told.interface]
        member.paused_in[told.queue] = told.is_paused
        self._repause(member, told.reason, moment)

    def left(self, told: Membership, moment: EventTime) -> None:
        """Take a member out of a queue: the last one logs it off."""
        member = self._members.get(told.interface)
        if member is None or told.queue not in member.paused_in:
            return
        del member.paused_in[told.queue]
        if member.paused_in:
            self._repause(member, "", moment)
            return
        del self._members[told.interface]
        if not member.is_pooled and self._others_at(member.device) == 0:
            self._log_off(member.device, member.agent_id, moment)

    def named(self, agent_id: str, name: str) -> None:
        """Learn the name of an agent of the pool."""
        if agent_id and name:
            self._pool_names[agent_id] = name

    def pool_logged_on(self, agent_id: str, device: str, phone_name: str, moment: EventTime) -> None:
        """Log an agent of the pool on at the phone that called in."""
        name = self._pool_names.get(agent_id) or self._member_name(agent_id) or phone_name
        self._pool_devices[agent_id] = device
        self._log_on(device, agent_id, name, moment)

    def pool_logged_off(self, agent_id: str, moment: EventTime) -> None:
        """Log an agent of the pool off."""
        device = self._pool_devices.pop(agent_id, "")
        if device:
            self._log_off(device, agent_id, moment)

    def offered(self, device: str, name: str, moment: EventTime) -> None:
        """Learn from an offer who sits at an extension where nobody is known to."""
        if device and device not in self._seats:
            self._log_on(device, device, name, moment)

    def called(self, device: str, phone_name: str, moment: EventTime) -> None:
        """Take the phone's own user where nobody is logged on at it."""
        if self._phone_users and phone_name:
            self.offered(device, phone_name, moment)

    def _member(self, told: Membership) -> _Member:
        member = self._members.get(told.interface)
        if member is None:
            pooled = pool_agent(told.interface, told.state_interface)
            device = "" if pooled else self._naming.member_device(told.interface, told.state_interface)
            name = "" if told.name == told.interface else told.name
            member = _Member(pooled or device, name, device, bool(pooled))
            self._members[told.interface] = member
            self.named(pooled, name)
        return member

    def _member_name(self, agent_id: str) -> str:
        return next((one.name for one in self._members.values() if one.agent_id == agent_id and one.name), "")

    def _others_at(self, device: str) -> int:
        return sum(one.device == device for one in self._members.values())

    def _repause(self, member: _Member, reason: str, moment: EventTime) -> None:
        if member.is_wholly_paused == member.is_paused:
            return
        member.is_paused = member.is_wholly_paused
        device = self._pool_devices.get(member.agent_id, "") if member.is_pooled else member.device
        if device:
            kind = NotReady if member.is_paused else Ready
            said = reason if member.is_paused else ""
            self._teller.agent(kind, moment, agent_id=member.agent_id, device_id=device, reason=said)

    def _log_on(self, device: str, agent_id: str, name: str, moment: EventTime) -> None:
        if self._seats.get(device) == PbxAgentSession(agent_id, name):
            return
        self._seats[device] = PbxAgentSession(agent_id, name)
        self._teller.agent(LoggedOn, moment, agent_id=agent_id, device_id=device, agent_name=name)

    def _log_off(self, device: str, agent_id: str, moment: EventTime) -> None:
        seat = self._seats.get(device)
        if seat is not None and seat.agent_id == agent_id:
            del self._seats[device]
            self._teller.agent(LoggedOff, moment, agent_id=agent_id, device_id=device)
