"""What a declaration may say, and how it is read. Pure.

A key that is left out stays as it is (a new row gets the default); a table row that is left out stays too.
"""

import tomllib
from datetime import time
from math import isfinite
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from cti.sources.registry import source_kinds

DeclaredRow = TypeVar("DeclaredRow", bound=msgspec.Struct)
#: The words of ``qms.models.Login``.
LoginKind = Literal["username_token", "username_token_timestamp", "username_digest", "basic", "ntlm", "none"]


#: Maximum dots of a line: more than any list of addresses has.
MAXIMUM_DOTS = 1_000


class ConfigError(Exception):
    """The declaration cannot be applied; ``problems`` names each place and what is wrong there."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DataServerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[data_servers]]``."""

    slug: str


class RecordingServiceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[recording_services]]``; each key but ``data_server`` is a field of ``qms.models.RecordingService``."""

    slug: str
    data_server: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    url: str | UnsetType = UNSET
    wsdl: str | UnsetType = UNSET
    dialect: str | UnsetType = UNSET
    ca_file: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    options: dict[str, str] | UnsetType = UNSET
    login: LoginKind | UnsetType = UNSET
    username: str | UnsetType = UNSET
    password_env: str | UnsetType = UNSET
    identifiers: list[str] | UnsetType = UNSET
    guid_window_seconds: float | UnsetType = UNSET
    lookup_interval_ms: int | UnsetType = UNSET
    wrapup_wait_seconds: int | UnsetType = UNSET
    timeout_seconds: float | UnsetType = UNSET
    max_in_flight: int | UnsetType = UNSET
    refresh_at: time | UnsetType = UNSET
    shadow: bool | UnsetType = UNSET


class DeclaredQueue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A queue device and its name."""

    device: str
    name: str = ""


class CtiSourceRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[cti_sources]]``; ``recording_services`` are slugs in order, the rest fields of ``cti.models.CtiSource``."""

    slug: str
    kind: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    host: str | UnsetType = UNSET
    port: int | UnsetType = UNSET
    tls: bool | UnsetType = UNSET
    ca_file: str | UnsetType = UNSET
    username: str | UnsetType = UNSET
    secret_env: str | UnsetType = UNSET
    devices: list[str] | UnsetType = UNSET
    queues: list[str | DeclaredQueue] | dict[str, str] | UnsetType = UNSET
    recording_services: list[str] | UnsetType = UNSET
    seating: Literal["hot_desk", "free", "fixed"] | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    canary_extensions: list[str] | UnsetType = UNSET
    canary_minutes: int | UnsetType = UNSET
    canary_way: Literal["events", "originate"] | UnsetType = UNSET
    canary_destination: str | UnsetType = UNSET
    canary_recorder_api: str | UnsetType = UNSET


class FlagRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[flags]]``; a flag is known by its ``field``, one of the manual also by its name."""

    field: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    max_length: int | UnsetType = UNSET
    privacy: Literal["keep", "mask", "hash", "drop"] | UnsetType = UNSET
    order: int | UnsetType = UNSET


class Declaration(msgspec.Struct, frozen=True):
    """A whole file, each table in the order of the file."""

    data_servers: list[DataServerRow] = []
    recording_services: list[RecordingServiceRow] = []
    cti_sources: list[CtiSourceRow] = []
    flags: list[FlagRow] = []


TABLES: dict[str, type[msgspec.Struct]] = {
    "data_servers": DataServerRow,
    "recording_services": RecordingServiceRow,
    "cti_sources": CtiSourceRow,
    "flags": FlagRow,
}


def place(table: str, index: int, name: object, key: str = "") -> str:
    """Name a place in the file as a person would look for it: table, which one of them, its name, the key."""
    label = f' "{name}"' if name else ""
    return f"[[{table}]] number {index + 1}{label}" + (f", {key}" if key else "")


def read(text: str) -> Declaration:
    """Read a declaration. Raises ``ConfigError`` with every row that is wrong, and where."""
    tables = _tables(text)
    problems = [f"unknown table [[{name}]]; known: {', '.join(TABLES)}" for name in tables if name not in TABLES]
    rows = {name: _rows(name, tables.get(name, []), kind, problems) for name, kind in TABLES.items()}
    problems += _unknown_kinds(rows["cti_sources"])
    if problems:
        raise ConfigError(problems)
    return Declaration(**rows)  # type: ignore[arg-type]  # each list is of the type that TABLES names


def _tables(text: str) -> dict[str, Any]:
    """Read TOML. Raises ``ConfigError``, also for what would take a long time: dots in a key cost their square."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") > MAXIMUM_DOTS:
            raise ConfigError([f"line {number} has more than {MAXIMUM_DOTS} dots"])
    try:
        return tomllib.loads(text, parse_float=_finite)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"not TOML: {error}"]) from error
    except (RecursionError, ValueError) as error:
        raise ConfigError(
            ["not TOML that can be read: nested too deeply, or a number that is too long or is none"]
        ) from error


def _finite(text: str) -> float:
    """Read a number; TOML has "nan" and "inf", which no bounds of a setting keep out. Raises ``ValueError``."""
    if not isfinite(number := float(text)):
        raise ValueError(f"{text} is no number")
    return number


def _unknown_kinds(rows: list[Any]) -> list[str]:
    known = source_kinds()
    return [
        f"{place('cti_sources', index, row.slug, 'kind')}: there is no {row.kind!r}; there are: {', '.join(known)}"
        for index, row in enumerate(rows)
        if row.kind is not UNSET and row.kind not in known
    ]


def _rows(table: str, raw: object, kind: type[DeclaredRow], problems: list[str]) -> list[DeclaredRow]:
    if not isinstance(raw, list):
        problems.append(f"{table} must be a list of tables, each headed [[{table}]]")
        return []
    read_rows: list[DeclaredRow] = []
    seen: set[str] = set()
    identity = "field" if kind is FlagRow else "slug"
    for index, one in enumerate(raw):
        name = (one.get(identity) or one.get("name")) if isinstance(one, dict) else None
        try:
            read_rows.append(msgspec.convert(one, kind))
        except msgspec.ValidationError as error:
            problems.append(_explain(place(table, index, name), error, kind))
            continue
        if name in seen:
            problems.append(f"{place(table, index, name, identity)}: stands twice in the file")
        seen.add(str(name))
    return read_rows


def _explain(where: str, error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> str:
    """Turn ``Expected `str`, got `int` - at `$.devices[0]``` into a place and a sentence."""
    message, _, path = str(error).partition(" - at ")
    key = path.strip("`").removeprefix("$").removeprefix(".")
    if "unknown field" in message:
        message += f"; known keys: {', '.join(kind.__struct_fields__)}"
    if "Expected `str" in message and "got `int`" in message:
        message += ' (extensions and ids are text: write "0123", not 0123)'
    return f"{where}{', ' + key if key else ''}: {message}"
