"""Columns as PostgreSQL's own array texts: psycopg would write an array value by value, and slowly.

Most columns hold values of one kind; such a column becomes text in C as a whole, and only a mixed one value by value.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

_NONE = type(None)
_SEPARATOR = '","'


def array(values: Sequence[Any]) -> str:
    """Return one column as the text of an array, to be cast to its type."""
    kinds = set(map(type, values))
    write = _WRITERS.get(kinds.pop(), _mixed) if len(kinds) == 1 else _numbers if kinds == _COUNTS else _mixed
    return "{" + write(values) + "}"


def _mixed(values: Sequence[Any]) -> str:
    return ",".join(map(_element, values))


def _numbers(values: Sequence[int | float | bool | None]) -> str:
    """Write numbers and booleans as Python's list has them; PostgreSQL takes ``True`` as it takes ``t``."""
    return str(list(values))[1:-1].replace("None", "NULL")


def _texts(values: Sequence[str]) -> str:
    text = _SEPARATOR.join(values)
    is_plain = "\\" not in text and text.count('"') == 2 * (len(values) - 1)
    return f'"{text}"' if is_plain else _mixed(values)


def _moments(values: Sequence[datetime]) -> str:
    return f'"{_SEPARATOR.join(map(datetime.isoformat, values))}"'


def _bytes(values: Sequence[bytes]) -> str:
    return '"\\\\x' + '","\\\\x'.join(map(bytes.hex, values)) + '"'


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    kind = type(value)
    if kind is int or kind is float or kind is bool:
        return repr(value)
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, bytes | bytearray | memoryview):
        return '"\\\\x' + bytes(value).hex() + '"'
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


#: Integers with gaps: keys and durations that a row may lack.
_COUNTS = {int, _NONE}
_WRITERS: dict[type, Callable[[Sequence[Any]], str]] = {
    int: _numbers,
    float: _numbers,
    bool: _numbers,
    _NONE: _numbers,
    str: _texts,
    datetime: _moments,
    bytes: _bytes,
}
