"""The state of a row in words, and what differs between two of them. A secret is never in either."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from django.db import models

from history.long_lists import change_text
from vault.fields import EncryptedTextField

#: Longer values are cut in the history; of longer lists it has what came and what went.
MAXIMUM_LENGTH = 300
#: A password in an address: https://user:password@host
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")
_HIDDEN = "\N{HORIZONTAL ELLIPSIS}@"
NOTHING = "nothing"


class ShownField(msgspec.Struct, frozen=True):
    """One field: its name, what is shown of it, and what shows whether it changed (never shown)."""

    name: str
    shown: str
    compared: str
    is_secret: bool = False
    #: The value itself, of a list or object.
    value: Any = None


RowState = Mapping[str, ShownField]


def state_of(row: models.Model, hidden: Collection[str] = ()) -> RowState:
    """Return the fields that a person can set, many-to-many among them. ``hidden``: secrets beside the encrypted."""
    meta = row._meta  # noqa: SLF001  (documented by Django)
    fields = [*meta.concrete_fields, *meta.many_to_many]
    return {one.name: _shown_field(row, one, hidden) for one in fields if not one.primary_key}


def differences(before: RowState, after: RowState) -> str:
    """Describe field by field what was and what is; empty where nothing differs."""
    changed = (name for name in after if name not in before or before[name].compared != after[name].compared)
    return " ".join(_difference(before.get(name), after[name]) for name in changed)


def values(state: RowState) -> str:
    """Describe all fields that have a value, for a row that was added or deleted."""
    return " ".join(f"{one.name}: {one.shown}." for one in state.values() if one.shown != NOTHING)


def _difference(before: ShownField | None, after: ShownField) -> str:
    if after.is_secret:
        return f"{after.name}: {'changed' if after.compared else 'deleted'} (not shown)."
    if before and max(len(before.compared), len(after.compared)) > MAXIMUM_LENGTH:
        text = change_text(before.value, after.value)
        if text is not None:
            return f"{after.name}: {_USERINFO.sub(_HIDDEN, text)}."
    return f"{after.name}: {before.shown if before else NOTHING} \N{RIGHTWARDS ARROW} {after.shown}."


def _shown_field(row: models.Model, field: models.Field, hidden: Collection[str]) -> ShownField:  # type: ignore[type-arg]
    name = str(field.verbose_name)
    name = name[:1].upper() + name[1:]
    if isinstance(field, EncryptedTextField) or field.name in hidden:
        secret = str.__str__(getattr(row, field.name) or "")
        return ShownField(name, "set (not shown)" if secret else NOTHING, secret, is_secret=True)
    text = _text(row, field)
    return ShownField(name, _cut(_USERINFO.sub(_HIDDEN, text)) or NOTHING, text, value=_list_of(row, field))


def _list_of(row: models.Model, field: models.Field) -> Any:  # type: ignore[type-arg]
    return getattr(row, field.name) if isinstance(field, models.JSONField) else None


def _text(row: models.Model, field: models.Field) -> str:  # type: ignore[type-arg]
    if isinstance(field, models.ManyToManyField):
        return ", ".join(sorted(str(one) for one in getattr(row, field.name).all()))
    if field.choices:
        return str(getattr(row, f"get_{field.name}_display")())
    value = getattr(row, field.name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    return "" if value is None else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= MAXIMUM_LENGTH else f"{text[:MAXIMUM_LENGTH]}\N{HORIZONTAL ELLIPSIS} (cut)"
