"""Write a transcript as TOML, an event a line. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from calls.transcript.format import Transcript

_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: The tables that may come several times, in their order.
_TABLES = ("users", "flags", "legs", "gaps")


def write(transcript: Transcript) -> str:
    """Return the file's text, which ``read`` reads back as the same; what is empty or as usual is left out."""
    found: dict[str, Any] = msgspec.to_builtins(transcript)
    about = [f"about = {_value(transcript.about)}"] if transcript.about else []
    lines = [f"title = {_value(transcript.title)}", *about, ""]
    lines += ["events = [", *(f"  {_value(one)}," for one in transcript.events), "]"]
    lines += _table("site", {name: _sorted(value) for name, value in found.get("site", {}).items()})
    qms = dict(found.get("qms", {}))
    recordings = qms.pop("recordings", [])
    lines += [*_table("qms", qms), *_tables("qms.recordings", recordings)]
    for name in _TABLES:
        lines += _tables(name, found.get(name, []))
    return "\n".join(lines) + "\n"


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple | set | frozenset) else value


def _table(name: str, members: Mapping[str, Any]) -> list[str]:
    said = {key: value for key, value in members.items() if value not in (None, "", {}, [])}
    return ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in said.items())] if said else []


def _tables(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line for row in rows for line in _table(f"[{name}]", row)]


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        members = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {members} }}" if members else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
