"""What the panels of the admin's pages show: the devices of a source, and what unreadable messages cost today."""

import re
from dataclasses import dataclass
from datetime import datetime

from clock.text import site_time
from cti.models import SeenDevice
from cti.quarantine import QuarantineCause, causes_since

#: Maximum number of devices that are shown on the page of a source.
SHOWN = 500


@dataclass(frozen=True)
class SeenDevices:
    """The devices that a source has seen. ``rows`` empty: its kind does not have to find out what they are."""

    rows: list[SeenDevice]
    sentence: str


def seen_devices(source_id: str) -> SeenDevices:
    """Return the devices of a source: trunks first, then extensions."""
    known = SeenDevice.objects.filter(source_id=int(source_id) if re.fullmatch("[0-9]{1,9}", source_id) else 0)
    rows, count = list(known[:SHOWN]), known.count()
    extensions = known.filter(is_extension=True).count()
    sentence = f"{count} {_s('device', count)} seen: {count - extensions} outside (trunks), {extensions} "
    sentence += f"{_s('extension', extensions)}, whose calls are recorded."
    return SeenDevices(rows, sentence + (f" The first {SHOWN} are shown." if count > SHOWN else ""))


def quarantine_causes(now: datetime) -> list[tuple[QuarantineCause, str]]:
    """Return why messages of today could not be read, and what that cost, in words."""
    midnight = site_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return [(one, _cost(one)) for one in causes_since(midnight)]


def _cost(cause: QuarantineCause) -> str:
    messages = f"{cause.messages:,} {_s('message', cause.messages)} today"
    calls = f", about {cause.calls:,} {_s('call', cause.calls)}" if cause.calls else "; no call named"
    return messages + calls


def _s(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
