"""The changes of a CTI source's lists of extensions, as the history has them: when a device became one, or none."""

import json
import re
from collections.abc import Iterator
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from calls.replay.difference import ListChange
from clock.text import shown
from cti.models import CtiSource

#: A field before and after, in the words of ``history.states``.
_CHANGED = re.compile(r"\b(Devices|Queues|Options): (\S.*?) \N{RIGHTWARDS ARROW} (\S.*?)\.(?= [A-Z][^\":.]*: |$)")
_NOTHING = "nothing"


def list_changes(source: CtiSource, since: datetime) -> list[ListChange]:
    """Return what changed since a moment, oldest first; of a list that is too long for the history nothing is known."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(CtiSource), object_id=str(source.pk), action_time__gte=since
    )
    rows = entries.order_by("action_time", "pk").values_list("action_time", "change_message")
    return [change for at, text in rows for change in _read(at, text)]


def _read(at: datetime, text: str) -> Iterator[ListChange]:
    for field, before, after in _CHANGED.findall(text):
        was, is_now = _names(field, before), _names(field, after)
        if was is None or is_now is None or was == is_now:
            continue
        # No devices at all means that each is followed.
        is_of_others = field == "Devices" and not (was and is_now)
        yield ListChange(at, shown(at), was | is_now if is_of_others else was ^ is_now, is_of_others)


def _names(field: str, text: str) -> frozenset[str] | None:
    """Return the devices that a field names; None where its text was cut."""
    if text == _NOTHING:
        return frozenset()
    try:
        value = json.loads(text)
    except ValueError:
        return None
    found = value.get("ignored_devices", []) if field == "Options" else value
    return frozenset(map(str, found))
