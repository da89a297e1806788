"""Columns as PostgreSQL's own array texts: psycopg would write an array value by value, and slowly."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any


def array(values: Sequence[Any]) -> str:
    """Return one column as the text of an array, to be cast to its type."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    kind = type(value)
    if kind is int or kind is float:
        return repr(value)
    if kind is bool:
        return "t" if value else "f"
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, bytes | bytearray | memoryview):
        return '"\\\\x' + bytes(value).hex() + '"'
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
