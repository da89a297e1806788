"""The rules of AMI's events about agents: members of queues, and agents of app_agent_pool. Pure."""

from collections.abc import Callable
from typing import Protocol

from cti.sources.asterisk_ami.agents import Agents, Membership, membership
from cti.sources.asterisk_ami.channel_names import member_number, member_peer
from cti.sources.asterisk_ami.channels import ChannelTable
from cti.sources.asterisk_ami.classification import PeerClassifier
from cti.sources.asterisk_ami.messages import AmiMessage, AmiMessageError
from cti.sources.asterisk_ami.values import Channel, ChannelKind, EventTime

Rule = Callable[[AmiMessage, EventTime], None]


class KnownChannel(Protocol):
    """Find the channel that a message is about; None when it is not known."""

    def __call__(self, message: AmiMessage, now: EventTime, prefix: str = "") -> Channel | None: ...


class AgentRules:
    """What each event says about who is logged on where."""

    def __init__(
        self, agents: Agents, classifier: PeerClassifier, channel_table: ChannelTable, known: KnownChannel
    ) -> None:
        self._agents, self._classifier, self._channel_table, self._known = agents, classifier, channel_table, known

    def table(self) -> dict[str, Rule]:
        """Return the rule of each event."""
        return {
            "AgentLogin": self._agent_login,
            "AgentLogoff": self._agent_logoff,
            "QueueMemberAdded": self._member_added,
            "QueueMemberRemoved": self._member_removed,
            "QueueMemberPause": self._member_paused,
            "QueueMemberPaused": self._member_paused,
            "QueueMemberStatus": self._member_status,
        }

    def _agent_login(self, message: AmiMessage, now: EventTime) -> None:
        agent_id = message.last("Agent")
        if not agent_id:
            raise AmiMessageError("Agent is missing")
        channel = self._known(message, now)
        if channel is not None and channel.is_extension:
            self._agents.pool_logged_on(agent_id, channel.device, now)

    def _agent_logoff(self, message: AmiMessage, now: EventTime) -> None:
        channel = self._known(message, now)
        if channel is not None:
            at = channel.device if channel.is_extension else ""
            self._agents.pool_logged_off(message.last("Agent"), at, now)

    def _member_added(self, message: AmiMessage, now: EventTime) -> None:
        member = membership(message)
        self.learn_member(member)
        self._agents.joined(member, now)

    def learn_member(self, member: Membership) -> None:
        """Note that a queue's member is a phone, whatever its channels looked like before."""
        peer = member_peer(member.interface, member.state_interface)
        number = str(peer) if peer else member_number(member.interface, member.state_interface)
        for one in self._classifier.member(number):
            self._channel_table.reclassify(one, ChannelKind.EXTENSION)

    def _member_removed(self, message: AmiMessage, now: EventTime) -> None:
        self._agents.left(membership(message), now)

    def _member_paused(self, message: AmiMessage, now: EventTime) -> None:
        self._agents.paused(membership(message), now)

    def _member_status(self, message: AmiMessage, now: EventTime) -> None:
        self._agents.restated(membership(message), now)
