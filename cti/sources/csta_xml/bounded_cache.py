"""What a decoder remembers from one message for the next; each memory is bounded, the oldest is forgotten first."""

from typing import Generic, TypeVar

import msgspec

Key = TypeVar("Key")
Value = TypeVar("Value")

#: Twice the calls that may be open at once.
LIMIT = 200_000


class BoundedCache(Generic[Key, Value]):
    """The newest entries of a mapping, ``limit`` at most."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._known: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Key) -> Value | None:
        """Return what is remembered under a key."""
        return self._known.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Remember; the entry is the newest now."""
        self._known.pop(key, None)
        self._known[key] = value
        if len(self._known) > self._limit:
            del self._known[next(iter(self._known))]

    def drop(self, key: Key) -> None:
        """Forget."""
        self._known.pop(key, None)


class ConnectionPlace(msgspec.Struct, frozen=True):
    """Where a connection is: at an extension, or outside under the id that the switch gave it.

    Once it ``is_over``, the switch may use the ids of call and device again, for another place.
    """

    device_id: str
    outside: bool = False
    is_over: bool = False
