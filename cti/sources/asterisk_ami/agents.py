"""Who is logged on where: members of queues, agents of app_agent_pool, and the names that the PBX gives to phones.

A queue's member is one interface in one queue. Several memberships may belong to one phone: of one agent in several
queues, or of agents whose log-ins overlap. Where their names contradict each other, nobody is named.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from cti.events import LoggedOff, LoggedOn, NotReady, Ready
from cti.sources.asterisk_ami.channel_names import (
    is_agents_number,
    is_devices_name,
    member_number,
    member_peer,
    persons_name,
    pool_agent,
)
from cti.sources.asterisk_ami.classification import PeerClassifier
from cti.sources.asterisk_ami.event_builder import EventBuilder
from cti.sources.asterisk_ami.messages import AmiMessage, AmiMessageError
from cti.sources.asterisk_ami.values import EventTime, Offer

#: Maximum number of phones whose own name is remembered, and of memberships.
MAXIMUM_PHONES, MAXIMUM_MEMBERSHIPS = 20_000, 50_000
_SEVERAL = "\0"


@dataclass(frozen=True, slots=True)
class PbxAgentSession:
    """An agent at an extension."""

    agent_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Membership:
    """What a message says about a member of a queue."""

    queue: str
    interface: str
    state_interface: str
    name: str
    is_paused: bool
    reason: str = ""


def membership(message: AmiMessage) -> Membership:
    """Read a queue member: events and snapshots name its fields differently."""
    interface = message.get("Interface") or message.get("Location")
    if not interface or not message.get("Queue"):
        raise AmiMessageError("Queue, or Interface and Location, is missing")
    return Membership(
        queue=message.get("Queue"),
        interface=interface,
        state_interface=message.get("StateInterface"),
        name=message.get("MemberName") or message.get("Name"),
        is_paused=message.get("Paused") == "1",
        reason=message.get("PausedReason") or message.get("Reason"),
    )


def _stated_name(name: str, interface: str) -> str:
    """Return a member's name; nothing where the queue has none and shows an interface or a number instead."""
    number = member_number(interface, "") or interface.rpartition("/")[2]
    return "" if name.strip() == interface or is_devices_name(name) else persons_name(name, number)


@dataclass(frozen=True, slots=True)
class _Member:
    """A membership, and whose it is: an agent of the pool, or the phone ``device``."""

    agent_id: str
    name: str
    device: str
    is_pooled: bool
    is_paused: bool
    #: The queue knows an agent by number alone: somebody is there, who need not be the phone's own user.
    is_anonymous: bool = False
    #: Only an answered offer showed it; that it ends need not be reported.
    is_offered: bool = False


class Agents:
    """Fold what queues and the agent pool say into log-ons, log-offs and pauses, one per change of the whole."""

    def __init__(self, classifier: PeerClassifier, builder: EventBuilder, *, phone_users: bool) -> None:
        self._classifier, self._builder, self._phone_users = classifier, builder, phone_users
        self._members: dict[tuple[str, str], _Member] = {}
        #: The memberships of a phone, or of an agent of the pool.
        self._keys_of: dict[str, dict[tuple[str, str], None]] = {}
        self._sessions: dict[str, PbxAgentSession] = {}
        self._paused: set[str] = set()
        self._pool_names: dict[str, str] = {}
        self._pool_devices: dict[str, str] = {}
        self._pool_at: dict[str, str] = {}
        self._phone_names: dict[str, str] = {}
        #: The name of the agent who was logged on at a phone; ``_SEVERAL`` where there were more.
        self._seen: dict[str, str] = {}
        #: When it was last said who is at a phone, by the PBX's clock.
        self._said_at: dict[str, datetime] = {}

    def session(self, device: str) -> PbxAgentSession | None:
        """Return who is logged on at an extension."""
        return self._sessions.get(device)

    def agent_id_at(self, device: str) -> str:
        """Return the id of the agent who is logged on at an extension, empty where nobody is."""
        session = self._sessions.get(device)
        return session.agent_id if session else ""

    # -- queues ----------------------------------------------------------------------------------------------------

    def joined(self, message: Membership, moment: EventTime) -> None:
        """Add a member to a queue: its first membership logs it on."""
        member = self._add(message)
        if member is not None:
            self._update(member, message.reason, moment)

    def listed(self, message: Membership) -> None:
        """Add a member that a snapshot lists; ``all_listed`` says who is logged on."""
        self._add(message)

    def all_listed(self, moment: EventTime) -> None:
        """Log on the members that a snapshot has listed."""
        for member in {member.agent_id: member for member in self._members.values()}.values():
            self._update(member, "", moment)

    def paused(self, message: Membership, moment: EventTime) -> None:
        """Change a member's pause in a queue; reported when it begins or ends to hold for all of them."""
        self.joined(message, moment)

    def restated(self, message: Membership, moment: EventTime) -> None:
        """Name nobody at a member whose name has changed without a log-on, as a reload of the queues does.

        The event may be late, so its name is not taken: a log-on, an answered offer or a snapshot gives the new one.
        """
        key = (message.queue, message.interface)
        known, name = self._members.get(key), _stated_name(message.name, message.interface)
        if known is None or known.is_pooled or not known.name or not name or known.name.casefold() == name.casefold():
            return
        self._members[key] = replace(known, name="", is_anonymous=True)
        self._note_name(known.device, name)
        self._announce(known.device, moment)

    def left(self, message: Membership, moment: EventTime) -> None:
        """Take a member out of a queue: the last membership logs it off.

        One that only an offer showed ends with the last that was reported: the next answered offer names the agent
        again.
        """
        member = self._members.get((message.queue, message.interface))
        if member is None:
            self._left_unknown(message, moment)
            return
        self._drop((message.queue, message.interface))
        self._drop_offered(member)
        self._update(member, "", moment)

    def _left_unknown(self, message: Membership, moment: EventTime) -> None:
        """Log off a member who is known from before a lost link only: after it the members were not listed."""
        is_pooled = bool(pool_agent(message.interface, message.state_interface))
        device = "" if is_pooled else self._phone_of(message.interface, message.state_interface)
        if device and device not in self._sessions and not self._of(device):
            at = self._not_earlier(device, moment)
            self._builder.agent(LoggedOff, at, agent_id=device, device_id=device)

    def _drop_offered(self, member: _Member) -> None:
        """Drop a member's memberships that only offers have shown, where they are all that is left of it."""
        keys = [key for key in self._keys_of.get(member.agent_id, ()) if self._members[key].name == member.name]
        if all(self._members[key].is_offered for key in keys):
            for key in keys:
                self._drop(key)

    def answered(self, device: str, offer: Offer, moment: EventTime) -> None:
        """Learn who is a member from an offer that was answered at the member's own phone.

        An offer that another phone answered (follow-me, pick-up) says nothing about who is there.
        """
        known = self._members.get((offer.queue_id, offer.interface))
        name = _stated_name(offer.member_name, offer.interface)
        if not name or (known is not None and (known.name == name or known.is_pooled)):
            return
        if device == (known.device if known else self._phone_of(offer.interface, "")):
            self.joined(Membership(offer.queue_id, offer.interface, "", name, is_paused=False), moment)
            if known is None or known.is_offered:
                self._note_offered((offer.queue_id, offer.interface))

    def _note_offered(self, key: tuple[str, str]) -> None:
        if key in self._members:
            self._members[key] = replace(self._members[key], is_offered=True)

    def _add(self, message: Membership) -> _Member | None:
        key = (message.queue, message.interface)
        known = self._members.get(key)
        if known is None and len(self._members) >= MAXIMUM_MEMBERSHIPS:
            return None
        member = self._member(message, known)
        if known is not None and known.agent_id != member.agent_id:
            self._drop(key)
        self._members[key] = member
        self._keys_of.setdefault(member.agent_id, {})[key] = None
        self._note_name(member.device, member.name)
        return member

    def _member(self, message: Membership, known: _Member | None) -> _Member:
        pooled = pool_agent(message.interface, message.state_interface)
        device = "" if pooled else self._phone_of(message.interface, message.state_interface)
        if known is not None and not message.state_interface:
            pooled, device = known.agent_id if known.is_pooled else "", known.device
        name = _stated_name(message.name, message.interface)
        self.named(pooled, name)
        is_anonymous = is_agents_number(message.name)
        return _Member(pooled or device, name, device, bool(pooled), message.is_paused, is_anonymous)

    def renumbered(self, before: str, after: str, moment: EventTime) -> None:
        """Move the memberships of a phone whose extension is known only now."""
        for key in list(self._keys_of.get(before, ())):
            member = self._members[key]
            if not member.is_pooled:
                self._drop(key)
                self._members[key] = replace(member, agent_id=after, device=after)
                self._keys_of.setdefault(after, {})[key] = None
                self._note_name(after, member.name)
        self._announce(before, moment)
        self._announce(after, moment)

    def _phone_of(self, interface: str, state_interface: str) -> str:
        peer = member_peer(interface, state_interface)
        return self._classifier.extension(peer) if peer else member_number(interface, state_interface)

    def _drop(self, key: tuple[str, str]) -> None:
        member = self._members.pop(key)
        keys = self._keys_of[member.agent_id]
        del keys[key]
        if not keys:
            del self._keys_of[member.agent_id]

    def _of(self, owner: str) -> list[_Member]:
        return [self._members[key] for key in self._keys_of.get(owner, ())]

    # -- the pool --------------------------------------------------------------------------------------------------

    def named(self, agent_id: str, name: str) -> None:
        """Learn the name of an agent of the pool."""
        if agent_id and name:
            self._pool_names[agent_id] = name

    def pool_logged_on(self, agent_id: str, device: str, moment: EventTime) -> None:
        """Log an agent of the pool on at the phone that called in."""
        self._leave_pool(agent_id)
        self._pool_devices[agent_id], self._pool_at[device] = device, agent_id
        self._note_name(device, self._pool_name(agent_id))
        self._announce(device, moment)
        self._repause(agent_id, device, "", moment)

    def pool_logged_off(self, agent_id: str, at: str, moment: EventTime) -> None:
        """Log an agent of the pool off; ``at``: the phone, for one who is known from before a lost link only."""
        device = self._leave_pool(agent_id)
        if device:
            self._announce(device, moment)
        elif at and agent_id and at not in self._sessions:
            self._builder.agent(LoggedOff, self._not_earlier(at, moment), agent_id=agent_id, device_id=at)

    def _leave_pool(self, agent_id: str) -> str:
        device = self._pool_devices.pop(agent_id, "")
        if device and self._pool_at.get(device) == agent_id:
            del self._pool_at[device]
        return device

    def _pool_name(self, agent_id: str) -> str:
        return self._pool_names.get(agent_id) or next((one.name for one in self._of(agent_id) if one.name), "")

    # -- phones ----------------------------------------------------------------------------------------------------

    def phone_named(self, device: str, name: str) -> None:
        """Learn the name that the PBX itself gives to a phone."""
        if name and (device in self._phone_names or len(self._phone_names) < MAXIMUM_PHONES):
            self._phone_names[device] = name

    def called(self, device: str, moment: EventTime) -> None:
        """Take the phone's own name where no agent is logged on, and none of another name was."""
        if self._phone_users and not self._is_agents(device):
            name = self._own_name(device)
            if name:
                self._change(device, PbxAgentSession(device, name), moment)

    def unnamed(self, device: str, moment: EventTime) -> None:
        """Take the phone's own name from it: an agent answers there that the queue knows by number alone."""
        if not self._is_agents(device):
            self._change(device, None, moment)

    def _is_agents(self, device: str) -> bool:
        return device in self._pool_at or any(one.name or one.is_anonymous for one in self._of(device))

    def _own_name(self, device: str) -> str:
        """Return a phone's own name; nothing for a phone that agents of other names use: it is nobody's."""
        name = self._phone_names.get(device, "")
        return name if self._seen.get(device, "") in ("", name.casefold()) else ""

    def _note_name(self, device: str, name: str) -> None:
        if device and name and (device in self._seen or len(self._seen) < MAXIMUM_PHONES):
            is_same = self._seen.setdefault(device, name.casefold()) == name.casefold()
            self._seen[device] = name.casefold() if is_same else _SEVERAL

    def _named_at(self, device: str) -> set[str]:
        return {one.name.casefold() for one in self._of(device) if one.name}

    # -- sessions --------------------------------------------------------------------------------------------------

    def _update(self, member: _Member, reason: str, moment: EventTime) -> None:
        device = self._pool_devices.get(member.agent_id, "") if member.is_pooled else member.device
        if not device:
            return
        if not member.is_pooled:
            self._announce(device, moment)
        self._repause(member.agent_id, device, reason, moment)

    def _announce(self, device: str, moment: EventTime) -> None:
        self._change(device, self._session_of(device), moment)

    def _session_of(self, device: str) -> PbxAgentSession | None:
        """Return who is at a phone by all memberships; None where nobody is, or they contradict each other."""
        members, names = self._of(device), self._named_at(device)
        pooled = self._pool_at.get(device, "")
        if pooled:
            name = self._pool_name(pooled) or self._own_name(device)
            return None if names - {name.casefold()} else PbxAgentSession(pooled, name)
        if not members or len(names) > 1:
            return None
        return PbxAgentSession(device, next((one.name for one in members if one.name), ""))

    def _change(self, device: str, session: PbxAgentSession | None, moment: EventTime) -> None:
        before = self._sessions.get(device)
        if session == before:
            return
        moment = self._not_earlier(device, moment)
        if before is not None and (session is None or session.agent_id == before.agent_id):
            del self._sessions[device]
            self._paused.discard(before.agent_id)
            self._builder.agent(LoggedOff, moment, agent_id=before.agent_id, device_id=device)
        if session is not None:
            self._sessions[device] = session
            self._paused.discard(session.agent_id)
            self._builder.agent(LoggedOn, moment, agent_id=session.agent_id, device_id=device, agent_name=session.name)

    def _not_earlier(self, device: str, moment: EventTime) -> EventTime:
        """Return when a change counts: an event that is heard late does not count before what was said meanwhile."""
        at = max(moment.time, self._said_at.get(device, moment.time))
        if device in self._said_at or len(self._said_at) < MAXIMUM_PHONES:
            self._said_at[device] = at
        return replace(moment, time=at)

    def _repause(self, agent_id: str, device: str, reason: str, moment: EventTime) -> None:
        """Say that an agent is paused in all queues, or no longer; never of a phone at which nobody is named."""
        session, members = self._sessions.get(device), self._of(agent_id)
        is_paused = bool(members) and all(one.is_paused for one in members)
        if session is None or session.agent_id != agent_id or is_paused == (agent_id in self._paused):
            return
        (self._paused.add if is_paused else self._paused.discard)(agent_id)
        self._builder.agent(
            NotReady if is_paused else Ready,
            moment,
            agent_id=agent_id,
            device_id=device,
            reason=reason if is_paused else "",
        )
