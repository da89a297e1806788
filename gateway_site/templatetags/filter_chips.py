"""The filters in use above a list, each with the way to remove it."""

import msgspec
from django import template
from django.contrib.admin.views.main import ChangeList

register = template.Library()


class FilterChip(msgspec.Struct, frozen=True):
    """A filter in use: its title, what it keeps, and the address without it."""

    title: str
    value: str
    without: str


@register.simple_tag
def filter_chips(changes: ChangeList) -> list[FilterChip]:
    """Return a chip for each filter in use, and one for the search."""
    chips = (
        [FilterChip("search", changes.query, changes.get_query_string(remove=["q", "search"]))] if changes.query else []
    )
    return chips + [_chip(changes, spec) for spec in changes.filter_specs if _values(spec)]


def _values(spec: object) -> dict[str, str]:
    """Return a filter's parameters that are set."""
    used = getattr(spec, "used_parameters", {})
    values = {name: value[0] if isinstance(value, list) and value else value for name, value in used.items()}
    return {name: str(value) for name, value in values.items() if value not in (None, "", [])}


def _chip(changes: ChangeList, spec: object) -> FilterChip:
    values = _values(spec)
    expected = [str(name) for name in spec.expected_parameters()]  # type: ignore[attr-defined]
    return FilterChip(str(spec.title), _text(spec, values), changes.get_query_string(remove=expected))  # type: ignore[attr-defined]


def _text(spec: object, values: dict[str, str]) -> str:
    """Return a choice by its name; of free text the text; of a span its ends."""
    # A filter of a column's own values lists them without names.
    named = [one for one in getattr(spec, "lookup_choices", ()) or () if isinstance(one, tuple)]
    choices = {str(key): str(name) for key, name in named}
    names = [choices.get(value, value) for value in values.values()]
    if any(name.endswith(("_from_0", "_to_0")) for name in values):
        ends = {end: " ".join(v for n, v in values.items() if f"_{end}_" in n) for end in ("from", "to")}
        return ", ".join(f"{end} {text}" for end, text in ends.items() if text)
    return ", ".join(name.replace("_", " ") for name in names)
