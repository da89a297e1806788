"""The parts of which CSTA XML (ECMA-323) is made, and the frames of its Annex J."""

from __future__ import annotations

from xml.sax.saxutils import escape

from .habits import Habits

HEADER = 8
EVENT = 9999
NOT_KNOWN = "<notKnown/>"


def frame(invoke: int, xml: bytes) -> bytes:
    """Return a message as it goes on the wire: two zeros, the length of the whole, the invoke id, the XML."""
    return b"\0\0" + (HEADER + len(xml)).to_bytes(2) + b"%04d" % invoke + xml


def document(name: str, edition: str, *parts: str) -> bytes:
    """Return a message."""
    return f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{edition}">{"".join(parts)}</{name}>'.encode()


def tag(name: str, *parts: str) -> str:
    """Return an element around parts that are XML already."""
    return f"<{name}>{''.join(parts)}</{name}>"


def text(name: str, value: object) -> str:
    """Return an element with a text."""
    return f"<{name}>{escape(str(value))}</{name}>"


def private(**leaves: str) -> str:
    """Return extensions with private data; nothing without leaves that have a text."""
    inside = "".join(text(name, value) for name, value in leaves.items() if value)
    return tag("extensions", tag("privateData", tag("private", inside))) if inside else ""


def thread(interaction: str) -> str:
    """Return the thread id that related calls share, as call linkage data without its own element."""
    if not interaction:
        return ""
    return tag("threadData", tag("threadLinkageID", text("globallyUniqueThreadID", interaction)))


class Devices:
    """Write devices and connections as one server does; ids of its own stay the same for a call and a device."""

    def __init__(self, habits: Habits, own: frozenset[str]) -> None:
        self._habits, self._own = habits, own
        self._ids: dict[tuple[str, str], str] = {}

    def named(self, number: str, agent: str = "") -> str:
        """Return a device's text; with an agent, as ECMA-269 writes one who is there."""
        if agent:
            return f"N<{number}%{agent}>"
        return f"N<{number}>" if self._habits.written_out and number in self._own else number

    def device(self, name: str, number: str, agent: str = "") -> str:
        """Return a parameter that names a device, or says that none is known."""
        return tag(name, text("deviceIdentifier", self.named(number, agent)) if number else NOT_KNOWN)

    def connection(self, name: str, call: str, device: str) -> str:
        """Return a ConnectionID; without a device it names the call alone."""
        return tag(name, text("callID", call), text("deviceID", self.id_of(call, device)) if device else "")

    def id_of(self, call: str, device: str) -> str:
        """Return the deviceID of a connection."""
        if not self._habits.opaque or device not in self._own:
            return self.named(device)
        return self._ids.setdefault((call, device), f"0x{len(self._ids) + 4096:x}")

    def moved(self, new: tuple[str, str], old: tuple[str, str]) -> str:
        """Return an item of a connection list: who was connected as `old` is so as `new`."""
        device = new[1]
        is_own = device in self._own
        where = tag("endpoint", text("deviceID", self.named(device))) if is_own else ""
        network = "" if is_own else tag("associatedNID", text("deviceID", device))
        ends = self.connection("newConnection", *new) + self.connection("oldConnection", *old)
        return tag("connectionListItem", ends, where, network)
