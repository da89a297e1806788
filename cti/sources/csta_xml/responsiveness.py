"""Whether the server still answers requests of one kind."""

from collections.abc import Callable
from typing import Final

#: Maximum requests in a row without an answer, each sent after the one before it was given up.
MAXIMUM_MISSES: Final = 3


class Responsiveness:
    """Counts the requests that were not answered; those that were under way together count once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._misses = 0
        self._since = clock()

    @property
    def is_unresponsive(self) -> bool:
        """Say whether it is no use to ask for now."""
        return self._misses >= MAXIMUM_MISSES

    def reset(self) -> None:
        """Forget what was not answered; requests that are under way no longer count."""
        self._misses, self._since = 0, self._clock()

    def asked(self) -> float:
        """Return when a request is sent, for ``missed``."""
        return self._clock()

    def answered(self) -> None:
        """Note an answer; a refusal is one."""
        self._misses = 0

    def missed(self, asked_at: float) -> bool:
        """Note a request that was not answered; return True when from now on it is no use to ask."""
        if self.is_unresponsive or asked_at < self._since:
            return False
        self._misses, self._since = self._misses + 1, self._clock()
        return self.is_unresponsive
