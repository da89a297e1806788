"""A recorded trace: its messages with their times, the snapshot answers it begins with, and what truly happened."""

import gzip
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

END = b"\r\n\r\n"
_ACTION = re.compile(rb"ActionID: (?:re)?snap-(?:\d+-)?([^\r]+)")
_TIMESTAMP = re.compile(rb"\r\nTimestamp: (\d{9,11}\.\d+)")

Truth = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """One message, and when it reaches the gateway."""

    raw: bytes
    at: datetime


@dataclass(frozen=True)
class RecordedTrace:
    """``answers``: what the PBX answered to the first snapshot; ``messages``: what it sent by itself, in order."""

    name: str
    answers: tuple[bytes, ...]
    messages: tuple[Sent, ...]
    truth: Truth
    #: The options of the source.
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def began(self) -> datetime:
        """Return when the first message came."""
        return self.messages[0].at

    @property
    def seconds(self) -> float:
        """Return how long the trace lasts."""
        return (self.messages[-1].at - self.began).total_seconds()

    def since(self, seconds: float) -> datetime:
        """Return a moment by the seconds since the first message."""
        return self.began + timedelta(seconds=seconds)


def names(folder: Path) -> list[str]:
    """Return the traces of a folder that have conversations to judge by."""
    found = sorted(path.name.removesuffix(".truth.json") for path in folder.glob("*.truth.json"))
    return [name for name in found if _truth(folder, name)["conversations"]]


def load(folder: Path, name: str) -> RecordedTrace:
    """Read a recorded trace."""
    packed, plain = folder / f"{name}.ami.gz", folder / f"{name}.ami"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    return read(name, data, _truth(folder, name))


def read(name: str, data: bytes, truth: Truth) -> RecordedTrace:
    """Read a trace from its bytes, banner first; the PBX's own clock is the gateway's."""
    answers: list[bytes] = []
    messages: list[Sent] = []
    now = datetime.fromtimestamp(0, UTC)
    for raw in data[data.index(b"\r\n") + 2 :].split(END):
        if _ACTION.search(raw):
            answers.append(raw)
        elif raw and b"ActionID: log" not in raw:
            now = max(now, _time(raw) or now)
            messages.append(Sent(raw, now))
    first = next(one.at for one in messages if one.at.timestamp())
    sent = tuple(Sent(one.raw, max(one.at, first)) for one in messages)
    return RecordedTrace(name, tuple(answers), sent, truth)


def _time(raw: bytes) -> datetime | None:
    found = _TIMESTAMP.search(raw)
    return datetime.fromtimestamp(float(found[1]), UTC) if found else None


def _truth(folder: Path, name: str) -> Truth:
    found: Truth = json.loads((folder / f"{name}.truth.json").read_text())
    return found
