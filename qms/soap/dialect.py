"""A dialect: how the operations and elements of our contract are called in another WSDL. Pure.

The vendor's own contract is not public, so that a site may meet other names. A TOML file maps them; what it leaves out
is called as in ``wsdl/recording_service.wsdl``. ``docs/dialects.md`` has a worked example.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

#: Our contract: for each request, answer and type its fields; a field that is a type itself names it.
SHAPES: dict[str, dict[str, str]] = {
    "GetServiceInfo": {},
    "GetServiceInfoResponse": dict.fromkeys(("recordingService", "dataServer", "version", "identifier"), ""),
    "ListUsers": {"pageSize": "", "pageToken": ""},
    "ListUsersResponse": {"user": "User", "nextPageToken": ""},
    "FindLiveRecording": {"extension": "", "notStartedBefore": ""},
    "FindLiveRecordingResponse": {"recording": "Recording"},
    "ListFlagDefinitions": {},
    "ListFlagDefinitionsResponse": {"definition": "FlagDefinition"},
    "CreateFlagDefinition": {"definition": "FlagDefinition"},
    "CreateFlagDefinitionResponse": {"definition": "FlagDefinition"},
    "WriteFlags": {"recordingGuid": "", "flag": "Flag"},
    "WriteFlagsResponse": {"written": ""},
    "GetFlags": {"recordingGuid": ""},
    "GetFlagsResponse": {"flag": "Flag"},
    "ListRecordings": {"from": "", "to": "", "pageSize": "", "pageToken": ""},
    "ListRecordingsResponse": {"recording": "FlaggedRecording", "nextPageToken": ""},
    "FlaggedRecording": {"recording": "Recording", "flag": "Flag"},
    "Recording": dict.fromkeys(("recordingGuid", "extension", "startedAt", "endedAt"), ""),
    "Flag": {"name": "", "value": ""},
    "FlagDefinition": {"name": "", "maxLength": "", "description": ""},
    "User": dict.fromkeys(
        (
            "userId",
            "userName",
            "firstName",
            "lastName",
            "extension",
            "agentId",
            "departmentName",
            "recordingService",
            "active",
            "licence",
        ),
        "",
    ),
    "QmsFault": {"code": "", "message": "", "subject": ""},
}
OPERATIONS = tuple(name for name in SHAPES if f"{name}Response" in SHAPES)


class DialectError(Exception):
    """The dialect file cannot be used; the text says which key."""


class Dialect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of another WSDL.

    :param port: the WSDL's port, where it has several.
    :param time_zone: what a time without an offset means; empty: such a time is an error.
    :param operations: our operation -> theirs; "" where they have none.
    :param elements: our field, alone or as "Type.field" -> theirs; "a/b" for b within a; "." for the
        element itself; "" where they have none.
    :param send: our operation -> further elements that they need, with their values.
    :param assume: our "Type.field" -> the value to take where their answer has none.
    :param values: our "Type.field" -> their values and ours.
    :param faults: their fault code -> ours.
    """

    port: str = ""
    time_zone: str = ""
    operations: dict[str, str] = {}
    elements: dict[str, str] = {}
    send: dict[str, dict[str, str]] = {}
    assume: dict[str, str | bool | int] = {}
    values: dict[str, dict[str, str | bool]] = {}
    faults: dict[str, str] = {}

    def __post_init__(self) -> None:
        fields = {field for shape in SHAPES.values() for field in shape}
        scoped = {f"{scope}.{field}" for scope, shape in SHAPES.items() for field in shape}
        _check("operations", self.operations, OPERATIONS)
        _check("send", self.send, OPERATIONS)
        _check("elements", self.elements, fields | scoped)
        _check("assume", self.assume, scoped)
        _check("values", self.values, scoped)

    def operation(self, name: str) -> str:
        """Return their name of an operation; empty when they have none."""
        return self.operations.get(name, name)

    def element(self, scope: str, field: str) -> str:
        """Return their name of a field; empty when they have none."""
        return self.elements.get(f"{scope}.{field}", self.elements.get(field, field))

    def request(self, operation: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request's fields under their names."""
        return {**self.send.get(operation, {}), **self._theirs(operation, fields)}

    def zone(self) -> tzinfo | None:
        """Return the zone of times without an offset. Raises ``DialectError``."""
        try:
            return (UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)) if self.time_zone else None
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise DialectError(f"time_zone: {self.time_zone!r} is no time zone") from error

    def moment(self, value: datetime) -> datetime:
        """Return a time with its offset; raises ``ValueError`` when neither it nor the dialect has one."""
        if value.tzinfo is not None:
            return value
        zone = self.zone()
        if zone is None:
            raise ValueError("a time without an offset")
        return value.replace(tzinfo=zone)

    def _theirs(self, scope: str, fields: Mapping[str, Any]) -> Any:
        """Return fields under their names; a type whose one field is called "." is that field's value itself."""
        found: dict[str, Any] = {}
        for field, value in fields.items():
            path = self.element(scope, field)
            if not path:
                continue
            inner = self._inner(SHAPES[scope][field], value)
            *outer, last = path.split("/")
            if path == "." and not isinstance(inner, dict):
                return inner
            place = found
            for name in outer:
                place = place.setdefault(name, {})
            if last == ".":
                place.update(inner)
            else:
                place[last] = inner
        return found

    def _inner(self, scope: str, value: Any) -> Any:
        if not scope:
            return value
        return [self._theirs(scope, one) for one in value] if isinstance(value, list) else self._theirs(scope, value)


def read_dialect(path: Path) -> Dialect:
    """Read a dialect file. Raises ``DialectError``."""
    try:
        dialect = msgspec.toml.decode(path.read_bytes(), type=Dialect)
    except OSError as error:
        raise DialectError(f"{path.name} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DialectError(f"{path.name}: {error}") from error
    dialect.zone()
    return dialect


def _check(table: str, keys: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(keys) - set(known))
    if unknown:
        raise ValueError(f"[{table}] {', '.join(unknown)}: our contract has no such name")
