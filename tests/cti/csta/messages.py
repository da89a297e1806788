"""CSTA messages that tests write, and what a decoder makes of them."""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from cti.events import CallData, CallEvent, Event
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import CstaMessageError, parse
from cti.sources.port import Stamp
from tests.cti.csta.pbx import config, xml

T = TypeVar("T")

NOW = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)


def decoder(**changes: Any) -> Decoder:
    """Return a decoder of the tests' source with changes."""
    site = config(**changes)
    return Decoder(site, read_options(site), Stamp("pbx", "1"))


def read(text: str | bytes, using: Decoder | None = None) -> list[Event]:
    """Return the events of a message."""
    root = parse(text if isinstance(text, bytes) else text.encode())
    return (using or decoder()).decode(root, NOW)


def data_of(text: str, using: Decoder | None = None) -> CallData:
    """Return what the first event of a message says of its call."""
    event = read(text, using)[0]
    assert isinstance(event, CallEvent)
    return event.data


def device(name: str, text: str) -> str:
    """Return an element that names a device."""
    return f"<{name}><deviceIdentifier>{text}</deviceIdentifier></{name}>"


def connection(name: str, call: str = "C1", at: str = "2001") -> str:
    """Return an element that names a connection."""
    return f"<{name}><callID>{call}</callID><deviceID>{at}</deviceID></{name}>"


def established(at: str = "2001", answering: str = "2001", more: str = "", call: str = "C1") -> str:
    """Return an EstablishedEvent."""
    body = connection("establishedConnection", call, at) + device("answeringDevice", answering) + more
    return xml("EstablishedEvent", f"<monitorCrossRefID>7001</monitorCrossRefID>{body}")


def private(inside: str) -> str:
    """Return private data."""
    return f"<extensions><privateData><private>{inside}</private></privateData></extensions>"


def agent(name: str, body: str) -> str:
    """Return a message about an agent."""
    return xml(name, f"<monitorCrossRefID>7001</monitorCrossRefID>{body}")


def growth(message: Callable[[int], T], read: Callable[[T], object]) -> float:
    """Return how many times the CPU time of a message of 8,000 bytes one of 64,000 takes.

    About 8 where the reading is linear, 64 where it is quadratic, on whatever machine.
    """
    return _least_cpu_seconds(message(64_000), read) / _least_cpu_seconds(message(8_000), read)


def _least_cpu_seconds(message: T, read: Callable[[T], object]) -> float:
    # The best of five: what the garbage collector or a neighbour took is not the message's.
    return min(_cpu_seconds(message, read) for _ in range(5))


def _cpu_seconds(message: T, read: Callable[[T], object]) -> float:
    begin = time.process_time()
    with contextlib.suppress(CstaMessageError):
        read(message)
    return time.process_time() - begin


LINEAR = 20
"""More than this is more than linear growth, whatever else the machine does."""


def hostile_bodies(size: int = 64_000) -> dict[str, str]:
    """Return bodies of about `size` bytes, each the worst that it can be for one part of the reading."""
    return {
        "spaces in user data": f"<userData><string>{'20' * (size // 2)}</string></userData>",
        "pairs": f"<userData><string>{b'a=b;'.hex() * (size // 8)}</string></userData>",
        "leaves": private("<k>v</k>" * (size // 8)),
        "depth": "<a>" * (size // 7) + "</a>" * (size // 7),
        "attributes": "<a " + " ".join(f"b{n}=''" for n in range(size // 9)) + "/>",
        "namespaces": "<a " + " ".join(f"xmlns:b{n}='{n}'" for n in range(size // 20)) + "/>",
        "device": device("callingDevice", "N&lt;" * (size // 5)),
        "address": device("callingDevice", "sip:" + "%2" * (size // 2)),
        "children": "<b/>" * (size // 4),
        "list": f"<conferenceConnections>{'<connectionListItem/>' * (size // 21)}</conferenceConnections>",
    }
