"""Read out of the history what lists, settings and switches a row had before each change, and after it."""

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
#: What the history shows where there is no value, and of switches.
_WORDS = re.compile(rf"{NOTHING}|yes|no")
_MEANINGS: dict[str, Any] = {NOTHING: [], "yes": True, "no": False}


class FormerValues(msgspec.Struct, frozen=True):
    """What was before a change, and ``then``: by the field's name as the history has it; None: too long to be kept."""

    until: datetime
    values: dict[str, Any]
    then: dict[str, Any]


def former_values(row: models.Model, names: Sequence[str], since: datetime) -> list[FormerValues]:
    """Return what the JSON fields and switches were around each change after ``since``, the latest change first."""
    changes = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        action_flag=CHANGE,
        action_time__gt=since,
    ).order_by("-action_time", "-id")
    found = [_read(at, text, names) for at, text in changes.values_list("action_time", "change_message")]
    return [one for one in found if one.values]


def _read(at: datetime, text: str, names: Sequence[str]) -> FormerValues:
    """Read a change of a row: the fields that it was of."""
    found = FormerValues(at, {}, {})
    for name in names:
        if said := re.search(rf"(?:^|\. ){re.escape(name)}: ", text):
            value, end = _value(text, said.end())
            is_kept = text.startswith(_ARROW, end)
            found.values[name] = value if is_kept else None
            found.then[name] = _value(text, end + len(_ARROW))[0] if is_kept else None
    return found


def _value(text: str, at: int) -> tuple[Any, int]:
    """Return the value that stands at a place of a text, and where it ends; None where it was cut."""
    if word := _WORDS.match(text, at):
        return _MEANINGS[word[0]], word.end()
    try:
        return _DECODER.raw_decode(text, at)
    except ValueError:
        return None, at
