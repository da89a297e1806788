"""Read out of the history what lists, settings and switches a row had before each change."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models

from history.states import NOTHING

_ARROW = " \N{RIGHTWARDS ARROW} "
_DECODER = json.JSONDecoder()
#: A switch as the history shows it.
_SWITCHES = {"yes": True, "no": False}


class FormerValues(msgspec.Struct, frozen=True):
    """What was before a change: by the field's name as the history has it; None where it was too long to be kept."""

    until: datetime
    values: dict[str, Any]


def former_values(row: models.Model, names: Sequence[str], since: datetime) -> list[FormerValues]:
    """Return what the JSON fields and switches were before each change after ``since``, the latest change first."""
    changes = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        action_flag=CHANGE,
        action_time__gt=since,
    ).order_by("-action_time", "-id")
    found = [
        FormerValues(at, {name: value for name in names for value in _before(text, name)})
        for at, text in changes.values_list("action_time", "change_message")
    ]
    return [one for one in found if one.values]


def _before(text: str, name: str) -> list[Any]:
    """Return the one value of a field before a change, or none where the change was not of this field."""
    said = re.search(rf"(?:^|\. ){re.escape(name)}: ", text)
    if said is None:
        return []
    if text.startswith(NOTHING + _ARROW, said.end()):
        return [[]]
    for shown, switch in _SWITCHES.items():
        if text.startswith(shown + _ARROW, said.end()):
            return [switch]
    try:
        value, end = _DECODER.raw_decode(text, said.end())
    except ValueError:
        return [None]
    return [value if text.startswith(_ARROW, end) else None]
