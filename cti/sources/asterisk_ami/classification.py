"""Decide what a channel stands for: an extension, the outside, half of a Local pair, or nobody. Pure.

Asterisk does not tell a phone from a trunk, so evidence is collected. The order in which it counts:

1. the source's list of devices, where it has one;
2. a name without wildcards in the options ``extensions`` or ``trunks``;
3. membership of a queue: a phone;
4. a pattern in ``trunks`` or ``extensions``, a technology that only trunks have, a context in ``trunk_contexts``;
5. what was seen: numbers are dialled through it, or its calls come from long or from several numbers: a trunk; it is
   dialled by its own name, or has a short number: a phone.

A name that nothing is known of stands for the outside: an extension that is missed can be corrected, flags cannot.
"""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cti.sources.asterisk_ami.channel_names import Peer, dialled_through, peer_of
from cti.sources.asterisk_ami.options import AmiOptions
from cti.sources.asterisk_ami.values import ChannelKind
from cti.sources.port import DeviceClass

#: Maximum number of peers that are remembered; those that were seen first are forgotten first.
MAXIMUM_PEERS = 5_000

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
        "AsyncGoto",
    }
)
_TRUNK_TECHNOLOGIES = frozenset(
    {"Dongle", "Mobile", "Quectel", "Khomp", "mISDN", "CAPI", "SS7", "OOH323", "H323", "Vpb", "WOOMERA", "Motif"}
)
#: A span of an ISDN line; FreePBX and the samples name analog lines by a bare number, which says nothing.
_SPAN = re.compile(r"i[0-9]+")
_GROUP = re.compile(r"[gGrRi][0-9]+(?:[.-][0-9]+)?|[0-9]+")
_ADDRESS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?|\[?[0-9A-Fa-f]*(?::[0-9A-Fa-f]*){2,}\]?|anonymous")
_EXTENSION = re.compile(r"[0-9]{2,8}")
_DIGITS = re.compile(r"[0-9]+")
_SHORT = re.compile(r"[0-9]{2,6}")
_LONG = re.compile(r"\+?[0-9]{7,20}")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
#: A name that is a number may be the account of a trunk, where it is at least this long.
_ACCOUNT_LENGTH = 6
_RING = "4"


@dataclass(frozen=True, slots=True)
class Birth:
    """What the message that shows a new channel says of it. ``state`` 4: it began the call itself."""

    context: str = ""
    number: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a peer is, and why. ``is_certain``: no other evidence can change it."""

    kind: ChannelKind
    reason: str
    is_certain: bool = False


_BY_NAME = "its name is a number of 2 to 8 digits"
_BY_LONG_NUMBERS = "its calls come from long numbers"
_BY_SEVERAL_NUMBERS = "its calls come from several numbers"
_DIALLED_AS_PHONE = "it is dialled by its own name"
_DIALLED_THROUGH = "numbers are dialled through it"
#: What holds whatever number the next call comes from, unless it is another one.
_LASTING = (_BY_NAME, _DIALLED_AS_PHONE, _DIALLED_THROUGH, _BY_SEVERAL_NUMBERS)
_UNKNOWN = Verdict(ChannelKind.OUTSIDE, "nothing shows that it is a phone")
#: What a peer that is named by a caller's own number comes to.
_BY_CALLERS = (_UNKNOWN.reason, _BY_LONG_NUMBERS, _BY_SEVERAL_NUMBERS)
_NOBODY = Birth()


class PeerClassifier:
    """Classify channels by name and by what was learnt about their peer."""

    def __init__(self, devices: tuple[str, ...], options: AmiOptions) -> None:
        self._devices = frozenset(devices)
        self._options = options
        self._members: set[str] = set()
        self._verdicts: dict[Peer, Verdict] = {}
        self._numbers: dict[Peer, str] = {}
        #: The number from which each peer's first own call came, other than its name.
        self._called_from: dict[Peer, str] = {}
        #: The extensions that phones were known by before their caller number was, and their new ones.
        self._renumbered: list[tuple[str, str]] = []
        #: How often what is known of the peers has changed.
        self.changes = 0

    def kind(self, channel: str, birth: Birth = _NOBODY) -> ChannelKind:
        """Return what a channel stands for, and learn from its birth."""
        technology = channel.partition("/")[0]
        if technology == "Local":
            return ChannelKind.LOCAL
        if technology in _MACHINES or channel.endswith("<ZOMBIE>"):
            return ChannelKind.MACHINE
        return self._judged(peer_of(channel), birth).kind

    def _judged(self, peer: Peer, birth: Birth) -> Verdict:
        known = self._verdicts.get(peer)
        if known is not None and (known.is_certain or birth is _NOBODY):
            return known
        if self._options.extension_from == "caller_number" and _EXTENSION.fullmatch(birth.number):
            self._number(peer, birth.number)
        return self._remembered(peer, self._by_rule(peer, birth) or self._by_birth(peer, birth, known))

    def _number(self, peer: Peer, number: str) -> None:
        """Note the first caller number of a peer."""
        if peer in self._numbers or len(self._numbers) >= MAXIMUM_PEERS:
            return
        before = self.extension(peer)
        self._numbers[peer] = number
        if self.extension(peer) != before:
            self._renumbered.append((before, self.extension(peer)))

    def renumbered(self) -> list[tuple[str, str]]:
        """Return the extensions that have changed since the last call, each with the new one."""
        found, self._renumbered = self._renumbered, []
        return found

    def _remembered(self, peer: Peer, verdict: Verdict) -> Verdict:
        if self._verdicts.get(peer) != verdict:
            self._verdicts[peer] = verdict
            self.changes += 1
            if len(self._verdicts) > MAXIMUM_PEERS:
                del self._verdicts[next(iter(self._verdicts))]
        return verdict

    def _by_rule(self, peer: Peer, birth: Birth) -> Verdict | None:
        """Classify by what the site has set or the PBX says; None where neither says anything."""
        if self._devices:
            is_listed = self.extension(peer) in self._devices
            reason = "listed among the devices of the source" if is_listed else "not among the devices of the source"
            return Verdict(ChannelKind.EXTENSION if is_listed else ChannelKind.OUTSIDE, reason, is_certain=True)
        return self._by_literal(peer) or self._by_membership(peer) or self._by_pattern(peer, birth)

    def _by_literal(self, peer: Peer) -> Verdict | None:
        if any(_is_literal(one) and _matches(one, peer) for one in self._options.extension_numbers):
            return Verdict(ChannelKind.EXTENSION, "named in the option extensions", is_certain=True)
        if any(_is_literal(one) and _matches(one, peer) for one in self._options.trunks):
            return Verdict(ChannelKind.OUTSIDE, "named in the option trunks", is_certain=True)
        return None

    def _by_membership(self, peer: Peer) -> Verdict | None:
        if str(peer) in self._members or peer.name in self._members:
            return Verdict(ChannelKind.EXTENSION, "a member of a queue", is_certain=True)
        return None

    def _by_pattern(self, peer: Peer, birth: Birth) -> Verdict | None:
        for pattern in self._options.trunks:
            if _matches(pattern, peer):
                return Verdict(ChannelKind.OUTSIDE, f"matches {pattern} in the option trunks", is_certain=True)
        for pattern, number in self._options.extension_numbers.items():
            if _gives_extension(pattern, number, peer):
                return Verdict(ChannelKind.EXTENSION, f"matches {pattern} in the option extensions", is_certain=True)
        return self._by_technology(peer) or self._by_context(birth.context)

    def _by_technology(self, peer: Peer) -> Verdict | None:
        is_span = peer.technology in ("DAHDI", "Zap") and _SPAN.fullmatch(peer.name)
        if peer.technology in _TRUNK_TECHNOLOGIES or is_span:
            return Verdict(ChannelKind.OUTSIDE, f"{peer.technology} lines of this form are trunks")
        if _ADDRESS.fullmatch(peer.name):
            return Verdict(ChannelKind.OUTSIDE, "named by a network address: a caller without a peer of its own")
        return None

    def _by_context(self, context: str) -> Verdict | None:
        if context and is_like_any(context, self._options.trunk_contexts):
            return Verdict(ChannelKind.OUTSIDE, f"its channels begin in the context {context}")
        return None

    def _by_birth(self, peer: Peer, birth: Birth, known: Verdict | None) -> Verdict:
        """Classify by name and caller number; what was learnt before holds, but calls from other numbers show a trunk.

        A trunk may be named by a number, its account at the provider, and then looks like a phone until its calls come.
        """
        own_number = birth.number if birth.state == _RING else ""
        if self._comes_from_several(peer, own_number):
            return Verdict(ChannelKind.OUTSIDE, _BY_SEVERAL_NUMBERS)
        if known is not None and known.reason in _LASTING:
            return known
        is_line = peer.technology in ("DAHDI", "Zap")
        is_number = _EXTENSION.fullmatch(peer.name) is not None and not is_line
        if _LONG.fullmatch(own_number) and not (is_number and _may_be_own(own_number, peer)):
            return Verdict(ChannelKind.OUTSIDE, _BY_LONG_NUMBERS)
        if is_number and (known is None or known.reason != _BY_LONG_NUMBERS):
            return Verdict(ChannelKind.EXTENSION, _BY_NAME)
        if known is not None and known is not _UNKNOWN:
            return known
        is_short = _SHORT.fullmatch(birth.number) and peer.technology != "IAX2" and not _LONG.fullmatch(peer.name)
        return Verdict(ChannelKind.EXTENSION, "its own number is short") if is_short else _UNKNOWN

    def _comes_from_several(self, peer: Peer, number: str) -> bool:
        """Say whether a peer's calls come from other numbers than one phone has. ``number`` empty: it begins none."""
        if not _NUMBER.fullmatch(number) or number.endswith(peer.name):
            return False
        if peer not in self._called_from and len(self._called_from) >= MAXIMUM_PEERS:
            return False
        return self._called_from.setdefault(peer, number) != number

    def dialled(self, channel: str, dial_string: str) -> ChannelKind | None:
        """Learn from how a peer is dialled; return what it stands for when that has changed."""
        peer = peer_of(channel)
        known = self._verdicts.get(peer)
        if known is None or known.is_certain:
            return None
        found = self._by_dialling(peer, dial_string, known)
        if found is None or found.kind is known.kind:
            return None
        return self._remembered(peer, found).kind

    def _by_dialling(self, peer: Peer, dial_string: str, known: Verdict) -> Verdict | None:
        through, number = dialled_through(dial_string)
        is_line = peer.technology in ("DAHDI", "Zap") and _GROUP.fullmatch(through)
        if number and number != peer.name and (through == peer.name or is_line):
            is_phone = known.reason == _BY_NAME and not _LONG.fullmatch(number)
            return None if is_phone else Verdict(ChannelKind.OUTSIDE, _DIALLED_THROUGH)
        is_own = dial_string == peer.name or dial_string.startswith(f"{peer.name}/sip:")
        is_open = known is _UNKNOWN or (known.reason == _BY_LONG_NUMBERS and _EXTENSION.fullmatch(peer.name))
        return Verdict(ChannelKind.EXTENSION, _DIALLED_AS_PHONE) if is_own and is_open else None

    def member(self, name: str) -> list[Peer]:
        """Note that a peer (``TECHNOLOGY/name``, or a number alone) is a queue's member.

        Return the peers that are extensions now and were not before.
        """
        if not name or name in self._members or len(self._members) >= MAXIMUM_PEERS:
            return []
        self._members.add(name)
        concerned = [peer for peer in self._verdicts if name in (str(peer), peer.name)]
        outside = [peer for peer in concerned if self._verdicts[peer].kind is not ChannelKind.EXTENSION]
        for peer in concerned:
            self._remembered(peer, self._by_rule(peer, _NOBODY) or self._verdicts[peer])
        return [peer for peer in outside if self._verdicts[peer].kind is ChannelKind.EXTENSION]

    def extension(self, peer: Peer) -> str:
        """Return the extension of a peer."""
        for pattern, number in self._options.extension_numbers.items():
            if _gives_extension(pattern, number, peer):
                return _numbered(pattern, number, peer)
        return self._numbers.get(peer, peer.name)

    def device(self, channel: str) -> str:
        """Return the extension of a channel's name."""
        return self.extension(peer_of(channel))

    def seen(self) -> tuple[DeviceClass, ...]:
        """Return the peers that were seen, as the page of the source lists them; callers' own numbers are left out."""
        return tuple(
            DeviceClass(
                device=str(peer),
                extension=self.extension(peer) if verdict.kind is ChannelKind.EXTENSION else "",
                is_extension=verdict.kind is ChannelKind.EXTENSION,
                reason=verdict.reason,
            )
            for peer, verdict in self._verdicts.items()
            if _EXTENSION.fullmatch(peer.name) or not (_LONG.fullmatch(peer.name) and verdict.reason in _BY_CALLERS)
        )

    def verdicts(self) -> dict[Peer, Verdict]:
        """Return every peer that was seen, and how it is classified."""
        return dict(self._verdicts)


def _may_be_own(number: str, peer: Peer) -> bool:
    """Say whether a long number can be that of a phone whose name is a number: short names are no accounts."""
    return len(peer.name) < _ACCOUNT_LENGTH or number.endswith(peer.name)


def _is_literal(pattern: str) -> bool:
    return not any(one in pattern for one in "*?[")


def is_like_any(text: str, patterns: Iterable[str]) -> bool:
    """Say whether a whole text matches one of the patterns, without regard to case."""
    return any(_is_like(text, pattern) for pattern in patterns)


def _matches(pattern: str, peer: Peer) -> bool:
    return _is_like(str(peer) if "/" in pattern else peer.name, pattern)


def _is_like(text: str, pattern: str) -> bool:
    return _compiled(pattern).match(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern), re.IGNORECASE)


def _numbered(pattern: str, number: str, peer: Peer) -> str:
    """Return the number that a pattern gives to a peer; a ``*`` in it is what the pattern's ``*`` matched."""
    return number.replace("*", _wildcard_part(pattern, peer), 1) or peer.name


def _wildcard_part(pattern: str, peer: Peer) -> str:
    before, _, after = pattern.rpartition("/")[2].partition("*")
    return peer.name[len(before) : len(peer.name) - len(after)]


def _gives_extension(pattern: str, number: str, peer: Peer) -> bool:
    """Say whether a pattern concerns a peer: a number is of digits, for a tenant's trunk ends as its phones do."""
    return _matches(pattern, peer) and (
        "*" not in number or _DIGITS.fullmatch(_wildcard_part(pattern, peer)) is not None
    )
