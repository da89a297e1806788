"""How long to wait before a source is tried again."""

import secrets

from cti.sources.port import LinkError

#: The first and the longest wait before another try, in seconds.
FIRST_PAUSE, MAXIMUM_PAUSE = 0.5, 5.0
#: Pauses after a refusal that only a person can correct, in seconds: frequent attempts get the user locked or the
#: gateway's address banned.
REFUSED_PAUSES = (60.0, 300.0)
#: Minimum duration of a link after which the pauses start again with the first, in seconds.
STEADY_SECONDS = 30.0


class Backoff:
    """The pauses between the attempts of one source: short after a broken link, long after a refusal."""

    def __init__(self) -> None:
        self._failures = self._refusals = 0

    def reset(self) -> None:
        """Forget earlier failures: the settings have changed, or we ended the link ourselves."""
        self._failures = self._refusals = 0

    def linked(self) -> None:
        """Note that the login was accepted."""
        self._refusals = 0

    def pause(self, error: LinkError, lasted: float) -> float:
        """Return how long to wait after a session of ``lasted`` seconds: growing, with jitter."""
        chance = secrets.randbelow(1000) / 2000
        if not error.retryable:
            self._refusals += 1
            return REFUSED_PAUSES[min(self._refusals, len(REFUSED_PAUSES)) - 1] * (1 + chance / 5)
        # Refusals are not forgotten here: a PBX that bans an address does not answer it for a while.
        self._failures = 0 if lasted > STEADY_SECONDS else self._failures + 1
        return min(MAXIMUM_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 10)) * (0.5 + chance)
