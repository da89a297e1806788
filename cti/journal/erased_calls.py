"""Of which calls an erasure took events: kept beside what is left of them, so that nobody takes it for the whole."""

import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

#: What names a call, and what a contact, in an event.
_CALLS = ("callId", "primaryOldCallId", "secondaryOldCallId", "resultingCallId")
_CONTACT = "interactionId"


class ErasedCalls(msgspec.Struct, frozen=True):
    """Calls and interactions of which events were taken out.

    ``begin`` and ``end``: the earliest and the latest moment of these, or of what lay beside them, by the gateway's
    clock.
    """

    begin: datetime
    end: datetime
    calls: tuple[str, ...] = ()
    interactions: tuple[str, ...] = ()


class _Payload(msgspec.Struct):
    time: datetime
    gatewaytime: datetime | None = None
    data: dict[str, object] = {}


_payload = msgspec.json.Decoder(_Payload)


def erased_calls(payloads: Iterable[bytes], caller: re.Pattern[bytes]) -> ErasedCalls | None:
    """Return what the events name that are taken out; not an id by which the caller was erased, or that holds it.

    None where none of the events can be read.
    """
    moments, calls, interactions = list[datetime](), set[str](), set[str]()
    for payload in payloads:
        try:
            event = _payload.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        moments.append(event.gatewaytime or event.time)
        calls.update(_texts([event.data.get(name) for name in _CALLS], caller))
        interactions.update(_texts([event.data.get(_CONTACT)], caller))
    if not moments:
        return None
    return ErasedCalls(min(moments), max(moments), tuple(sorted(calls)), tuple(sorted(interactions)))


def _texts(values: Iterable[object], caller: re.Pattern[bytes]) -> list[str]:
    return [one for one in values if isinstance(one, str) and one and not caller.search(one.encode())]
