"""AMI messages as an Asterisk writes them. Pure."""

from dataclasses import dataclass
from datetime import datetime

#: What the numbers of a channel's state mean.
STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}


@dataclass(eq=False)
class SimulatedChannel:
    """A channel. ``bridge``: where it is, "" where it is in none; ``application``: what it executes."""

    name: str
    uid: str
    linked: str
    number: str = "<unknown>"
    state: int = 0
    context: str = "from-internal"
    exten: str = "s"
    bridge: str = ""
    application: str = ""


def fields_in(raw: bytes) -> dict[str, str]:
    """Read the keys and values of an action."""
    pairs = (line.partition(": ") for line in raw.decode("utf-8", "replace").split("\r\n"))
    return {key: value for key, colon, value in pairs if colon}


def written(fields: dict[str, object]) -> bytes:
    """Write a message."""
    return ("".join(f"{key}: {value}\r\n" for key, value in fields.items()) + "\r\n").encode()


def event(name: str, at: datetime, *parts: dict[str, object]) -> bytes:
    """Write an event."""
    fields: dict[str, object] = {"Event": name, "Privilege": "call,all", "Timestamp": f"{at.timestamp():.6f}"}
    for part in parts:
        fields |= part
    return written(fields)


def shown(channel: SimulatedChannel, prefix: str = "") -> dict[str, object]:
    """Return the keys that show a channel, in Asterisk's order."""
    keys: dict[str, object] = {
        "Channel": channel.name,
        "ChannelState": channel.state,
        "ChannelStateDesc": STATES[channel.state],
        "CallerIDNum": channel.number,
        "CallerIDName": "<unknown>",
        "ConnectedLineNum": "<unknown>",
        "ConnectedLineName": "<unknown>",
        "Language": "en",
        "AccountCode": "",
        "Context": channel.context,
        "Exten": channel.exten,
        "Priority": 1,
        "Uniqueid": channel.uid,
        "Linkedid": channel.linked,
    }
    return {prefix + key: value for key, value in keys.items()}


def in_bridge(bridge: str) -> dict[str, object]:
    """Return the keys that show a bridge."""
    return {
        "BridgeUniqueid": bridge,
        "BridgeType": "basic",
        "BridgeTechnology": "simple_bridge",
        "BridgeCreator": "<unknown>",
        "BridgeName": "<unknown>",
        "BridgeNumChannels": 2,
        "BridgeVideoSourceMode": "none",
    }
