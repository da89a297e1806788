"""Scenarios and expected legs as transcript files (TOML)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from .player import Leg
from .scenario import Event, Qms, Recording, Scenario, Site, User

FALLBACK_ID = "e{:04d}"


def toml_value(value: object) -> str:
    """Write one value as TOML on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(round(value, 4)).removesuffix(".0")
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    # A JSON text without escapes above U+007F is a TOML basic string, but for DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007F")


def _key(text: str) -> str:
    plain = text.replace("_", "").replace("-", "")
    return text if plain.isascii() and plain.isalnum() else json.dumps(text, ensure_ascii=False)


def _event_line(event: Event) -> str:
    row: dict[str, object] = {"at": event.at, "type": event.type, **event.data}
    if event.heard > event.at + 0.0005:
        row["heard"] = event.heard
    row["id"] = event.id
    return f"  {toml_value(row)},"


def _table(name: str, row: dict[str, object]) -> list[str]:
    return [name, *(f"{_key(k)} = {toml_value(v)}" for k, v in row.items())]


def _changed(value: Any, names: Iterable[str]) -> dict[str, object]:
    fresh = type(value)()
    return {name: getattr(value, name) for name in names if getattr(value, name) != getattr(fresh, name)}


SITE = ("devices", "queues", "ignored", "settle_seconds", "wrapup_wait_seconds", "agents_calls_only", "stale_hours")
QMS = ("window_seconds", "interval_seconds", "answer_seconds", "refuses", "away")


def _qms_lines(qms: Qms) -> list[str]:
    stated = {name: getattr(qms, name) for name in ("window_seconds", "interval_seconds", "answer_seconds")}
    lines = _table("[qms]", {**stated, **_changed(qms, ("refuses", "away"))})
    # Slow answers and late writes have no member in the format; they stand as comments so that nothing is hidden.
    lines += [f"# {name} = {toml_value(getattr(qms, name))}" for name in ("slow", "late_writes") if getattr(qms, name)]
    for x in qms.recordings:
        lines += _table("[[qms.recordings]]", {"guid": x.guid, "extension": x.extension, "from": x.start, "to": x.end})
    return lines


def _leg_lines(leg: Leg) -> list[str]:
    row: dict[str, object] = {"extension": leg.extension, "from": leg.start, "outcome": leg.outcome}
    row |= {} if leg.end is None else {"to": leg.end}
    row |= {"call": leg.call} if leg.call else {}
    row |= {"recording": leg.recording} if leg.recording else {}
    row |= {"flags": leg.flags} if leg.flags else {}
    return _table("[[legs]]", row)


def dumps(scenario: Scenario, legs: Sequence[Leg] = (), remarks: Sequence[str] = ()) -> str:
    """Write a scenario with the legs that are right as a transcript."""
    lines = [*(f"# {x}" for x in remarks), f"title = {toml_value(scenario.title)}", "events = ["]
    lines += [*(_event_line(x) for x in scenario.events), "]", *_table("[site]", _changed(scenario.site, SITE))]
    for user in scenario.users:
        lines += _table("[[users]]", {x: getattr(user, x) for x in user.__struct_fields__})
    lines += _qms_lines(scenario.qms)
    for leg in legs:
        lines += _leg_lines(leg)
    return "\n".join(lines) + "\n"


def _event(row: dict[str, Any], number: int) -> Event:
    at, kind = float(row.pop("at")), row.pop("type")
    heard, name = float(row.pop("heard", at)), row.pop("id", FALLBACK_ID.format(number))
    return Event(at, kind, row, heard, name)


def _tuples(value: object) -> object:
    return tuple(_tuples(x) for x in value) if isinstance(value, list) else value


def _leg(row: dict[str, Any]) -> Leg:
    end = row.get("to")
    return Leg(row["extension"], row["from"], end, row.get("call", ""), row.get("recording"), row["outcome"],
               row.get("reason", ""), row.get("flags", {}))  # fmt: skip


def loads(text: str) -> tuple[Scenario, tuple[Leg, ...]]:
    """Read a transcript: the scenario, and the legs that it expects."""
    file = tomllib.loads(text)
    events = tuple(_event(dict(row), i) for i, row in enumerate(file["events"]))
    qms = dict(file.get("qms", {}))
    made = tuple(Recording(x["guid"], x["extension"], x["from"], x["to"]) for x in qms.pop("recordings", ()))
    known = {k: _tuples(v) for k, v in qms.items() if k in QMS}
    site = {k: _tuples(v) for k, v in file.get("site", {}).items() if k in Site.__struct_fields__}
    users = tuple(User(**x) for x in file.get("users", ()))
    scenario = Scenario(file["title"], events, Site(**site), users, Qms(**known, recordings=made))  # type: ignore[arg-type]
    return scenario, tuple(_leg(x) for x in file.get("legs", ()))
