"""Channels of an Asterisk and the events of its Manager Interface, in Asterisk's own order of keys."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Any

UP, RINGING, RING = 6, 5, 4
STATES = {0: "Down", RING: "Ring", RINGING: "Ringing", UP: "Up"}
NOBODY = "<unknown>"
#: The seconds in a Uniqueid of second 0.
EPOCH = 1_772_452_800


def uniqueid_seconds(at: float) -> int:
    """Return the seconds in the Uniqueid of a channel that begins at a moment of the world."""
    return EPOCH + floor(at)


@dataclass(eq=False)
class Line:
    """Hold one channel."""

    name: str
    uid: str
    linked: str
    number: str = NOBODY
    caller: str = NOBODY
    context: str = "internal"
    exten: str = "s"
    state: int = 0
    application: str = ""
    application_data: str = ""

    def runs(self, application: str, data: str) -> None:
        """Note the application that the channel is in now."""
        self.application, self.application_data = application, data

    def block(self, prefix: str = "") -> dict[str, Any]:
        """Return the keys that show this channel."""
        keys = {
            "Channel": self.name,
            "ChannelState": self.state,
            "ChannelStateDesc": STATES[self.state],
            "CallerIDNum": self.number,
            "CallerIDName": self.caller.replace("'", "\\'"),
            "ConnectedLineNum": NOBODY,
            "ConnectedLineName": NOBODY,
            "Language": "en",
            "AccountCode": "",
            "Context": self.context,
            "Exten": self.exten,
            "Priority": 1,
            "Uniqueid": self.uid,
            "Linkedid": self.linked,
        }
        return {prefix + key: value for key, value in keys.items()}


def place(bridge: str) -> dict[str, Any]:
    """Return a bridge's keys."""
    return {"BridgeUniqueid": bridge, "BridgeType": "basic", "BridgeTechnology": "simple_bridge"}


def written(*blocks: dict[str, Any]) -> str:
    """Return blocks of keys as one message."""
    return "".join(f"{key}: {value}\r\n" for block in blocks for key, value in block.items()) + "\r\n"


class Saying:
    """Write events, each a little after the one before; `now` is the PBX's clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self._said: list[str] = []

    def at(self, now: float) -> None:
        """Set the clock; it does not run backwards."""
        self.now = max(now, self.now)

    def says(self, event: str, *blocks: dict[str, Any], **fields: Any) -> None:
        """Write one event."""
        head = {"Event": event, "Privilege": "call,all", "Timestamp": f"{self.now:.6f}"}
        self._said.append(written(head, *blocks, fields))
        self.now += 0.00005

    def taken(self) -> bytes:
        """Return what was said since the last call."""
        said, self._said = "".join(self._said), []
        return said.encode()
