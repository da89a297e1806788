"""Recordings that are files: what a file's name says, by a pattern. Pure.

A pattern is a path within the folder, with ``*`` for anything and names in braces for what the gateway needs. A text
ends at the character that follows it in the pattern: a caller's number with dashes in it never moves the extension to
another place, and a long name costs no time. Such a name is no recording::

    {year}/{month}/{day}/*-{extension}-*-{date}-{time}-*.wav      FreePBX, MixMonitor
    {year}/{month}/{day}/{hour}/{date}_{time}_*_{extension}_*.wav Oreka
    *-{extension}-{uniqueid}.wav                                  Asterisk's UNIQUEID begins with the time
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from qms.port import MAXIMUM_GUID_LENGTH

_TOKENS = {
    "date": r"(?P<date>\d{8})",
    "time": r"(?P<time>\d{6})",
    "epoch": r"(?P<epoch>\d{9,11})",
    "uniqueid": r"(?P<uniqueid>(?:[^/-]*-)?\d{9,11}\.\d+)",
    "year": r"(?P<year>\d{4})",
    "month": r"(?P<month>\d{2})",
    "day": r"(?P<day>\d{2})",
    "hour": r"(?P<hour>\d{2})",
}
#: What holds any text.
_TEXTS = ("extension", "call", "*")
_OTHER_TOKEN = re.compile(r"\{\w+\}")
_PART = re.compile(r"\{(\w+)\}|(\*)|([^{}*]+)|(.)", re.DOTALL)
#: A folder of a day is looked into this long before and after it: clocks and time zones are never quite right.
_MARGIN = timedelta(hours=1)


class BadPattern(ValueError):
    """A pattern cannot be used; the text says why."""


class NamedFile(msgspec.Struct, frozen=True):
    """What the name of a recording says: its path in the folder, its extension, when it began, and its call."""

    path: str
    extension: str
    began: datetime
    call: str = ""


class NamePattern(msgspec.Struct, frozen=True):
    """A pattern, ready for use."""

    text: str
    zone: tzinfo
    regex: re.Pattern[str]

    def read(self, path: str) -> NamedFile | None:
        """Return what a path within the folder says; None where it is no recording of this pattern."""
        match = self.regex.fullmatch(path)
        if match is None or len(path) > MAXIMUM_GUID_LENGTH or not path.isprintable():
            return None
        parts = match.groupdict()
        began = self._began(parts)
        if began is None:
            return None
        return NamedFile(path, parts["extension"], began, parts.get("uniqueid") or parts.get("call") or "")

    def folders(self, since: datetime, until: datetime) -> Iterator[str]:
        """Yield the folders that can hold recordings of a time; with "*" in it, a folder's own pattern."""
        folder = self.text.rpartition("/")[0]
        seen = set()
        at = since - _MARGIN
        while at <= until + _MARGIN:
            local = at.astimezone(self.zone)
            name = folder
            for token, form in (("year", "%Y"), ("month", "%m"), ("day", "%d"), ("hour", "%H"), ("date", "%Y%m%d")):
                name = name.replace(f"{{{token}}}", local.strftime(form))
            name = _OTHER_TOKEN.sub("*", name)
            if name not in seen:
                seen.add(name)
                yield name
            at += timedelta(hours=1)

    def _began(self, parts: dict[str, str | None]) -> datetime | None:
        try:
            if epoch := parts.get("epoch") or (parts.get("uniqueid") or "").rpartition("-")[2]:
                return datetime.fromtimestamp(float(epoch.partition(".")[0]), UTC)
            date = parts.get("date") or "".join(str(parts[name]) for name in ("year", "month", "day"))
            local = datetime.strptime(f"{date}{parts['time']}", "%Y%m%d%H%M%S")  # noqa: DTZ007  (the zone follows)
            return local.replace(tzinfo=self.zone).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None


def read_pattern(text: str, zone: tzinfo) -> NamePattern:
    """Read a pattern. Raises ``BadPattern``."""
    text = text.strip().lstrip("/")
    names = re.findall(r"\{(\w+)\}", text)
    known = (*_TEXTS[:2], *_TOKENS)
    if unknown := sorted(set(names) - set(known)):
        raise BadPattern(f"{{{unknown[0]}}} is unknown; known are {', '.join(f'{{{name}}}' for name in known)}.")
    if "{extension}" not in text.rpartition("/")[2]:
        raise BadPattern("The file's name must hold {extension}: recordings are found by it.")
    has_date = "date" in names or {"year", "month", "day"} <= set(names)
    if not ({"epoch", "uniqueid"} & set(names) or (has_date and "time" in names)):
        raise BadPattern("The name must say when the recording began: {date} and {time}, {epoch} or {uniqueid}.")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise BadPattern("The pattern must be a path within the folder.")
    return NamePattern(text, zone, re.compile(_regex(text)))


def _regex(text: str) -> str:
    parts = [(token or star, literal or other) for token, star, literal, other in _PART.findall(text)]
    written, seen = "", set()
    for place, (name, literal) in enumerate(parts):
        if name in seen:
            written += f"(?P={name})"
        elif name in _TEXTS:
            written += _text(name, parts[place + 1 :])
        else:
            written += _TOKENS[name] if name else re.escape(literal)
        if name not in ("", "*"):
            seen.add(name)
    return written


def _text(name: str, following: Sequence[tuple[str, str]]) -> str:
    """Return what holds a text up to what follows; a last "*" holds all that is left. Raises ``BadPattern``."""
    if following and following[0][0]:
        shown = name if name == "*" else f"{{{name}}}"
        raise BadPattern(f"A character must follow {shown}: it ends there.")
    is_last = not any(one for one, _ in following)
    ends = "" if not following or (name == "*" and is_last) else re.escape(following[0][1][0])
    return f"[^/{ends}]*" if name == "*" else f"(?P<{name}>[^/{ends}]+)"
