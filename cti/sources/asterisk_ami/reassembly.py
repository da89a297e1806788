"""Reassemble messages that a caller's number has torn.

CR LF CR LF in a caller's number ends the message in which it stands, so that what follows looks like messages of its
own: forged events, then the true message's rest. A message about a channel that ends before its Uniqueid is such a torn
head. What comes then is forged until the rest arrives, which bears the channel's Uniqueid; head and rest are one
message. Pure.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cti.sources.asterisk_ami.framing import AmiFrame
from cti.sources.character_sets import decoded

#: Events that show a whole channel, so that one without Uniqueid is torn.
SHOWING = frozenset(
    {
        "Newchannel",
        "NewCallerid",
        "Newstate",
        "Newexten",
        "NewConnectedLine",
        "NewAccountCode",
        "Hangup",
        "VarSet",
        "HangupRequest",
        "SoftHangupRequest",
        "MusicOnHoldStart",
        "MusicOnHoldStop",
        "Hold",
        "Unhold",
        "BridgeEnter",
        "BridgeLeave",
        "DialBegin",
        "DialState",
        "DialEnd",
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueCallerAbandon",
        "AgentCalled",
        "AgentConnect",
        "AgentComplete",
        "AgentRingNoAnswer",
        "AgentDump",
        "AgentLogin",
        "AgentLogoff",
        "ConfbridgeJoin",
        "ConfbridgeLeave",
        "DTMFBegin",
        "DTMFEnd",
        "ChannelTalkingStart",
        "ChannelTalkingStop",
        "RTCPSent",
        "RTCPReceived",
        "HangupHandlerRun",
        "HangupHandlerPush",
    }
)
#: Maximum number of frames that are taken for forged.
PATIENCE = 64
#: Events that show a second channel as well.
_DIALLING = frozenset(
    {
        "DialBegin",
        "DialState",
        "DialEnd",
        "AgentCalled",
        "AgentConnect",
        "AgentComplete",
        "AgentRingNoAnswer",
        "AgentDump",
    }
)
_SHOWING_HEADS, _DIALLING_HEADS = (
    frozenset(b"Event: " + name.encode() for name in names) for names in (SHOWING, _DIALLING)
)
_REST = (b"Context: ", b"Priority: ", b"Uniqueid: ", b"Linkedid: ")


@dataclass(frozen=True, slots=True)
class NotAMessage:
    """A frame that Asterisk did not write as a message."""

    frame: AmiFrame
    error: str


class Reassembler:
    """Pass frames on; hold back what stands between a torn head and its rest."""

    def __init__(self, uid_of: Callable[[str], str | None], encoding: str = "") -> None:
        self._uid_of, self._encoding = uid_of, encoding
        self._head: AmiFrame | None = None
        self._held = 0
        self._forged: deque[bytes] = deque(maxlen=PATIENCE)

    def pass_on(self, frame: AmiFrame) -> AmiFrame | NotAMessage | None:
        """Return the frame to read, or why it is refused; None while a torn message is incomplete."""
        if self._head is not None:
            return self._between(self._head, frame)
        if self._forged and frame.raw in self._forged:
            return NotAMessage(frame, "a forged message, seen before inside a caller's number")
        if torn_part(frame.raw) is not None:
            self._head, self._held = frame, 0
            return None
        if not frame.raw.startswith((b"Event: ", b"Response: ")):
            return NotAMessage(frame, "the first line is neither Event nor Response")
        return frame

    def _between(self, head: AmiFrame, frame: AmiFrame) -> AmiFrame | NotAMessage | None:
        if self._is_rest(head.raw, frame.raw):
            whole = AmiFrame(head.raw + b"\r\n" + frame.raw, head.offset)
            # The other party's channel may be torn as well: it shows the caller's number as that of its partner.
            self._head = whole if torn_part(whole.raw) is not None else None
            return None if self._head is not None else whole
        self._held += 1
        if self._held >= PATIENCE:
            self._head = None
        self._forged.append(frame.raw)
        return NotAMessage(frame, "it stands inside another message: forged in a caller's number")

    def _is_rest(self, head: bytes, raw: bytes) -> bool:
        part = torn_part(head) or b""
        names = self._values(head, part + b"Channel: ")
        # Before the first Channel nothing of the caller's is written; a DestChannel may be forged before the true one.
        uids = {self._uid_of(name) for name in (names if part else names[:1])} - {None}
        if uids:
            return any(uid in uids for uid in self._values(raw, part + b"Uniqueid: ")[-1:])
        return all(part + key in raw for key in _REST)

    def _values(self, raw: bytes, key: bytes) -> list[str]:
        found = [line[len(key) :] for line in raw.split(b"\r\n") if line.startswith(key)]
        return [decoded(value, self._encoding) for value in found]


def torn_part(raw: bytes) -> bytes | None:
    """Return which channel of a message has no Uniqueid after it: the first, ``Dest``, or none (None)."""
    head = raw.partition(b"\r\n")[0]
    if head not in _SHOWING_HEADS:  # Looked at first: most messages need no search of their lines.
        return None
    if _is_torn(raw, b""):
        return b""
    return b"Dest" if head in _DIALLING_HEADS and _is_torn(raw, b"Dest") else None


def _is_torn(raw: bytes, part: bytes) -> bool:
    uid = raw.rfind(b"\r\n" + part + b"Uniqueid: ")  # Near the end, so that both searches are short.
    return raw.find(b"\r\n" + part + b"Channel: ", max(uid, 0)) >= 0
