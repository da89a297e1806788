"""Interaction ids that the gateway made itself, compared up to their names. Pure.

Such an id is made of a running number of the source's calls, which a fold that begins in the midst counts otherwise.
Two ids are the same interaction where each stands for the other, and for no third one, throughout the replay.
"""

from collections import OrderedDict
from uuid import UUID

#: Maximum number of interactions that are remembered.
MAXIMUM_REMEMBERED = 100_000
#: The version of the ids that the gateway makes (RFC 9562): from a name, by SHA-1.
_OWN_VERSION = 5


class SameInteractions:
    """Which id of the replay stands for which of then."""

    def __init__(self) -> None:
        self._then: OrderedDict[str, str] = OrderedDict()
        self._now: dict[str, str] = {}

    def is_same(self, then: str, now: str) -> bool:
        """Say whether two ids are of the same interaction, as far as was seen; remembers a pair that is new."""
        if then == now:
            return True
        if not (_is_own(then) and _is_own(now)):
            return False
        if self._then.setdefault(now, then) != then or self._now.setdefault(then, now) != now:
            return False
        if len(self._then) > MAXIMUM_REMEMBERED:
            _, oldest = self._then.popitem(last=False)
            self._now.pop(oldest, None)
        return True


def _is_own(text: str) -> bool:
    try:
        return UUID(text).version == _OWN_VERSION
    except ValueError:
        return False
