"""How fast the bytes of a link become CTI events, on one core: AMI and CSTA XML, in this process alone.

AMI: a busy hour recorded at a real Asterisk. Beside it, panoramisk's protocol on the same pieces, which makes a message
of each event and nothing more; and the floor, which cuts messages and lines and knows no meaning. The CSTA floor cuts
frames by their length.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from panoramisk.ami_protocol import AMIProtocol

from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.framing import HEADER, CstaFrame, CstaFramer, framed
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import parse
from cti.sources.port import Stamp
from devtools.bench.options import Load
from devtools.bench.result import Result
from tests.cti.ami import traces
from tests.cti.csta.pbx import config

PIECE = 16_384
AMI_ROUNDS, CSTA_ROUNDS = 40, 400
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def sources(load: Load) -> list[Result]:
    """Measure both kinds of link."""
    return [*_ami(max(round(AMI_ROUNDS * load.size), 1)), *_csta(max(round(CSTA_ROUNDS * load.size), 1))]


def _ami(rounds: int) -> list[Result]:
    data = traces.trace("m-busy-hour-15")
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    events = data.count(b"\r\n\r\nEvent: ") * rounds
    theirs = _rate("panoramisk: AMI to messages", events, rounds, lambda: _panoramisk(pieces))
    floor = _rate("bare split of the AMI bytes", events, rounds, lambda: _split(data))
    ours = _rate("AMI to CTI events", events, rounds, lambda: _read_ami(pieces))
    return [_beside(ours, theirs), _beside(ours, floor), theirs, floor]


def _read_ami(pieces: list[bytes]) -> None:
    pbx = PbxState(traces.source(), Stamp("pbx", "1"))
    reader = Reader(pbx)
    reported = 0
    for piece in pieces:
        for frame in reader.frames(piece):
            if isinstance(heard := reader.heard(frame), Heard):
                pbx.hear(heard.message, NOW)
        reported += len(pbx.taken())
    assert reported, "the trace gave no events"


class _Nobody:
    """Takes what panoramisk read, and does nothing with it."""

    save_stream = None

    def dispatch(self, _: object) -> None:
        """Take a message."""


def _panoramisk(pieces: list[bytes]) -> None:
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = _Nobody()
    protocol.version = "11"  # It need not tell the log which version it met.
    for piece in pieces:
        protocol.data_received(piece)


def _split(data: bytes) -> None:
    for message in data.split(b"\r\n\r\n"):
        for line in message.split(b"\r\n"):
            line.partition(b": ")


def _csta(rounds: int) -> list[Result]:
    folder = traces.DATA.parent.parent / "csta" / "data"
    messages = [path.read_bytes() for path in sorted(folder.glob("*/*_s2c_9999_*Event.xml"))]
    data = b"".join(framed(9999, xml) for xml in messages)
    events = len(messages) * rounds
    floor = _rate("bare split of the CSTA bytes", events, rounds, lambda: _cut(data))
    ours = _rate("CSTA XML to CTI events", events, rounds, lambda: _read_csta(data))
    return [_beside(ours, floor), floor]


def _read_csta(data: bytes) -> None:
    site = config()
    decoder, framer = Decoder(site, read_options(site), Stamp("pbx", "1")), CstaFramer()
    for at in range(0, len(data), PIECE):
        for frame in framer.feed(data[at : at + PIECE]):
            assert isinstance(frame, CstaFrame), frame
            decoder.decode(parse(frame.xml), NOW)


def _cut(data: bytes) -> None:
    at = 0
    while at < len(data):
        end = at + int.from_bytes(data[at + 2 : at + 4])
        _ = data[at + HEADER : end]
        at = end


def _rate(what: str, events: int, rounds: int, read: Callable[[], None]) -> Result:
    """Read the same bytes again and again, each time as a new link; by the CPU's clock, since others may run."""
    read()
    began = time.process_time()
    for _ in range(rounds):
        read()
    busy = time.process_time() - began
    assert busy > 0
    return Result(bench="sources", what=what, rate=events / busy, unit="events/s", cpu_seconds=busy)


def _beside(ours: Result, other: Result) -> Result:
    return Result(
        bench=ours.bench,
        what=ours.what,
        rate=ours.rate,
        unit=ours.unit,
        cpu_seconds=ours.cpu_seconds,
        against=other.what,
        ratio=ours.rate / other.rate,
    )
