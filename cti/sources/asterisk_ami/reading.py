"""From bytes to the messages worth reading: cut, reassemble, skip, parse. Pure."""

import re

from cti.sources.asterisk_ami.answers import OUTCOME
from cti.sources.asterisk_ami.framing import BANNER, AmiFrame, AmiFrameError, AmiFramer
from cti.sources.asterisk_ami.messages import AmiMessage, AmiMessageError, event_name, parse
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reassembly import NotAMessage, Reassembler
from cti.sources.character_sets import decoded
from cti.sources.port import Quarantined

#: What the answers to a snapshot's actions are made of.
LISTED = frozenset(
    {
        "CoreShowChannel",
        "CoreShowChannelsComplete",
        "QueueParams",
        "QueueMember",
        "QueueEntry",
        "QueueStatusComplete",
        "BridgeListItem",
        "BridgeListComplete",
        "BridgeInfoChannel",
        "BridgeInfoComplete",
        "Agents",
        "AgentsComplete",
    }
)
_ALSO = frozenset({"FullyBooted", "Shutdown", OUTCOME})
#: Maximum part of a message that is kept to show, in bytes.
_EXCERPT = 8192
_CALL = re.compile(rb"\r\nLinkedid: ([^\r]{1,200})")


class Heard:
    """A message and its place in the stream."""

    __slots__ = ("message", "offset", "raw")

    def __init__(self, message: AmiMessage, frame: AmiFrame) -> None:
        self.message, self.raw, self.offset = message, frame.raw, frame.offset

    def refused(self, error: AmiMessageError) -> Quarantined:
        """Return the message as a refused one."""
        call = self.message.last("Linkedid") or self.message.last("Uniqueid")
        return quarantined(self.raw, "message", str(error), self.offset, call)


class Reader:
    """Read the bytes of one link."""

    def __init__(self, pbx: PbxState) -> None:
        self._pbx, self._encoding = pbx, pbx.options.encoding
        self._framer = AmiFramer()
        self._reassembler = Reassembler(pbx.channel_table.uid_of, self._encoding)
        self._is_wanted: dict[bytes, bool] = {}
        #: Why this PBX cannot be followed, as its banner shows; empty where it can.
        self.refusal = ""

    def feed(self, data: bytes) -> list[Heard | Quarantined]:
        """Return the messages worth reading that ``data`` completes, and those that cannot be read, in order.

        The reassembler must know each channel when the next frame comes; so take them one by one with ``heard``.
        """
        return [one for frame in self.frames(data) if (one := self.heard(frame)) is not None]

    def frames(self, data: bytes) -> list[AmiFrame | AmiFrameError]:
        """Cut bytes into frames."""
        return self._framer.feed(data)

    def heard(self, frame: AmiFrame | AmiFrameError) -> Heard | Quarantined | None:
        """Read one frame; None when it is not worth reading."""
        if isinstance(frame, AmiFrameError):
            return quarantined(frame.raw, "frame", frame.error, frame.offset)
        if frame.raw.startswith(BANNER):
            return self._greeted(frame)
        if self.refusal:
            return None
        whole = self._reassembler.pass_on(frame)
        if isinstance(whole, NotAMessage):
            return quarantined(frame.raw, "message", whole.error, frame.offset, call="")
        if whole is None or not self._is_worth_reading(whole.raw):
            return None
        return self._parsed(whole)

    def _greeted(self, frame: AmiFrame) -> Quarantined | None:
        """Read the banner; of a PBX that is too old one refusal is kept, and nothing more is read."""
        self.refusal = too_old(frame.raw)
        return quarantined(frame.raw, "frame", self.refusal, frame.offset) if self.refusal else None

    def _is_worth_reading(self, raw: bytes) -> bool:
        head = raw[: raw.find(b"\r\n")]
        wanted = self._is_wanted.get(head)
        if wanted is None:
            name = event_name(raw)
            wanted = not name or name in LISTED or name in _ALSO or self._pbx.hears(name)
            if len(self._is_wanted) < 1000:
                self._is_wanted[head] = wanted
        if wanted and head == b"Event: VarSet":
            return self._is_variable_wanted(raw)
        return wanted

    def _is_variable_wanted(self, raw: bytes) -> bool:
        start = raw.rfind(b"\r\nVariable: ")
        end = raw.find(b"\r\n", start + 2)
        return decoded(raw[start + 12 : end].lstrip(b"_"), self._encoding) in self._pbx.variables.names

    def _parsed(self, frame: AmiFrame) -> Heard | Quarantined:
        try:
            return Heard(parse(frame.raw, self._encoding), frame)
        except AmiMessageError as error:
            return quarantined(frame.raw, "message", str(error), frame.offset)


def too_old(banner: bytes) -> str:
    """Return why the PBX of a banner cannot be followed, empty where it can: AMI 1 (Asterisk 11) has no bridges."""
    version = banner[len(BANNER) :].split(b".")[0]
    if version.isdigit() and int(version) < 2:
        said = banner[len(BANNER) :].decode("ascii", "replace")[:20]
        return f"Asterisk older than 13 is not supported: this one speaks AMI {said}"
    return ""


def quarantined(raw: bytes, kind: str, error: str, offset: int, call: str | None = None) -> Quarantined:
    """Return a message that could not be read, with its place in the stream and its call where it names one."""
    found = _CALL.search(raw) if call is None else None
    named = decoded(found[1]) if found else call or ""
    return Quarantined(raw=raw[:_EXCERPT], kind=kind, error=error, place=f"byte {offset}", call=named[:255])
