"""QMS as a scenario describes it: which recording it names at a moment, how long an answer takes, when it is away."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from devtools.worlds.judge.scenario import Qms

#: Second 0 of every scenario.
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    """Return a moment of a scenario."""
    return BEGIN + timedelta(seconds=seconds)


def seconds_of(at: datetime) -> float:
    """Return a moment in seconds of a scenario."""
    return round((at - BEGIN).total_seconds(), 3)


class Made(Struct, frozen=True):
    """Hold one recording that QMS made."""

    guid: str
    start: datetime
    end: datetime


class WorldRecorder:
    """Answer questions and writes at a moment; nothing here remembers anything."""

    def __init__(self, qms: Qms) -> None:
        self.window = timedelta(seconds=qms.window_seconds)
        self.interval = timedelta(seconds=qms.interval_seconds)
        self.refuses = frozenset(qms.refuses)
        self._answer = timedelta(seconds=qms.answer_seconds)
        self._away = [(moment(start), moment(end)) for start, end in qms.away]
        self._slow = [(moment(start), moment(end), timedelta(seconds=pace)) for start, end, pace in qms.slow]
        self._late = [(moment(start), moment(end)) for start, end in qms.late_writes]
        self._late_by = timedelta(seconds=qms.late_seconds)
        self._made: dict[str, list[Made]] = {}
        for one in qms.recordings:
            made = Made(one.guid, moment(one.start), moment(one.end))
            self._made.setdefault(one.extension, []).append(made)

    def find(self, extension: str, not_before: datetime, at: datetime) -> Made | None:
        """Return the newest recording that an extension has at a moment; its GUID is reported in the window only."""
        live = [x for x in self._made.get(extension, ()) if x.start <= at < x.end and at <= x.start + self.window]
        return max((x for x in live if x.start >= not_before), key=lambda x: x.start, default=None)

    def is_away(self, at: datetime) -> bool:
        """Say whether a question of this moment gets no answer."""
        return any(start <= at < end for start, end in self._away)

    def answered_at(self, at: datetime) -> datetime:
        """Return when a question of a moment is answered."""
        paces = (pace for start, end, pace in self._slow if start <= at < end)
        return at + next(paces, self._answer)

    def back_at(self, at: datetime) -> datetime:
        """Return the next moment at which QMS answers."""
        return max((end for start, end in self._away if start <= at < end), default=at)

    def takes_effect_at(self, at: datetime) -> datetime:
        """Return when a write that is sent at a moment is in QMS."""
        late = any(start <= at < end for start, end in self._late)
        return at + self._late_by if late else self.answered_at(at)
