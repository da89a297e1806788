"""What the names of channels, peers and members say. Pure."""

import re
from typing import NamedTuple

#: What Asterisk appends to a peer's name to name a channel: eight hex digits (SIP, PJSIP), a number (IAX2), or a hex
#: counter of any length (DAHDI, dongles, mobiles).
_SERIAL = re.compile(r"-(?:[0-9A-Fa-f]{8}|[0-9]{1,5})(?:;[12])?(?:<(?:MASQ|ZOMBIE)>)?$")
_COUNTER = re.compile(r"-[0-9A-Fa-f]{1,10}(?:<(?:MASQ|ZOMBIE)>)?$")
_DEVICES = frozenset({"SIP", "PJSIP", "IAX2", "Local", "Agent", "SCCP", "Skinny"})
#: A number that follows the peer in a channel's name: the span of an ISDN channel and who is called (DAHDI/i1/NUMBER).
_PARTNER = re.compile(r"/\+?[0-9*#]*$")
_WORD = re.compile(r"\w+")
#: Words that stand beside a phone's number.
_LABELS = frozenset({"device", "cid", "ext", "extension", "phone", "line", "sip", "pjsip", "iax2", "sccp", "dahdi"})
_LONG = re.compile(r"\+?[0-9]{7,20}")
_INTERFACE = re.compile(r"(?:(?:SIP|PJSIP|IAX2|DAHDI|Zap|SCCP|Skinny|Local|Agent)/|hint:|Custom:)\S+", re.IGNORECASE)
_DIALLED = re.compile(r"(?:hint:|Local/)([^@/]+)")


class Peer(NamedTuple):
    """The technology and the peer of a channel: ``PJSIP/2001-0000000a`` -> PJSIP, 2001."""

    technology: str
    name: str

    def __str__(self) -> str:
        return f"{self.technology}/{self.name}"


def peer_of(channel: str) -> Peer:
    """Return whose channel a name is."""
    technology, _, rest = channel.partition("/")
    if technology in _DEVICES:
        return Peer(technology, _SERIAL.sub("", rest))
    return Peer(technology, _PARTNER.sub("", _COUNTER.sub("", rest)))


def member_peer(interface: str, state_interface: str) -> Peer | None:
    """Return the peer of a queue's member that is a phone: by the interface that is watched, else the one dialled.

    None where the member is dialled through the dialplan, or a number is dialled through a trunk.
    """
    for name in (state_interface, interface):
        technology, slash, rest = name.partition("/")
        if slash and technology not in ("Local", "Agent"):
            return None if "@" in rest or "/" in rest else Peer(technology, rest)
    return None


def member_number(interface: str, state_interface: str) -> str:
    """Return the number by which the dialplan reaches a member: 2001 of ``Local/2001@agents`` or ``hint:2001``."""
    found = _DIALLED.match(state_interface) or _DIALLED.match(interface)
    return found.group(1) if found else ""


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


def dialled_through(dial_string: str) -> tuple[str, str]:
    """Return the peer and the number of a dial string, empty where it has none.

    The forms are ``NUMBER@peer``, ``peer/NUMBER``, and ``peer/sip:NUMBER@host`` where the number is a long one: a
    short one is the contact of a phone.
    """
    through, is_uri, uri = dial_string.partition("/sip:")
    if is_uri:
        number = uri.partition("@")[0]
        return (through, number) if _LONG.fullmatch(number) else ("", "")
    number, at, through = dial_string.partition("@")
    if not at:
        through, slash, number = dial_string.partition("/")
        if not slash:
            return "", ""
    number = number.removeprefix("sip:")
    return (through.partition("/")[0], number) if re.fullmatch(r"\+?[0-9*#]{2,40}", number) else ("", "")


def is_devices_name(name: str) -> bool:
    """Say whether a name is an interface or an agent's number: ``PJSIP/2001``, ``hint:2001``, ``Agent/1001``."""
    return _INTERFACE.fullmatch(name.strip()) is not None


def is_agents_number(name: str) -> bool:
    """Say whether a member's name is an agent's number, as Wazo's agents are named: ``Agent/1001``."""
    return name.startswith("Agent/")


def persons_name(name: str, device: str) -> str:
    """Return the name of a phone's user; nothing where the PBX has none and writes what the phone is called.

    FreePBX writes ``device <2001>`` or ``CID:2001``.
    """
    words = _WORD.findall(name.casefold())
    is_number_named = any(one.isdigit() for one in words) and all(one.isdigit() or one in _LABELS for one in words)
    return "" if is_number_named or name.strip().casefold() in ("device", device.casefold()) else name.strip()
