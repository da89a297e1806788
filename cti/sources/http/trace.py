"""Read recorded requests to the HTTP intake, or a file of the events themselves. Pure."""

import re
from datetime import datetime

import dpkt
from msgspec.structs import replace

from cti.events import EventError, decode
from cti.sources.http.body import BodyError, items
from cti.sources.port import Quarantined, SourceConfig, Stamp
from cti.sources.trace import Trace, seen_devices

_REQUEST = re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS) \S+ HTTP/1\.[01]\r\n")
#: Events of a trace; the rest is left out.
MAXIMUM_EVENTS = 1_000_000


class HttpTrace:
    """A ``TraceReader``."""

    def __init__(self, config: SourceConfig, stamp: Stamp) -> None:  # noqa: ARG002  (the events have ids of their own)
        self._config = config
        self._data: dict[int, bytearray] = {}
        self._trace = Trace()

    def speaks(self, head: bytes) -> bool:
        """Say whether bytes are requests, or JSON."""
        return _REQUEST.search(head) is not None or head.lstrip()[:1] in (b"{", b"[")

    def feed(self, direction: int, data: bytes, at: datetime | None) -> None:  # noqa: ARG002  (events have a time)
        """Keep bytes until the end: a request may be cut anywhere."""
        self._data.setdefault(direction, bytearray()).extend(data)

    def lost(self, direction: int) -> None:
        """Go on: a request of which bytes are missing is quarantined."""

    def end(self) -> Trace:
        """Read every request's events."""
        for data in self._data.values():
            self._read(bytes(data))
        self._trace.devices = seen_devices(self._trace.events, self._config, frozenset())
        return self._trace

    def _read(self, data: bytes) -> None:
        starts = [found.start() for found in _REQUEST.finditer(data)]
        if not starts:
            self._take(data, "")
            return
        for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
            self._request(data[start:end])

    def _request(self, raw: bytes) -> None:
        try:
            request = dpkt.http.Request(raw)
        except dpkt.UnpackError as error:
            self._trace.quarantined.append(Quarantined(raw, "message", f"The request is incomplete: {error}"))
            return
        if request.method != "POST":
            self._trace.ignored[f"{request.method} {request.uri}"[:100]] += 1
            return
        self._take(request.body, str(request.headers.get("content-type", "")).partition(";")[0].strip().lower())

    def _take(self, body: bytes, content_type: str) -> None:
        try:
            found = items(body, content_type, MAXIMUM_EVENTS)
        except BodyError as error:
            self._trace.quarantined.append(Quarantined(body, "json", str(error)))
            return
        for index, raw in enumerate(found):
            self._event(raw, index)

    def _event(self, raw: bytes, index: int) -> None:
        try:
            event = decode(raw)
            if self._config.slug and event.source != self._config.slug:
                raise EventError(f"Expected `{self._config.slug}`, the source of the token - at `$.source`")
        except (EventError, RecursionError) as error:
            self._trace.quarantined.append(Quarantined(raw, "event", str(error), f"item {index}"))
        else:
            self._trace.events.append(replace(event, gatewaytime=None, gatewayreceived=None))
