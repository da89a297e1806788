"""Tests that are called as plain functions: pytest's own way around a test takes longer than most tests of the core."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

#: Automatic fixtures of pytest-django, and what they ask for: they do nothing for a test without a mark of Django.
_IDLE = ("_django", "_dj_", "django_", "_fail_for", "_template_string", "_live_server", "request", "monkeypatch")
_MARKS = frozenset({"parametrize", "core", "nightly", "slow", "hypothesis"})


def as_function(item: pytest.Item) -> Callable[[], None] | None:
    """Return a test as a function without arguments; None where it needs more of pytest than its parameters.

    Automatic fixtures that are functions without arguments are called first.
    """
    if not isinstance(item, pytest.Function) or item.cls is not None or inspect.iscoroutinefunction(item.obj):
        return None
    if {mark.name for mark in item.iter_markers()} - _MARKS:
        return None
    values: dict[str, Any] = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    if set(inspect.signature(item.obj).parameters) - values.keys():
        return None
    automatic = [name for name in item.fixturenames if name not in values and not name.startswith(_IDLE)]
    before = [function for name in automatic if (function := _simple(item, name)) is not None]
    return (lambda: _call(item.obj, values, before)) if len(before) == len(automatic) else None


def _simple(item: pytest.Function, name: str) -> Callable[[], object] | None:
    """Return an automatic fixture that takes and gives nothing; None for any other."""
    found = item.session._fixturemanager.getfixturedefs(name, item)  # noqa: SLF001 - pytest has no public way
    function = found[-1].func if found else None
    if function is None or inspect.isgeneratorfunction(function) or inspect.signature(function).parameters:
        return None
    return function


def _call(test: Callable[..., None], values: dict[str, Any], before: list[Callable[[], object]]) -> None:
    for one in before:
        one()
    test(**values)
