"""Store the core's values with a version, and migrate on reading what an earlier release stored.

To change a stored field (rename, remove, another meaning):

1. add 1 to ``VERSION``, and to ``_MIGRATIONS`` a function from the version before; it gets and returns msgpack maps;
2. keep blobs of the released version in ``tests/calls/data/stored``; ``tests/calls/test_stored_versions.py`` reads all.

A new field with a default needs neither: a map without it reads as the default.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from calls.core.source_state import SourceState
from calls.core.state import CallState, LegState
from calls.storage.compact import expanded, is_compact

Stored = TypeVar("Stored", LegState, CallState, SourceState)
Fields = dict[str, Any]

#: The version that this release writes. Version 1 had no version byte: its blobs begin with a msgpack map.
VERSION = 3
#: The first byte of a msgpack map is at least this, so that a smaller one is a version.
FIRST_MAP_BYTE = 0x80

_pack = msgspec.msgpack.Encoder().encode
_prefix = bytes([VERSION])
_decoders: dict[type, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (LegState, CallState, SourceState)
}


class StoredByNewerRelease(Exception):
    """The blob was written by a newer release; this one must not guess what it means. Never worth a retry."""


def pack(value: LegState | CallState | SourceState) -> bytes:
    """Return the stored form of a value, in the present version."""
    return _prefix + _pack(value)


def unpack(blob: bytes | memoryview, kind: type[Stored]) -> Stored:
    """Read a value of any released version, compact or not.

    Raises ``StoredByNewerRelease`` for a version after this release's, ``UnknownDictionary`` likewise, and
    ``msgspec.DecodeError`` for a broken blob.
    """
    data = memoryview(expanded(blob) if is_compact(blob) else blob)
    version = data[0] if data[0] < FIRST_MAP_BYTE else 1
    if version == VERSION:
        return _decoders[kind].decode(data[1:])  # type: ignore[no-any-return]
    if version > VERSION:
        raise StoredByNewerRelease(
            f"{kind.__name__} was stored in version {version}; this release reads up to {VERSION}."
        )
    fields = msgspec.msgpack.decode(data if version == 1 else data[1:])
    for step in _MIGRATIONS[version - 1 :]:
        fields = step(fields)
    return _decoders[kind].decode(_pack(fields))  # type: ignore[no-any-return]


#: Names of version 1 (release 0.1.0) that the field's terms replaced.
_NAMES_OF_VERSION_1 = {
    "connected_at": "connected_source_at",
    "disconnected_at": "disconnected_source_at",
    "connected_by_us": "connected_gateway_at",
    "disconnected_by_us": "disconnected_gateway_at",
    "touched_by_us": "touched_gateway_at",
    "cleared_by_us": "cleared_gateway_at",
    "doubted_by_us": "unconfirmed_since",
    "reached_by_us": "reached_gateway_at",
    "lost_by_us": "lost_gateway_at",
    "stalled_by_us": "stalled_gateway_at",
    "found_by_us": "found_gateway_at",
    "flagged_by_us": "flagged_gateway_at",
    "began_by_us": "began_gateway_at",
    "mark": "pending_transfer",
    "by_us": "gateway_at",
}
#: Maps whose keys are data (devices, query fields), not names of fields; their values may be maps of fields.
_KEYED_BY_DATA = frozenset({"facts", "parties", "query_data", "queue_names"})


def _from_version_1(fields: Fields) -> Fields:
    """Rename the fields, nested ones too, and leave maps that are keyed by data as they are."""
    return {_NAMES_OF_VERSION_1.get(name, name): _renamed(name, value) for name, value in fields.items()}


def _renamed(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        if name == "parties":
            return {device: _from_version_1(party) for device, party in value.items()}
        return value if name in _KEYED_BY_DATA and not _is_leg_data(value) else _from_version_1(value)
    return [_renamed("", one) for one in value] if isinstance(value, list) else value


def _is_leg_data(value: Fields) -> bool:
    """Tell a leg's ``facts`` (a map of fields) from a call's (a map from a field's name to its values)."""
    return bool(value) and not all(isinstance(one, list) for one in value.values())


def incarnation_of(call_id: str) -> int:
    """Return the identity of a call that was stored when its id alone named it: below zero, others count from 1."""
    return -int.from_bytes(sha256(call_id.encode()).digest()[:7])


def _from_version_2(fields: Fields) -> Fields:
    """Give calls an identity beside their id, and legs that of their call."""
    if "call_id" not in fields:
        return fields
    fields = {**fields, "incarnation": incarnation_of(fields["call_id"])}
    pending = fields.get("pending_transfer")
    if pending:
        fields["pending_transfer"] = {**pending, "incarnation": incarnation_of(pending["call_id"])}
    if "born_at" in fields:
        fields |= _call_of_version_2(fields)
    return fields


def _call_of_version_2(fields: Fields) -> Fields:
    """Name other calls by their identity; a call in which nobody was waited, in a queue or for a transfer's target."""
    others = {name: incarnation_of(fields[name]) for name in ("moved_to", "main") if fields.get(name)}
    waits = not fields.get("parties") and not fields.get("moved_to")
    since = {"waits_since": fields["born_at"]} if waits or fields.get("is_in_transit") else {}
    moved = {"moved_at": _last_end(fields)} if fields.get("moved_to") else {}
    return {"moved_to": None, "main": None, **others, **since, **moved}


def _last_end(fields: Fields) -> Any:
    ends = [party["cleared_at"] for party in fields.get("parties", {}).values() if party.get("cleared_at")]
    return max(ends, default=fields["born_at"])


_MIGRATIONS: tuple[Callable[[Fields], Fields], ...] = (_from_version_1, _from_version_2)
