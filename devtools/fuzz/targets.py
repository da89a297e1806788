"""What is fuzzed: the readers of foreign bytes, each with its typed errors, and real traffic to begin from."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from cti.events import EventError, decode, encode
from cti.sources.asterisk_ami.messages import AmiMessageError as AmiError
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.asterisk_ami.snapshot import ACTIONS, Lists, take, uncovered_bridges
from cti.sources.asterisk_ami.values import EventTime
from cti.sources.csta_xml.agents import read_agent_states
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.framing import CstaFrame, CstaFramer, framed
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import CstaMessageError as CstaError
from cti.sources.csta_xml.parsing import parse
from cti.sources.csta_xml.reading import read_message
from cti.sources.csta_xml.segments import Segments
from cti.sources.csta_xml.snapshot import entries_in, promised, read_call_snapshot, read_device_snapshot
from cti.sources.port import Stamp
from tests.cti.ami import traces
from tests.cti.csta.pbx import config

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CSTA_SAMPLES = traces.DATA.parent.parent / "csta" / "data"
#: Longer traces hold nothing new for a fuzzer, and cost it time.
MAXIMUM_LENGTH = 65_536


@dataclass(frozen=True)
class Target:
    """``read`` raises nothing, whatever the bytes; ``seeds``: real traffic."""

    read: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def _read_csta(xml: bytes) -> None:
    site = config()
    with suppress(CstaError):
        for event in Decoder(site, read_options(site), Stamp("pbx", "1")).decode(read_message(xml).root, NOW):
            encode(event)


def _read_answers(xml: bytes) -> None:
    """Read a message as each answer that the session asks for, and as a segment of a snapshot."""
    with suppress(CstaError):
        root = parse(xml)
        promised(root)
        read_agent_states(root)
        segments = Segments(1, 1)
        for promise in (b"<SnapshotDeviceResponse/>", b"<SnapshotCallResponse/>"):
            segments.expect(parse(promise), "7")
        segments.take(root, len(xml))
    with suppress(CstaError):
        root = parse(xml)
        read_device_snapshot(entries_in(root))
        read_call_snapshot(root, entries_in(root))


def _read_frames(data: bytes) -> None:
    framer = CstaFramer()
    for at in range(0, len(data), 1000):
        for frame in framer.feed(data[at : at + 1000]):
            if isinstance(frame, CstaFrame):
                _read_csta(frame.xml)


def _read_ami(data: bytes) -> None:
    pbx = PbxState(traces.source(), Stamp("pbx", "1"))
    reader = Reader(pbx)
    for frame in reader.frames(data):
        heard = reader.heard(frame)
        if isinstance(heard, Heard):
            _hear(pbx, heard)
    for event in pbx.taken():
        encode(event)


def _read_lists(data: bytes) -> None:
    """Read every message as an item of the snapshot's lists, and then as an event beside it."""
    pbx = PbxState(traces.source(), Stamp("pbx", "1"))
    reader, lists = Reader(pbx), Lists(complete=set(ACTIONS))
    heard = [one for one in map(reader.heard, reader.frames(data)) if isinstance(one, Heard)]
    for one in heard:
        lists.add(one.message)
    uncovered_bridges(lists)
    take(pbx, lists, EventTime(NOW, NOW))
    for one in heard:
        _hear(pbx, one)
    pbx.settle(NOW)
    for event in pbx.taken():
        encode(event)


def _hear(pbx: PbxState, heard: Heard) -> None:
    try:
        pbx.hear(heard.message, NOW)
    except AmiError as error:
        heard.refused(error)


def _read_event(data: bytes) -> None:
    with suppress(EventError):
        encode(decode(data))


def _messages() -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(CSTA_SAMPLES.glob("*/*.xml")))


def _answers() -> Iterator[bytes]:
    for one in (path.read_bytes() for path in sorted(CSTA_SAMPLES.glob("*/*Response.xml"))):
        yield one
        for kind in (b"Device", b"Call"):
            head = b"<serviceCrossRefID>7</serviceCrossRefID><segmentID>1</segmentID><lastSegment>true</lastSegment>"
            if b"Snapshot" + kind + b"Response" in one:
                data = one.partition(b"<snapshotData>")[2].partition(b"</snapshotData>")[0]
                name = b"Snapshot" + kind + b"Data"
                yield b"<" + name + b">" + head + b"<snapshotData>" + data + b"</snapshotData></" + name + b">"


def _traces() -> Iterator[bytes]:
    return (traces.trace(name)[:MAXIMUM_LENGTH] for name in traces.NAMES)


def _lists() -> Iterator[bytes]:
    """Yield what recorded snapshots listed, banner first."""
    for name in traces.NAMES:
        messages = traces.trace(name).split(b"\r\n\r\n")
        listed = [one for one in messages if b"ActionID: snap-" in one or b"ActionID: resnap-" in one]
        yield b"Asterisk Call Manager/11.0.0\r\n" + b"".join(one + b"\r\n\r\n" for one in listed)[:MAXIMUM_LENGTH]


def _events() -> Iterator[bytes]:
    site = config()
    decoder = Decoder(site, read_options(site), Stamp("pbx", "1"))
    for path in sorted(CSTA_SAMPLES.glob("*/*_s2c_9999_*Event.xml")):
        yield from (encode(event) for event in decoder.decode(parse(path.read_bytes()), NOW))


TARGETS = {
    "csta": Target(_read_csta, _messages),
    "csta-answers": Target(_read_answers, _answers),
    "csta-frames": Target(_read_frames, lambda: (framed(9999, one) for one in _messages())),
    "ami": Target(_read_ami, _traces),
    "ami-lists": Target(_read_lists, _lists),
    "http": Target(_read_event, _events),
}
