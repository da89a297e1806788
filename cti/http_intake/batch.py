"""Read what a client of the HTTP intake sent: events for the journal, and rejected items with the reason.

A body is one CloudEvent, an array of them, or one JSON object a line. The client's text is kept unchanged, unknown
members too; the gateway adds only ``gatewaytime``, and to what comes late ``gatewayreceived``.
"""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec.structs import replace

from cti.events import AnyEvent, CallEvent, EventError, decode
from cti.journal.dedup import Arrival
from cti.journal.stream import storable
from cti.source_bounds import Counted, SourceFull, bounds_of
from cti.sources.port import Quarantined

#: Years that every database and time zone supports.
YEARS = range(1970, 3000)
#: From this delay on an event says when it was received: what then cannot be done for its call is not the gateway's.
LATE = timedelta(seconds=1)
#: The members that are the gateway's own, whatever the client sends.
_OWN = ("gatewaytime", "heldsince", "gatewayreceived")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Rejected(msgspec.Struct, frozen=True):
    """An item that is not an event of this source: its position in the body, its id if it has one, and the reason."""

    index: int
    id: str | None
    error: str


class Reading(msgspec.Struct, frozen=True):
    """The contents of a body. ``broken``: the rejected items as quarantine keeps them; ``calls``: call events."""

    arrivals: list[Arrival]
    rejected: list[Rejected]
    broken: list[Quarantined]
    calls: int = 0


class _Id(msgspec.Struct):
    id: str | None = None


def read_items(found: list[bytes], slug: str, received: datetime) -> Reading:
    """Read each item as an event of the source ``slug`` that arrived at ``received``.

    Raises ``SourceFull`` when the source has reached one of its bounds; none of the events then counts as taken.
    """
    counted: list[Counted] = []
    try:
        return _read_items(found, slug, received, counted)
    except SourceFull:
        bounds_of(slug).withdraw(counted)
        raise


def _read_items(found: list[bytes], slug: str, received: datetime, counted: list[Counted]) -> Reading:
    reading, calls = Reading([], [], []), 0
    for index, raw in enumerate(found):
        try:
            arrival, is_of_call = _arrival(raw, slug, received, counted)
            reading.arrivals.append(arrival)
            calls += is_of_call
        except (EventError, RecursionError) as error:
            reason = "Nested too deeply" if isinstance(error, RecursionError) else str(error)
            reading.rejected.append(Rejected(index, _id_of(raw), reason))
            reading.broken.append(Quarantined(raw, "event", reason, _place(reason)))
    return replace(reading, calls=calls)


def _arrival(raw: bytes, slug: str, received: datetime, counted: list[Counted]) -> tuple[Arrival, bool]:
    """Return the journal entry of an item, and whether it is a call event."""
    try:
        raw.decode()  # The decoder does not look into members that it skips.
    except UnicodeDecodeError as error:
        raise EventError(f"Not UTF-8 at byte {error.start}") from error
    event = decode(raw)
    if event.source != slug:
        raise EventError(f"Expected `{slug}`, the source of the token - at `$.source`")
    if event.time.year not in YEARS:
        raise EventError("Expected a time from 1970 to 2999 - at `$.time`")
    reached = bounds_of(slug).admit(event, counted)
    if reached:
        raise SourceFull(reached)
    return Arrival(event.id, _payload(raw, event, received)), isinstance(event, CallEvent)


def _payload(raw: bytes, event: AnyEvent, received: datetime) -> bytes:
    """Return the journal's text: the client's own, and as its last members the times by the gateway's clock."""
    if b"gateway" in raw or b"heldsince" in raw or b"\\u" in raw:
        raw = _cleaned(raw)
    # The time of a source that lags counts; one whose clock is ahead does not move a deadline into the future.
    own = b',"gatewaytime":"%s"' % _text(min(event.time, received))
    if received - event.time > LATE:
        own += b',"gatewayreceived":"%s"' % _text(received)
    return raw[:-1] + own + b"}"


def _text(moment: datetime) -> bytes:
    return moment.astimezone(UTC).isoformat().encode()


def _cleaned(raw: bytes) -> bytes:
    """Remove the gateway's own members, where the client sent them, and every NUL."""
    members = _members.decode(storable(raw))
    return msgspec.json.encode({name: value for name, value in members.items() if name not in _OWN})


def _id_of(raw: bytes) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_Id).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _place(reason: str) -> str:
    """Return the path that an error names: ``$.data.callId``."""
    return reason.rpartition(" - at `")[2].rstrip("`") if " - at `" in reason else ""
