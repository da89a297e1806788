"""How long to wait before a source is tried again."""

import secrets

from cti.sources.port import LinkError

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
#: After a refusal that only a person can mend: trying often has the user locked, or the gateway's address banned.
REFUSED_PAUSES = (60.0, 300.0)
#: A link that held so long begins again with the first pause.
STEADY_SECONDS = 30.0


class Backoff:
    """The pauses between the tries of one source: a link that broke is soon tried again, one refused is not."""

    def __init__(self) -> None:
        self._failures = self._refusals = 0

    def begin_anew(self) -> None:
        """Forget what went before: the settings are others, or the link was ended by us."""
        self._failures = self._refusals = 0

    def linked(self) -> None:
        """Note that the other side let us in."""
        self._refusals = 0

    def pause(self, error: LinkError, lasted: float) -> float:
        """Return how long to wait after a session that lasted so many seconds: growing, never the same for two."""
        chance = secrets.randbelow(1000) / 2000
        if not error.retryable:
            self._refusals += 1
            return REFUSED_PAUSES[min(self._refusals, len(REFUSED_PAUSES)) - 1] * (1 + chance / 5)
        # Refusals are not forgotten here: a PBX that bans an address does not answer it for a while.
        self._failures = 0 if lasted > STEADY_SECONDS else self._failures + 1
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 10)) * (0.5 + chance)
