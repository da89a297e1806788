"""Put messages together again that a caller's number has torn.

CR LF CR LF in a caller's number ends the message in which it stands, so that what follows looks like messages of its
own: forged events, then the true message's rest. A message about a channel that ends before its Uniqueid is such a torn
head. What comes then is forged until the rest arrives, which bears the channel's Uniqueid; head and rest are one
message. Pure.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cti.sources.asterisk_ami.framing import Frame
from cti.sources.asterisk_ami.messages import event_name

#: Events that show a whole channel, so that one without Uniqueid is torn.
SHOWING = frozenset({
    "Newchannel", "NewCallerid", "Newstate", "Newexten", "NewConnectedLine", "NewAccountCode", "Hangup", "VarSet",
    "HangupRequest", "SoftHangupRequest", "MusicOnHoldStart", "MusicOnHoldStop", "Hold", "Unhold", "BridgeEnter",
    "BridgeLeave", "DialBegin", "DialState", "DialEnd", "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon",
    "AgentCalled", "AgentConnect", "AgentComplete", "AgentRingNoAnswer", "AgentDump", "AgentLogin", "AgentLogoff",
    "ConfbridgeJoin", "ConfbridgeLeave", "DTMFBegin", "DTMFEnd", "ChannelTalkingStart", "ChannelTalkingStop",
    "RTCPSent", "RTCPReceived", "HangupHandlerRun", "HangupHandlerPush",
})  # fmt: skip
#: So much is taken for forged at most.
PATIENCE = 64
_REST = (b"Context: ", b"\r\nPriority: ", b"\r\nUniqueid: ", b"\r\nLinkedid: ")


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that is no message of Asterisk's."""

    frame: Frame
    error: str


class Mender:
    """Pass frames on; hold back what stands between a torn head and its rest."""

    def __init__(self, uid_of: Callable[[str], str | None]) -> None:
        self._uid_of = uid_of
        self._head: Frame | None = None
        self._held = 0
        self._forged: deque[bytes] = deque(maxlen=PATIENCE)

    def pass_on(self, frame: Frame) -> Frame | Refused | None:
        """Return the frame to read, or why it is refused; None while a torn message is incomplete."""
        if self._head is not None:
            return self._between(self._head, frame)
        if self._forged and frame.raw in self._forged:
            return Refused(frame, "a forged message, seen before inside a caller's number")
        if is_torn(frame.raw):
            self._head, self._held = frame, 0
            return None
        if not frame.raw.startswith((b"Event: ", b"Response: ")):
            return Refused(frame, "the first line is neither Event nor Response")
        return frame

    def _between(self, head: Frame, frame: Frame) -> Frame | Refused:
        if self._is_rest(head, frame):
            self._head = None
            return Frame(head.raw + b"\r\n" + frame.raw, head.offset)
        self._held += 1
        if self._held >= PATIENCE:
            self._head = None
        self._forged.append(frame.raw)
        return Refused(frame, "it stands inside another message: forged in a caller's number")

    def _is_rest(self, head: Frame, frame: Frame) -> bool:
        uid = self._uid_of(_value(head.raw, b"\r\nChannel: "))
        if uid is not None:
            return _last_uid(frame.raw) == uid
        return all(key in frame.raw for key in _REST)


def is_torn(raw: bytes) -> bool:
    """Say whether a message about a channel ends before the channel's Uniqueid."""
    for channel, uid in ((b"\r\nChannel: ", b"\r\nUniqueid: "), (b"\r\nDestChannel: ", b"\r\nDestUniqueid: ")):
        if channel in raw and uid not in raw:
            return event_name(raw) in SHOWING
    return False


def _value(raw: bytes, key: bytes) -> str:
    start = raw.find(key)
    if start < 0:
        return ""
    start += len(key)
    end = raw.find(b"\r\n", start)
    return raw[start : end if end >= 0 else None].decode("utf-8", "replace")


def _last_uid(raw: bytes) -> str:
    start = (b"\r\n" + raw).rfind(b"\r\nUniqueid: ")
    return _value((b"\r\n" + raw)[start:], b"\r\nUniqueid: ") if start >= 0 else ""
