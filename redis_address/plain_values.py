"""How cached values are written in Redis: as plain data, so that whoever writes there runs nothing in who reads."""

from typing import Any

import msgspec


class PlainValues:
    """Django's cache takes this class in the place of its pickles. Numbers stay text: Redis counts them."""

    def dumps(self, value: Any) -> int | bytes:
        """Return what Redis is given."""
        return value if type(value) is int else msgspec.msgpack.encode(value)

    def loads(self, data: bytes) -> Any:
        """Return the value; None, as if it were not there, where the bytes are none of ours."""
        try:
            return int(data)
        except ValueError:
            pass
        try:
            return msgspec.msgpack.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
