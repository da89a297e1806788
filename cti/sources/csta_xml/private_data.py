"""What a message carries beside the call itself: correlator and user data, account, private data."""

import re
from typing import get_args

import msgspec

from cti.events import NameSource, Wrapup
from cti.sources.character_sets import LOST
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.parsing import XmlElement, descend, local, text_of

#: Maximum lengths, in characters, and the maximum number of values.
TEXT, NAME, LONG, MANY = 255, 1024, 4096, 64
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}\s*)+")
_KEY = re.compile(r"[\w .\-]{1,64}")
_BETWEEN_PAIRS = re.compile(r"[;&\r\n]+")
#: Never kept, whatever a switch puts it in.
_SECRET = ("password", "authcode", "secret", "passwd")
_SOURCES: frozenset[str] = frozenset(get_args(NameSource))


class Private(msgspec.Struct, kw_only=True):
    """A message's private data: what the options name, and the rest by local name."""

    wrapup: Wrapup | None = None
    agent_name: str = ""
    agent_reason: str = ""
    caller_name: str = ""
    caller_name_source: NameSource | None = None
    queue_name: str = ""
    rest: dict[str, str] = {}


NO_PRIVATE = Private()


def decoded(text: str) -> str:
    """Return what a hex text says, if it says printable text; else the hex as it came."""
    if not _HEX.fullmatch(text):
        return text
    try:
        plain = bytes.fromhex(text).rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return text
    return plain if plain and all(char.isprintable() or char in "\t\r\n" for char in plain) else text


def pairs(text: str) -> dict[str, str]:
    """Return the ``K=V`` pairs that a text consists of; none when it is anything else."""
    found: dict[str, str] = {}
    for part in _BETWEEN_PAIRS.split(text):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if equals and _KEY.fullmatch(key):
            found[key] = value
        elif part.strip():
            return {}
    return found


def query_data(fields: dict[str, XmlElement], private: Private) -> dict[str, str] | None:
    """Return what a message says about the call for those who search it later."""
    found: dict[str, str] = {}
    for name in ("correlatorData", "userData", "accountInfo"):
        text = text_of(fields.get(name)) if name in fields else ""
        if text and LOST not in text:
            found[name] = decoded(text)
    more = private.rest if not found.get("userData") else {**pairs(found["userData"]), **private.rest}
    for key, value in more.items():
        found.setdefault(key, value)
    return {key[:TEXT]: value[:LONG] for key, value in list(found.items())[:MANY]} or None


def leaves(extensions: XmlElement | None) -> list[tuple[str, str]]:
    """Return the private data's leaves that hold text: local name and text."""
    private = descend(extensions, "privateData")
    found: list[tuple[str, str]] = []
    for element in private.iter() if private is not None else ():
        name, text = local(element.tag), (element.text or "").strip()
        if text and LOST not in text and not len(element) and not any(word in name.lower() for word in _SECRET):
            found.append((name, text))
    return found


class PrivateReader:
    """Reads private data by the names that a site's options give."""

    def __init__(self, options: CstaOptions) -> None:
        self._options = options
        members = (
            "wrapup",
            "wrapup_result",
            "wrapup_template",
            "agent_name",
            "agent_reason",
            "caller_name",
            "caller_name_source",
            "queue_name",
        )
        self._members = {getattr(options, name).lower(): name for name in members if getattr(options, name)}

    def read(self, extensions: XmlElement | None) -> Private:
        """Read a message's private data; what no option names is kept under its local name."""
        if extensions is None or not (found := leaves(extensions)):
            return NO_PRIVATE
        named: dict[str, str] = {}
        rest: dict[str, str] = {}
        for name, text in found:
            member = self._members.get(name.lower())
            (rest if member is None else named).setdefault(member or name, text)
        if "wrapup_template" in named and not named.keys() & {"wrapup", "wrapup_result"}:
            rest[self._options.wrapup_template] = named["wrapup_template"]
        return _private(named, rest)


def _private(named: dict[str, str], rest: dict[str, str]) -> Private:
    result, template = named.get("wrapup_result") or named.get("wrapup"), named.get("wrapup_template")
    return Private(
        wrapup=Wrapup(result=result[:TEXT], template=template[:TEXT] if template else None) if result else None,
        agent_name=named.get("agent_name", ""),
        agent_reason=named.get("agent_reason", ""),
        caller_name=named.get("caller_name", ""),
        caller_name_source=_source(named.get("caller_name_source", "")),
        queue_name=named.get("queue_name", ""),
        rest=rest,
    )


def _source(text: str) -> NameSource | None:
    word = text.strip().lower().replace(" ", "_")
    return word if word in _SOURCES else "unknown" if text else None  # type: ignore[return-value]
