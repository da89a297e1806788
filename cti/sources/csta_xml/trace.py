"""Read a recorded CSTA link, both directions or the server's alone. Pure."""

import re
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from cti.sources.csta_xml.agents import read_agent_states
from cti.sources.csta_xml.bounded_cache import BoundedCache
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.devices import device_of, read_device
from cti.sources.csta_xml.framing import CstaFrame, CstaFrameError, CstaFramer
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import CstaMessageError, XmlElement, children, descend, local, text_of
from cti.sources.csta_xml.reading import read_message
from cti.sources.port import Quarantined, SourceConfig, Stamp
from cti.sources.trace import Trace, TraceClock, seen_devices

#: A frame's header, and the beginning of its XML: a byte order mark, white space, or UTF-16 may stand there.
_HEADER = re.compile(rb"\x00\x00[\x00-\xff]{2}[0-9]{4}(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\x00]*<")
#: Requests that are remembered until their answer comes.
_ASKED = 10_000


class _Timed(msgspec.Struct, frozen=True):
    direction: int
    frame: CstaFrame
    at: datetime | None


@dataclass
class _Stream:
    """The frames of one direction, and how many bytes they were cut from."""

    framer: CstaFramer = field(default_factory=CstaFramer)
    size: int = 0


class CstaTrace:
    """A ``TraceReader``; a capture may begin and break off anywhere. Raises ``CstaOptionsError``."""

    def __init__(self, config: SourceConfig, stamp: Stamp) -> None:
        self._config, self._stamp, self._options = config, stamp, read_options(config)
        self._streams: dict[int, _Stream] = {}
        self._frames: list[_Timed] = []
        self._trace = Trace()
        self._clock = TraceClock()
        self._asked: BoundedCache[tuple[int, int], XmlElement] = BoundedCache(_ASKED)

    def speaks(self, head: bytes) -> bool:
        """Say whether bytes have a frame of ECMA-323 Annex J."""
        return _HEADER.search(head) is not None

    def feed(self, direction: int, data: bytes, at: datetime | None) -> None:
        """Cut bytes into frames; where no frame is expected, the next header is looked for."""
        while data:
            if direction not in self._streams:
                header = _HEADER.search(data)
                if header is None:
                    return
                data = data[header.start() :]
                self._streams[direction] = _Stream()
            data = self._cut(direction, data, at)

    def _cut(self, direction: int, data: bytes, at: datetime | None) -> bytes:
        """Take the frames in ``data``; return what comes after the header of a broken one."""
        stream = self._streams[direction]
        before, stream.size = stream.size, stream.size + len(data)
        for one in stream.framer.feed(data):
            if isinstance(one, CstaFrameError):
                self._trace.quarantined.append(Quarantined(one.raw, "frame", one.error, one.place))
                self.lost(direction)
                return data[max(0, one.offset - before + 1) :]
            self._frames.append(_Timed(direction, one, at))
        return b""

    def lost(self, direction: int) -> None:
        """Look for the next header: bytes are missing."""
        self._streams.pop(direction, None)

    def end(self) -> Trace:
        """Decode all frames, first those that say which devices are monitored."""
        messages = [(one, root) for one in self._frames if (root := self._read(one)) is not None]
        config = self._with_devices([root for _, root in messages])
        self._decoder = Decoder(config, self._options, self._stamp)
        for one, root in messages:
            self._follow(one, root)
        ignored = frozenset(read_device(device).number for device in self._options.ignored_devices)
        self._trace.is_timed = self._clock.is_timed
        self._trace.monitored = config.devices
        self._trace.devices = seen_devices(self._trace.events, config, ignored)
        return self._trace

    def _read(self, one: _Timed) -> XmlElement | None:
        try:
            found = read_message(one.frame.xml, self._options.encoding)
        except CstaMessageError as error:
            self._refuse(one, error)
            return None
        if found.repaired is not None:
            self._refuse(one, found.repaired)
        return found.root

    def _refuse(self, one: _Timed, error: CstaMessageError) -> None:
        place = f"{one.frame.place}, {error.place}" if error.place else one.frame.place
        self._trace.quarantined.append(Quarantined(one.frame.xml, error.kind, str(error), place))

    def _with_devices(self, roots: list[XmlElement]) -> SourceConfig:
        """Return the source; one that lists no devices is given those that the trace's client monitored."""
        if self._config.devices:
            return self._config
        asked = [device_of(children(root).get("monitorObject")).number for root in roots if _is(root, "MonitorStart")]
        monitored = tuple(dict.fromkeys(one for one in asked if one and one not in self._config.queues))
        if monitored:
            self._trace.remarks.append(f"The devices are the {len(monitored)} that the client of the trace monitored.")
        else:
            self._trace.remarks.append(
                "The source lists no devices: every device that is no queue counts as an extension."
            )
        return msgspec.structs.replace(self._config, devices=monitored)

    def _follow(self, one: _Timed, root: XmlElement) -> None:
        at = self._clock.time(one.at)
        name = local(root.tag)
        if name == "MonitorStartResponse":
            self._monitored(one, root)
        elif name == "GetAgentStateResponse":
            self._logged_on(one, root, at)
        elif not name.endswith("Event"):
            self._asked.put((one.direction, one.frame.invoke), root)
        else:
            self._decode(one, root, at)
            return
        self._trace.ignored[name] += 1

    def _decode(self, one: _Timed, root: XmlElement, at: datetime) -> None:
        try:
            events = self._decoder.decode(root, at)
        except CstaMessageError as error:
            self._refuse(one, error)
            return
        self._trace.events += events
        if not events:
            self._trace.ignored[local(root.tag)] += 1

    def _monitored(self, one: _Timed, root: XmlElement) -> None:
        asked = self._asked.get((1 - one.direction, one.frame.invoke))
        fields = children(root)
        monitor = text_of(fields.get("monitorCrossRefID", fields.get("crossRefIdentifier")))
        if asked is not None and monitor and _is(asked, "MonitorStart"):
            self._decoder.monitors[monitor] = self._decoder.device(children(asked).get("monitorObject"))

    def _logged_on(self, one: _Timed, root: XmlElement, at: datetime) -> None:
        asked = self._asked.get((1 - one.direction, one.frame.invoke))
        device = self._decoder.device(descend(asked, "device")) if asked is not None else ""
        for state in read_agent_states(root) if device else ():
            self._trace.events += self._decoder.logged_on(state, device, at)


def _is(root: XmlElement, name: str) -> bool:
    return local(root.tag) == name
