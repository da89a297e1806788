"""Recorders that begin again in the middle of a conversation, without any event."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, hang_up, queued
from devtools.worlds.judge.stage import Stage

#: Seconds before the next call is connected in which a recording that nothing explains is taken for its.
SOON = 3.0


def recorded_anew(stage: Stage, t: float, phone: str) -> float:
    """Let QMS begin a second recording of a conversation: it is of the same leg, or of nobody."""
    call, at = queued(stage, t, 2.0)
    connect(stage, call, phone, at)
    anew = at + stage.rng.choice((0.5, 2.0, 8.0, 15.0))
    end = anew + stage.rng.choice((SOON, 9.0, 25.0))
    if anew > at + 4.0 and stage.rng.random() < 0.4:
        stage.say(anew - 2.0, "Held", call, deviceId=phone)
        stage.say(anew + 1.0, "Retrieved", call, deviceId=phone)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at, anew, [call], call.id, leg=(at, end))
    stage.record(phone, anew, end, [call], call.id, leg=(at, end), seated=at, born="anew")
    return end
