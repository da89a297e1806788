"""Tell from a channel's name what it is: an extension's, a trunk's, half of a Local pair or nobody's. Pure."""

import re

from cti.sources.asterisk_ami.options import AmiOptions
from cti.sources.asterisk_ami.values import ChannelKind

_MACHINES = frozenset(
    {
        "CBAnn",
        "CBRec",
        "Announcer",
        "Recorder",
        "Message",
        "Surrogate",
        "Bridge",
        "Snoop",
        "Multicast",
        "UnicastRTP",
        "ConfBridge",
        "Parking",
        "OutgoingSpoolFailed",
        "BasicDial",
        "Console",
        "Mobile-Null",
    }
)
#: What Asterisk adds to a peer's name to name a channel: eight hex digits, or a number (IAX2, DAHDI).
_SERIAL = re.compile(r"-(?:[0-9A-Fa-f]{8}|[0-9]{1,5})(?:;[12])?(?:<(?:MASQ|ZOMBIE)>)?$")
_NUMBER = re.compile(r"[0-9]{2,8}")
_DIALLED = re.compile(r"(?:hint:|Local/)([^@/]+)")


def peer_of(channel: str) -> tuple[str, str]:
    """Return technology and peer of a channel's name: ``PJSIP/2001-0000000a`` -> PJSIP, 2001."""
    technology, _, rest = channel.partition("/")
    return technology, _SERIAL.sub("", rest)


class ChannelNames:
    """Who a channel is. ``devices`` names the extensions; without it they are recognised.

    Recognised as an extension is a peer that is a queue's member or one that is no trunk: a trunk is named by the
    option ``trunks``, is born in one of ``trunk_contexts``, or is called with a number before its name.
    """

    def __init__(self, devices: tuple[str, ...], options: AmiOptions) -> None:
        self._devices = frozenset(devices)
        self._options = options
        self._members: set[str] = set()
        self._trunks: set[str] = set()

    def kind(self, channel: str, context: str = "") -> ChannelKind:
        """Return what a channel stands for; ``context`` is the dialplan context in which it was born."""
        technology, peer = peer_of(channel)
        if technology == "Local":
            return ChannelKind.LOCAL
        if technology in _MACHINES or channel.endswith("<ZOMBIE>") or technology == "AsyncGoto":
            return ChannelKind.MACHINE
        return ChannelKind.EXTENSION if self._is_extension(peer, context) else ChannelKind.OUTSIDE

    def _is_extension(self, peer: str, context: str) -> bool:
        if self._devices:
            return self.extension(peer) in self._devices
        if peer in self._members or peer in self._options.extensions:
            return True
        if peer.startswith(self._options.trunks) or peer in self._trunks:
            return False
        if context in self._options.trunk_contexts:
            self._trunks.add(peer)
            return False
        return True

    def learn_trunk(self, channel: str, dial_string: str) -> bool:
        """Note that a peer is a trunk when it is dialled as a number through it; say whether that is news."""
        _, peer = peer_of(channel)
        number, at, through = dial_string.partition("@")
        is_through = bool(at) and through.split("/")[0] == peer and number != peer
        if not is_through or self._devices or peer in self._members or _NUMBER.fullmatch(peer):
            return False
        is_news = peer not in self._trunks
        self._trunks.add(peer)
        return is_news

    def extension(self, peer: str) -> str:
        """Return the extension of a peer."""
        return self._options.extensions.get(peer, peer)

    def device(self, channel: str) -> str:
        """Return the extension of a channel's name."""
        return self.extension(peer_of(channel)[1])

    def member_device(self, interface: str, state_interface: str) -> str:
        """Return the extension of a queue's member: by what its state is watched, else by what is dialled."""
        for name in (state_interface, interface):
            if "/" in name and not name.startswith(("Local/", "Agent/")):
                peer = name.partition("/")[2]
                self._members.add(peer)
                return self.extension(peer)
        found = _DIALLED.match(state_interface) or _DIALLED.match(interface)
        return self.extension(found.group(1)) if found else ""


def pool_agent(interface: str, state_interface: str) -> str:
    """Return the agent id of a member that is an agent of app_agent_pool, else nothing."""
    for name in (state_interface, interface):
        if name.startswith(("Agent:", "Agent/")):
            return name[6:]
    return ""


def dialled_number(dial_string: str, exten: str) -> str:
    """Return the number that was dialled: from ``NUMBER@trunk`` or ``trunk/NUMBER``, else the extension dialled."""
    text = dial_string.partition("@")[0] if "@" in dial_string else dial_string.rpartition("/")[2]
    text = text.rpartition("/")[2].removeprefix("sip:")
    return text if re.fullmatch(r"\+?[0-9*#]{2,40}", text) else exten
