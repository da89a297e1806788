"""The options of a CTI source as form fields, made from the struct by which its kind reads them."""

import importlib
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from django import forms
from msgspec.structs import FieldInfo, fields
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from cti.sources.kind import OptionText
from cti.sources.registry import source_kinds

PREFIX = "option_"
_OPTION_OF_ERROR = re.compile(r"\$\.(\w+)")


def options_struct(kind: str) -> type[msgspec.Struct] | None:
    """Return the struct that reads the options of a kind; None for a kind without options, or not installed."""
    declared = source_kinds().get(kind)
    if declared is None or declared.options is None:
        return None
    struct: type[msgspec.Struct] = _named(declared.options)
    return struct


def option_texts(kind: str) -> Mapping[str, OptionText]:
    """Return the labels and help texts that a kind declares for its options, by the option's name."""
    declared = source_kinds().get(kind)
    if declared is None or declared.option_texts is None:
        return {}
    texts: Mapping[str, OptionText] = _named(declared.option_texts)
    return texts


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def option_fields(kind: str, values: Mapping[str, Any]) -> dict[str, forms.Field]:
    """Return a form field for each option of a kind, by its prefixed name, with the value that stands."""
    struct = options_struct(kind)
    if struct is None:
        return {}
    annotations, texts = get_type_hints(struct), option_texts(kind)
    return {
        PREFIX + one.name: _field(one, annotations[one.name], values, texts.get(one.name) or _text_of(one.name))
        for one in fields(struct)
    }


def read_options(kind: str, cleaned: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the fields say: those that differ from their defaults, and unknown ones as before.

    Raises ``msgspec.ValidationError``.
    """
    struct = options_struct(kind)
    if struct is None:
        return dict(before)
    known = {one.name: one for one in fields(struct)}
    annotations = get_type_hints(struct)
    chosen = {
        name: _value(annotations[name], cleaned[PREFIX + name], before.get(name))
        for name in known
        if PREFIX + name in cleaned
    }
    filled = {name: value for name, value in chosen.items() if value is not None}
    stored = {name: value for name, value in filled.items() if not _is_default(known[name], value)}
    msgspec.convert(stored, struct)
    return {name: value for name, value in before.items() if name not in known} | stored


def field_of(error: msgspec.ValidationError) -> str | None:
    """Return the form field that an error is about; None where it names none."""
    found = _OPTION_OF_ERROR.search(str(error))
    return PREFIX + found[1] if found else None


def _default(one: FieldInfo) -> Any:
    if one.default is not msgspec.NODEFAULT:
        return one.default
    return one.default_factory() if one.default_factory is not msgspec.NODEFAULT else None


def _is_default(one: FieldInfo, value: Any) -> bool:
    default = _default(one)
    return bool(value == (list(default) if isinstance(default, tuple) else default))


def _text_of(name: str) -> OptionText:
    return OptionText(name.replace("_", " ").capitalize())


def _field(one: FieldInfo, annotation: Any, values: Mapping[str, Any], text: OptionText) -> forms.Field:
    default = _default(one)
    value = values.get(one.name, default)
    help_text = f"{text.help} Default: {_shown(default)}. Key: {one.name}.".strip()
    common = {"label": text.label, "required": False, "initial": value, "help_text": help_text}
    if annotation is bool:
        return forms.BooleanField(**common, widget=UnfoldBooleanWidget())
    if words := _words(annotation):
        choices = [(choice, choice or "(not set)") for choice in words]
        common |= {"initial": value or ""}
        return forms.ChoiceField(**common, choices=choices, widget=UnfoldAdminSelectWidget())
    if _is_lines(annotation):
        common |= {"initial": "\n".join(_lines_of(value)), "help_text": f"One per line. {common['help_text']}"}
        return forms.CharField(**common, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
    if annotation in (int, float):
        kind = forms.IntegerField if annotation is int else forms.FloatField
        return kind(**common, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}))
    if annotation is str:
        return forms.CharField(**common, strip=False, widget=UnfoldAdminTextInputWidget())
    return forms.JSONField(**common, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _words(annotation: Any) -> tuple[str, ...]:
    """Return the words among which an option chooses, an empty one first where it need not be set."""
    alternatives = _alternatives(annotation)
    words = tuple(word for one in alternatives if get_origin(one) is Literal for word in get_args(one))
    return ("", *words) if words and NoneType in alternatives else words


def _is_lines(annotation: Any) -> bool:
    """Say whether an option is a list of texts, or such a list and a table (``NAME = VALUE``)."""
    found = [get_origin(one) for one in _alternatives(annotation) if one is not NoneType]
    return tuple in found and set(found) <= {tuple, dict}


def _lines_of(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{name} = {one}" if one else str(name) for name, one in value.items()]
    return list(map(str, value)) if isinstance(value, list | tuple) else [str(value)] if value else []


def _value(annotation: Any, value: Any, before: Any) -> Any:
    """Return a cleaned value as it is stored, None where it is left empty; lines that nobody changed stay as stored."""
    if not _is_lines(annotation):
        return value if value or not _words(annotation) else None
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    if before is not None and lines == _lines_of(before):
        return before
    has_table = any(get_origin(one) is dict for one in _alternatives(annotation))
    if has_table and any("=" in line for line in lines):
        return dict(map(_pair, lines))
    return lines or None


def _pair(line: str) -> tuple[str, str]:
    name, equals, value = line.rpartition("=")
    return (name.strip(), value.strip()) if equals else (line, "")


def _shown(default: Any) -> str:
    if default in ("", (), {}, None):
        return "empty"
    return {True: "yes", False: "no"}.get(default, str(default)) if isinstance(default, bool) else str(default)
