"""Split the body of a request to the HTTP intake into what should be events. Pure.

A body is one CloudEvent, an array of them, or one JSON object a line.
"""

import msgspec

#: Content types that say: one object a line.
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})

_array = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder(msgspec.Raw)


class BodyError(ValueError):
    """The body is not JSON of any form that is taken. Never worth a retry."""

    retryable = False


class TooManyEvents(BodyError):
    """The body holds more events than one request may; ``events``: how many."""

    def __init__(self, events: int, at_most: int) -> None:
        super().__init__(f"{events} events in one request; at most {at_most} are taken.")
        self.events = events


def items(body: bytes, content_type: str, at_most: int) -> list[bytes]:
    """Split a body into what should be events. Raises ``BodyError`` or ``TooManyEvents``."""
    found = _split(body.strip(), content_type)
    if len(found) > at_most:
        raise TooManyEvents(len(found), at_most)
    return found


def _split(body: bytes, content_type: str) -> list[bytes]:
    if content_type in LINES:
        return _lines(body)
    try:
        if body.startswith(b"["):
            return [bytes(item) for item in _array.decode(body)]
        return [bytes(_one.decode(body))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if body.startswith(b"{") and b"\n" in body:
            return _lines(body)
        raise BodyError(f"The body is not JSON: {_reason(error)}") from error


def _lines(body: bytes) -> list[bytes]:
    return [line for line in map(bytes.strip, body.split(b"\n")) if line]


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
