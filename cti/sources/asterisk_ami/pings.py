"""Ping the PBX, and read from its answers how old an event may be."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from cti.sources.asterisk_ami.answers import AmiAnswer
from cti.sources.event_age import EventAge

#: Maximum pings without an answer that are remembered.
MAXIMUM_PINGS: Final = 32


class Pings:
    """The pings of one link. ``send``: sends an action; ``forget``: lets its answer go unread."""

    def __init__(
        self,
        age: EventAge,
        send: Callable[[str], AmiAnswer],
        forget: Callable[[AmiAnswer], None],
        now: Callable[[], datetime],
    ) -> None:
        self.age, self._send, self._forget, self._now = age, send, forget, now
        self._sent: dict[AmiAnswer, datetime] = {}

    def send(self) -> None:
        """Send a ping."""
        if len(self._sent) >= MAXIMUM_PINGS:
            self._drop(next(iter(self._sent)))
        now = self._now()
        self.age.asked(now)
        self._sent[self._send("Ping")] = now

    def send_if_due(self) -> None:
        """Send a ping where its answer would show how old the next events may be."""
        if self.age.wait(self._now()) == 0:
            self.send()

    def take(self, answer: AmiAnswer) -> None:
        """Take an answer that has come; it may be another action's."""
        asked_at = self._sent.get(answer)
        if asked_at is None:
            return
        if answer.is_refusal:
            self.age.refused()
        else:
            self.age.answered(asked_at, self._now())
        self._drop(answer)

    def _drop(self, answer: AmiAnswer) -> None:
        del self._sent[answer]
        self._forget(answer)
