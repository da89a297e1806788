"""Events and sources that the tests of this app speak about."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from cti.events import CallData, Established
from cti.models import CtiSource

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def established(event_id: str, *, call: str = "4711", source: str = "pbx") -> Established:
    """Make an event: extension 2001 answered a call."""
    data = CallData(call_id=call, device_id="2001")
    return Established(id=event_id, source=source, time=AT, specversion="1.0", data=data, gatewaytime=AT)


def cloud_event(event_id: str, **members: Any) -> dict[str, Any]:
    """Make the same event as a client would send it to the intake."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "web",
        "type": "csta.call.Established",
        "time": "2026-03-02T09:30:00Z",
        "data": {"callId": "4711", "deviceId": "2001"},
    } | members


def as_json(value: Any) -> bytes:
    """Write a value as JSON."""
    return msgspec.json.encode(value)


def source(slug: str = "web", kind: str = "http", **members: Any) -> CtiSource:
    """Save a CTI source."""
    return CtiSource.objects.create(slug=slug, kind=kind, **members)
