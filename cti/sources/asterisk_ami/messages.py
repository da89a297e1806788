"""Read one AMI message: ordered keys and values, and which values are plausible. Pure.

Text from outside (a caller's number) reaches AMI unescaped and may carry line breaks, and so forged keys. Hence no key
is trusted for being there: ``first`` is right for what Asterisk writes before the caller's data (Event, Timestamp,
BridgeUniqueid, Channel), ``last`` for what it writes after it (Queue, MemberName), and a Uniqueid must be that of its
Channel.
"""

import re
from datetime import UTC, datetime

from cti.sources.character_sets import LOST, decoded

#: Names and ids may have any printable form: peers with spaces, ids that an application chose (Originate, ARI), a
#: systemname in front. Forged events are kept out by the pairing of Channel and Uniqueid, not by their form.
CHANNEL = re.compile(r"[A-Za-z0-9_]{1,32}/[^\x00-\x1f\x7f]{1,200}")
UNIQUEID = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
BRIDGE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
TIMESTAMP = re.compile(r"[0-9]{9,11}(?:\.[0-9]{1,9})?")
_ESCAPE = re.compile(r"\\(?:([abfnrtv0\\'\"?])|x([0-9A-Fa-f]{2})|([0-7]{1,3}))")
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_IDENTITIES = ("Channel", "Uniqueid", "Linkedid", "Interface", "Location", "Queue", "Newname")
_NOTHING = frozenset({"", "<unknown>", "unknown", "<none>", "(null)"})


class AmiMessageError(ValueError):
    """A message cannot be true or cannot be read; the text names the field. Never worth a retry."""


class AmiMessage:
    """The keys and values of one message in their order; keys may repeat."""

    __slots__ = ("first", "pairs")

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self.first: dict[str, str] = dict(reversed(pairs))

    def get(self, key: str) -> str:
        """Return the first value of a key, empty when it is absent or says that nothing is known."""
        value = self.first.get(key, "")
        return "" if value in _NOTHING else value

    def last(self, key: str) -> str:
        """Return the last value of a key: for what Asterisk writes after the caller's data."""
        if key not in self.first:
            return ""
        for name, value in reversed(self.pairs):
            if name == key:
                return "" if value in _NOTHING else value
        return ""

    def all(self, key: str) -> list[str]:
        """Return every value of a key in order."""
        if key not in self.first:
            return []
        return [value for name, value in self.pairs if name == key]

    def text(self, key: str) -> str:
        """Return a C-escaped value (CallerIDName, ChanVariable, VarSet) as it was meant."""
        value = self.get(key)
        return unescaped(value) if "\\" in value else value

    def variables(self, prefix: str = "") -> dict[str, str]:
        """Return the channel variables that the message names, unescaped."""
        key = f"{prefix}ChanVariable"
        found: dict[str, str] = {}
        if key not in self.first:
            return found
        for name, value in self.pairs:
            if name == key:
                variable, _, content = value.partition("=")
                found.setdefault(variable, unescaped(content))
        return found

    def time(self) -> datetime | None:
        """Return when the PBX says it happened, where it says so (``timestampevents = yes``)."""
        value = self.first.get("Timestamp", "")
        return datetime.fromtimestamp(float(value), UTC) if TIMESTAMP.fullmatch(value) else None


def parse(raw: bytes, encoding: str = "") -> AmiMessage:
    """Read a message; ``encoding`` as in ``character_sets.decoded``.

    A value in which the PBX itself has lost a character is left out, unless it is a name of a channel or a member.
    Raises ``AmiMessageError`` when no line of it is a key and a value.
    """
    pairs: list[tuple[str, str]] = []
    text = decoded(raw, encoding)
    for line in text.split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            pairs.append((key, value.removeprefix(" ")))
    if not pairs:
        raise AmiMessageError("no line is a key, a colon and a value")
    return AmiMessage(pairs if LOST not in text else [(key, _intact(key, value)) for key, value in pairs])


def _intact(key: str, value: str) -> str:
    return "" if LOST in value and not key.endswith(_IDENTITIES) else value


def event_name(raw: bytes) -> str:
    """Return the name of the event that a message is, empty when its first line names none."""
    if not raw.startswith(b"Event: "):
        return ""
    end = raw.find(b"\r\n")
    return raw[7 : end if end >= 0 else None].decode("ascii", "replace")


def unescaped(value: str) -> str:
    """Undo Asterisk's C escapes."""
    return _ESCAPE.sub(_meant, value) if "\\" in value else value


def _meant(match: re.Match[str]) -> str:
    plain, by_hex, by_octal = match.groups()
    if plain is not None:
        return _PLAIN.get(plain, plain)
    return chr(int(by_hex, 16)) if by_hex else chr(int(by_octal, 8))


def checked(value: str, pattern: re.Pattern[str], field: str) -> str:
    """Return a value that has the form of its field. Raises ``AmiMessageError`` otherwise."""
    if not pattern.fullmatch(value):
        raise AmiMessageError(f"{field} is missing or not plausible")
    return value
