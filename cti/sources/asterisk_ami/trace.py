"""Read a recorded AMI link: the PBX's direction of it. Pure."""

from datetime import datetime, timedelta

from cti.events import Established
from cti.sources.asterisk_ami.framing import BANNER, AmiFrame, AmiFrameError
from cti.sources.asterisk_ami.messages import AmiMessageError, event_name
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import LISTED, Heard, Reader
from cti.sources.asterisk_ami.rights import RightsWatch, is_denied
from cti.sources.asterisk_ami.snapshot import Lists, take
from cti.sources.asterisk_ami.values import ChannelKind
from cti.sources.port import Quarantined, SourceConfig, Stamp
from cti.sources.trace import Trace, TraceClock, TracedDevice

#: Interval at which the session looks at the time while something is undecided.
TICK = timedelta(seconds=0.1)
#: Maximum difference between two clocks that is taken for drift.
CLOCK_TOLERANCE = timedelta(seconds=2)
_KINDS = {
    ChannelKind.EXTENSION: "extension",
    ChannelKind.OUTSIDE: "outside",
    ChannelKind.LOCAL: "nobody",
    ChannelKind.MACHINE: "nobody",
}


#: Events that only AMI 1 has.
_OLD = frozenset({"Dial", "Bridge", "Join", "Link", "Unlink", "Masquerade"})
_BARE_LINES = "Its lines end without CR, as in the log of a terminal: they were read as if they had it."
_UNKNOWN = (
    "Messages about channels that the trace does not show before: {:,}. Capture from before the calls, with a user who "
    "gets the class call and no eventfilter that drops Newchannel."
)
_NOT_LOGGED_IN = "The PBX refused the login of the client (Authentication failed): it sends nothing of a call."
_NO_CHANNEL = "It names no channel: the trace has no call, or its user gets no events of the class call."


class AmiTrace:
    """A ``TraceReader``. Raises ``AmiOptionsError``."""

    def __init__(self, config: SourceConfig, stamp: Stamp) -> None:
        self._config, self._picture = config, PbxState(config, stamp)
        self._reader = Reader(self._picture)
        self._lists: Lists | None = Lists()
        self._clock, self._trace = TraceClock(), Trace()
        self._last: datetime | None = None
        self._rights = RightsWatch(config.username, timedelta.max)
        #: Refused actions, and messages about channels that were not shown before.
        self._denied = self._unknown = 0
        self._has_bare_lines: bool | None = None
        self._is_login_refused = False

    def speaks(self, head: bytes) -> bool:
        """Say whether bytes are what a PBX sends."""
        return head.startswith((BANNER, b"Event: ")) or b"\nEvent: " in head

    def feed(self, direction: int, data: bytes, at: datetime | None) -> None:  # noqa: ARG002  (only the PBX speaks)
        """Read messages one by one: what one says decides how the next is read."""
        if self._has_bare_lines is None:
            self._has_bare_lines = b"\r\n" not in data and b"\n" in data
        for frame in self._reader.frames(data.replace(b"\n", b"\r\n") if self._has_bare_lines else data):
            self._take(frame, at)

    def lost(self, direction: int) -> None:
        """Go on: a message that was torn is quarantined, and the next one found by its blank line."""

    def _take(self, frame: AmiFrame | AmiFrameError, at: datetime | None) -> None:
        heard = self._reader.heard(frame)
        if isinstance(heard, Quarantined):
            self._trace.quarantined.append(heard)
        elif heard is not None:
            self._hear(heard, at)
        elif isinstance(frame, AmiFrame) and (name := event_name(frame.raw)):
            self._trace.ignored[name] += 1

    def _hear(self, heard: Heard, captured: datetime | None) -> None:
        name = heard.message.get("Event")
        if name in LISTED or not self._picture.hears(name):
            self._list(heard, name)
            return
        at = self._clock.time(captured, heard.message.time())
        self._take_snapshot(at, heard.message.time())
        if self._picture.is_waiting and self._last is not None and at - self._last > TICK:
            self._picture.wait(self._last + TICK)
        self._last = at
        known = self._picture.channel_table.channels
        self._unknown += "Uniqueid" in heard.message.first and name != "Newchannel" and _uid(heard) not in known
        self._rights.hear(heard.message, known)
        try:
            self._picture.hear(heard.message, at)
        except AmiMessageError as error:
            self._trace.quarantined.append(heard.refused(error))
        self._trace.events += self._picture.taken()

    def _list(self, heard: Heard, name: str) -> None:
        """Take an answer to a client's question; those that came before the first event are a snapshot."""
        self._trace.ignored[name or "Response"] += 1
        self._denied += is_denied(heard.message)
        self._is_login_refused |= "authentication failed" in heard.message.get("Message").lower()
        if self._lists is None or name not in LISTED:
            return
        if heard.message.get("EventList").lower() == "complete":
            self._lists.complete.add(name.removesuffix("Complete"))
        else:
            self._lists.add(heard.message)

    def _take_snapshot(self, at: datetime, sent: datetime | None) -> None:
        if self._lists is None:
            return
        lists, self._lists = self._lists, None
        if lists.complete:
            for message, error in take(self._picture, lists, self._picture.clock.read(sent, at)):
                raw = "".join(f"{key}: {value}\r\n" for key, value in message.pairs).encode()
                self._trace.quarantined.append(Quarantined(raw, "message", str(error)))

    def end(self) -> Trace:
        """Decide what waits for more, and return what the trace says."""
        if self._reader.refusal:
            self._trace.remarks.append(f"{self._reader.refusal}.")
        self._trace.remarks += _clock_remarks(self._picture.clock.ahead)
        self._picture.settle((self._last or self._clock.time(None)) + TICK)
        self._trace.events += self._picture.taken()
        self._trace.remarks += self._what_is_missing()
        self._trace.devices = [*self._peers(), *(TracedDevice(one, "queue", "listed") for one in self._config.queues)]
        return self._trace

    def _what_is_missing(self) -> list[str]:
        """Say what the trace itself shows of a bad capture, of missing rights, and why nobody is connected."""
        said = [_BARE_LINES] if self._has_bare_lines else []
        if self._denied:
            actions = "1 action" if self._denied == 1 else f"{self._denied:,} actions"
            said.append(f"The PBX refused {actions} of the client (Permission denied).")
        if self._reader.refusal or any(isinstance(event, Established) for event in self._trace.events):
            return said
        if old := sorted(_OLD & self._trace.ignored.keys()):
            return [*said, f"Asterisk older than 13 is not supported, and these are its events: {', '.join(old)}."]
        if self._unknown:
            return [*said, _UNKNOWN.format(self._unknown)]
        if (dropped := self._rights.dropped(1)) is not None:
            return [*said, f"{dropped.reason}. {dropped.remedy}."]
        if self._trace.devices or self._picture.channel_table.newest:
            return said
        return [*said, _NOT_LOGGED_IN if self._is_login_refused else _NO_CHANNEL]

    def _peers(self) -> list[TracedDevice]:
        verdicts = self._picture.classifier.verdicts()
        return [
            TracedDevice(str(peer), _KINDS[verdict.kind], verdict.reason)
            for peer, verdict in sorted(verdicts.items(), key=lambda item: str(item[0]))
        ]


def _uid(heard: Heard) -> str:
    return heard.message.last("Uniqueid")


def _clock_remarks(ahead: timedelta) -> list[str]:
    """Say that the PBX's clock is not that of the capture, where that is more than drift."""
    if abs(ahead) < CLOCK_TOLERANCE:
        return []
    side = "ahead of" if ahead > timedelta(0) else "behind"
    seconds = f"{abs(ahead).total_seconds():,.0f} s"
    return [f"The PBX's clock is {seconds} {side} that of the capture, and legs have the PBX's times: set both by NTP."]
