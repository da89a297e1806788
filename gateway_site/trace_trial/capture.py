"""Take the TCP connections out of a capture (pcap or pcapng), or take a file as the bytes of one direction. Pure."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import dpkt
import msgspec

_MAGIC: Final = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)
#: Segments of one direction that wait for an earlier one; beyond that the earlier one counts as lost.
MAXIMUM_WAITING: Final = 1_000
#: Connections of a capture; those that begin later are left out.
MAXIMUM_CONNECTIONS: Final = 10_000
_SEQUENCE: Final = 1 << 32
_LINK_TYPE_SLL2: Final = 276


class CaptureError(ValueError):
    """A file is no capture that can be read. Never worth a retry."""

    retryable = False


class CapturedChunk(msgspec.Struct, frozen=True):
    """Bytes in order. ``direction``: 0 or 1; ``at`` None: not known; ``is_after_loss``: bytes before it are missing."""

    direction: int
    data: bytes
    at: datetime | None = None
    is_after_loss: bool = False


@dataclass
class RecordedConnection:
    """One TCP connection, its chunks as they came."""

    name: str
    chunks: list[CapturedChunk] = field(default_factory=list)
    #: Packets of which the capture kept only the beginning.
    cut_packets: int = 0

    @property
    def size(self) -> int:
        """Return how many bytes both directions have."""
        return sum(len(chunk.data) for chunk in self.chunks)

    def of(self, direction: int, limit: int) -> bytes:
        """Return the first bytes of a direction."""
        found = bytearray()
        for chunk in self.chunks:
            if chunk.direction == direction and len(found) < limit:
                found += chunk.data
        return bytes(found[:limit])


def read_connections(raw: bytes) -> list[RecordedConnection]:
    """Return the connections of a file. Raises ``CaptureError``."""
    if raw[:4] not in _MAGIC:
        return [RecordedConnection("the file", [CapturedChunk(0, raw)])]
    table = _Connections()
    for seconds, packet in _packets(raw):
        if isinstance(packet.data, dpkt.tcp.TCP):
            table.take(packet, _captured_at(float(seconds)))
    return table.finished()


def _captured_at(seconds: float) -> datetime:
    """Return a packet's time; one that cannot be is that of a damaged capture."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise CaptureError(f"The capture has a packet at {seconds:g} s: it is damaged.") from error


def _packets(raw: bytes) -> Iterator[tuple[float, Any]]:
    """Yield the IP packets of a capture that can be read; the last may be cut off."""
    try:
        reader = dpkt.pcap.UniversalReader(io.BytesIO(raw))
        unpack = _LINKS.get(reader.datalink())
    except (ValueError, dpkt.UnpackError) as error:
        raise CaptureError(f"The capture cannot be read: {error}.") from error
    if unpack is None:
        raise CaptureError(f"The capture is of link type {reader.datalink()}, which is not known: use tcpdump -i any.")
    try:
        for seconds, frame in reader:
            packet = _ip_of(unpack, frame)
            if packet is not None:
                yield seconds, packet
    except (ValueError, dpkt.UnpackError):
        return  # The capture was cut off: what came before counts.


def _ip_of(unpack: Callable[[bytes], Any], frame: bytes) -> Any | None:
    try:
        packet = unpack(frame)
    except Exception:  # noqa: BLE001  (of a packet that is damaged dpkt may raise anything)
        return None
    while packet is not None and not isinstance(packet, bytes | dpkt.ip.IP | dpkt.ip6.IP6):
        packet = getattr(packet, "data", None)
    return None if isinstance(packet, bytes) else packet


def _bare_ip(frame: bytes) -> Any:
    return dpkt.ip6.IP6(frame) if frame[:1] and frame[0] >> 4 == 6 else dpkt.ip.IP(frame)


_LINKS: Final[dict[int, Callable[[bytes], Any]]] = {
    dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet,
    dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL,
    _LINK_TYPE_SLL2: dpkt.sll2.SLL2,
    dpkt.pcap.DLT_NULL: dpkt.loopback.Loopback,
    dpkt.pcap.DLT_LOOP: dpkt.loopback.Loopback,
    dpkt.pcap.DLT_RAW: _bare_ip,
    14: _bare_ip,
    101: _bare_ip,
}


class _Connections:
    def __init__(self) -> None:
        self._open: dict[tuple[tuple[bytes, int], tuple[bytes, int]], _Reassembly] = {}
        self._done: list[_Reassembly] = []

    def take(self, packet: Any, at: datetime) -> None:
        segment = packet.data
        sender, receiver = (packet.src, segment.sport), (packet.dst, segment.dport)
        key = (min(sender, receiver), max(sender, receiver))
        is_first = bool(segment.flags & dpkt.tcp.TH_SYN) and not segment.flags & dpkt.tcp.TH_ACK
        known = self._open.get(key)
        if known is None or (is_first and known.connection.chunks):
            if len(self._done) >= MAXIMUM_CONNECTIONS:
                return
            known = self._open[key] = _Reassembly(" - ".join(_address(*end) for end in key))
            self._done.append(known)
        known.connection.cut_packets += _is_cut(packet)
        known.take(0 if sender == key[0] else 1, segment, at)

    def finished(self) -> list[RecordedConnection]:
        for one in self._done:
            one.end()
        return [one.connection for one in self._done if one.connection.chunks]


class _Reassembly:
    """Puts the segments of one connection in order."""

    def __init__(self, name: str) -> None:
        self.connection = RecordedConnection(name)
        self._next: dict[int, int] = {}
        self._waiting: dict[int, dict[int, tuple[bytes, datetime]]] = {0: {}, 1: {}}

    def take(self, direction: int, segment: Any, at: datetime) -> None:
        sequence = segment.seq
        if segment.flags & dpkt.tcp.TH_SYN:
            self._next[direction] = (sequence + 1) % _SEQUENCE
            return
        data = bytes(segment.data)
        if not data:
            return
        self._next.setdefault(direction, sequence)
        waiting = self._waiting[direction]
        if len(data) > len(waiting.get(sequence, (b"", at))[0]):
            waiting[sequence] = (data, at)
        self._deliver(direction)
        if len(waiting) > MAXIMUM_WAITING:
            self._skip(direction)

    def end(self) -> None:
        """Deliver what waits: the segments before it will not come."""
        for direction in (0, 1):
            while self._waiting[direction]:
                self._skip(direction)

    def _deliver(self, direction: int, *, is_after_loss: bool = False) -> None:
        waiting = self._waiting[direction]
        while (found := self._due(direction)) is not None:
            data, at = waiting.pop(found)
            seen = _distance(found, self._next[direction])
            if seen < len(data):
                self.connection.chunks.append(CapturedChunk(direction, data[seen:], at, is_after_loss))
                self._next[direction] = (found + len(data)) % _SEQUENCE
                is_after_loss = False

    def _due(self, direction: int) -> int | None:
        """Return a segment that begins at or before the next byte."""
        following = self._next[direction]
        if following in self._waiting[direction]:
            return following
        return next((one for one in self._waiting[direction] if _distance(one, following) < _SEQUENCE // 2), None)

    def _skip(self, direction: int) -> None:
        following = self._next[direction]
        self._next[direction] = min(self._waiting[direction], key=lambda one: _distance(following, one))
        self._deliver(direction, is_after_loss=True)


def _is_cut(packet: Any) -> bool:
    """Say whether a packet was longer than what the capture kept of it (``tcpdump -s``)."""
    announced: int = packet.len - packet.hl * 4 if isinstance(packet, dpkt.ip.IP) else packet.plen
    return announced > 0 and len(packet.data) < announced


def _distance(start: int, end: int) -> int:
    return (end - start) % _SEQUENCE


def _address(host: bytes, port: int) -> str:
    return f"{dpkt.utils.inet_to_str(host)}:{port}"
