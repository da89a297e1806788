"""Write a transcript as TOML, an event a line. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from calls.transcript import Transcript

_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: Lines are written in this order; what is empty or as by default is left out.
_TABLES = ("users", "flags", "legs")


def write(transcript: Transcript) -> str:
    """Return the file's text, which ``read`` reads back as the same."""
    found: dict[str, Any] = msgspec.to_builtins(transcript)
    lines = [f"title = {_value(found['title'])}"]
    if found["about"]:
        lines.append(f"about = {_value(found['about'])}")
    lines += ["", "events = [", *(f"  {_value(one)}," for one in found["events"]), "]"]
    lines += _table("site", _changed(found["site"], msgspec.to_builtins(type(transcript.site)())))
    recordings = found["qms"].pop("recordings")
    lines += _table("qms", _changed(found["qms"], msgspec.to_builtins(type(transcript.qms)())))
    lines += _tables("qms.recordings", recordings)
    for name in _TABLES:
        lines += _tables(name, found[name])
    return "\n".join(lines) + "\n"


def _changed(found: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value != usual.get(name)}


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
