"""Write captures as tcpdump does, of recorded traffic."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import dpkt

PBX, GATEWAY = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"
#: When a capture begins, in Unix time: 2026-11-23 05:00 UTC.
BEGIN = 1795410000.0
SYN, ACK, PUSH = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK, dpkt.tcp.TH_PUSH


@dataclass
class Wire:
    """One TCP connection between the PBX and the gateway; packets are collected with their times."""

    port: int = 5038
    client_port: int = 40000
    link: type[dpkt.Packet] = dpkt.ethernet.Ethernet
    first_sequence: int = 0xFFFF_FF00  # The sequence numbers wrap.

    def __post_init__(self) -> None:
        self.packets: list[tuple[float, bytes]] = []
        self._sequence = {True: self.first_sequence, False: 1000}

    def open(self, at: float = BEGIN) -> None:
        """Shake hands."""
        self._segment(b"", SYN, at, is_pbx=False)
        self._segment(b"", SYN | ACK, at, is_pbx=True)
        for side in self._sequence:
            self._sequence[side] = (self._sequence[side] + 1) % 2**32

    def say(self, data: bytes, at: float, *, is_pbx: bool = True, piece: int = 700) -> None:
        """Send bytes in segments."""
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            self._segment(part, PUSH | ACK, at, is_pbx=is_pbx)
            self._sequence[is_pbx] = (self._sequence[is_pbx] + len(part)) % 2**32

    def _segment(self, data: bytes, flags: int, at: float, *, is_pbx: bool) -> None:
        source, target = (PBX, GATEWAY) if is_pbx else (GATEWAY, PBX)
        ports = (self.port, self.client_port) if is_pbx else (self.client_port, self.port)
        tcp = dpkt.tcp.TCP(sport=ports[0], dport=ports[1], seq=self._sequence[is_pbx], flags=flags, data=data)
        packet = dpkt.ip.IP(src=source, dst=target, p=dpkt.ip.IP_PROTO_TCP, data=tcp)
        packet.len = len(packet)
        self.packets.append((at, self._framed(packet)))

    def _framed(self, packet: dpkt.ip.IP) -> bytes:
        if self.link is dpkt.ip.IP:
            return bytes(packet)
        if self.link is dpkt.sll.SLL:
            return bytes(dpkt.sll.SLL(ethtype=dpkt.ethernet.ETH_TYPE_IP, data=packet))
        return bytes(dpkt.ethernet.Ethernet(type=dpkt.ethernet.ETH_TYPE_IP, data=packet))

    def capture(self) -> bytes:
        """Return the file."""
        return capture(self.packets, self.link)


LINK_TYPES = {dpkt.ethernet.Ethernet: 1, dpkt.sll.SLL: 113, dpkt.ip.IP: 101}


def capture(
    packets: Sequence[tuple[float, bytes]],
    link: type[dpkt.Packet] = dpkt.ethernet.Ethernet,
    writer: type[dpkt.pcap.Writer] = dpkt.pcap.Writer,
) -> bytes:
    """Return a file of packets."""
    file = io.BytesIO()
    written = writer(file, linktype=LINK_TYPES[link])
    for at, packet in packets:
        written.writepkt(packet, ts=at)
    return file.getvalue()
