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

from history.long_lists import read_change
from history.states import NOTHING

_ARROW = " \N{RIGHTWARDS ARROW} "
_DECODER = json.JSONDecoder()
#: What the history shows where there is no value, and of switches.
_WORDS = re.compile(rf"{NOTHING}|yes|no")
_MEANINGS: dict[str, Any] = {NOTHING: [], "yes": True, "no": False}


class FormerValues(msgspec.Struct, frozen=True):
    """What was before a change, and ``then``: by the field's name as the history has it; None: not known."""

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
    after = _values_now(row, names)
    found: list[FormerValues] = []
    for at, text in changes.values_list("action_time", "change_message"):
        found.append(_read(at, text, after))
        after |= found[-1].values
    return [one for one in found if one.values]


def values_at(row: models.Model, names: Sequence[str], moment: datetime) -> dict[str, Any]:
    """Return what JSON fields and switches were at a moment, by the fields' names; None: not known."""
    found = _values_now(row, names)
    for change in former_values(row, names, moment):
        found |= change.values
    return found


def _values_now(row: models.Model, names: Sequence[str]) -> dict[str, Any]:
    """Return the row's values by the fields' names as the history has them."""
    by_name = {str(one.verbose_name).lower(): one.attname for one in row._meta.concrete_fields}  # noqa: SLF001  (documented by Django)
    return {name: getattr(row, by_name[name.lower()]) for name in names}


def _read(at: datetime, text: str, after: dict[str, Any]) -> FormerValues:
    """Read a change of a row: the fields that it was of. ``after``: what was after it."""
    found = FormerValues(at, {}, {})
    for name, value in after.items():
        if said := re.search(rf"(?:^|\. ){re.escape(name)}: ", text):
            found.values[name], found.then[name] = _around(text, said.end(), value)
    return found


def _around(text: str, at: int, after: Any) -> tuple[Any, Any]:
    """Return what was before and after the change that stands at a place; None for what is not known."""
    if change := read_change(text, at):
        before = change.before(after)
        then = change.came if len(change.came) == change.is_now else after
        return before, then if before is not None else None
    value, end = _value(text, at)
    is_kept = text.startswith(_ARROW, end)
    return (value, _value(text, end + len(_ARROW))[0]) if is_kept else (None, None)


def _value(text: str, at: int) -> tuple[Any, int]:
    """Return the value that stands at a place of a text, and where it ends; None where it was cut."""
    if word := _WORDS.match(text, at):
        return _MEANINGS[word[0]], word.end()
    try:
        return _DECODER.raw_decode(text, at)
    except ValueError:
        return None, at
