"""The changes of a CTI source's lists of extensions, as the history has them: when a device became one, or none."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from calls.replay.difference import ListChange
from clock.text import shown
from cti.models import CtiSource
from history.former_values import FormerValues, former_values

#: The fields as the history names them.
_FIELDS = ("Devices", "Queues", "Options")


def list_changes(source: CtiSource, since: datetime) -> list[ListChange]:
    """Return what changed since a moment, oldest first; of one that is too long for the history nothing is known."""
    return [change for one in reversed(former_values(source, _FIELDS, since)) for change in _changes(one)]


def _changes(one: FormerValues) -> Iterator[ListChange]:
    for field, value in one.values.items():
        if value is None or one.then[field] is None:
            continue
        was, is_now = _names(field, value), _names(field, one.then[field])
        # No devices at all means that each is followed.
        is_of_others = field == "Devices" and not (was and is_now)
        if was != is_now:
            yield ListChange(one.until, shown(one.until), was | is_now if is_of_others else was ^ is_now, is_of_others)


def _names(field: str, value: Any) -> frozenset[str]:
    """Return the devices that a field names."""
    named = value.get("ignored_devices", ()) if field == "Options" and value else value
    return frozenset(map(str, named))
