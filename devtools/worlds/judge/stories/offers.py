"""Calls that ring at several phones, and a supervisor who listens to one."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, hang_up, queued, talk_time
from devtools.worlds.judge.stage import Call, Stage
from devtools.worlds.judge.transfers import answered


def _came(stage: Stage, t: float) -> tuple[Call, float]:
    if stage.rng.random() < 0.5:
        return queued(stage, t, 1.5)
    return stage.call(t, stage.contact()), t


def rings_at_all(stage: Stage, t: float, phone: str, other: str, third: str) -> float:
    """Let a call ring at three phones, one of which answers; for the others the source says that they stop ringing."""
    call, at = _came(stage, t)
    for one in (phone, other, third):
        stage.say(at, "Delivered", call, deviceId=one, localState="alerting")
    met = at + stage.rng.choice((0.5, 3.0))
    by = stage.rng.choice((phone, other, third))
    connect(stage, call, by, met, ring=0)
    kind = stage.rng.choice(("Diverted", "ConnectionCleared"))
    for one in (phone, other, third):
        if one != by:
            stage.say(met + stage.rng.choice((0.0, 0.05)), kind, call, deviceId=one)
            stage.take(one, met)
    end = met + talk_time(stage)
    hang_up(stage, call, [by], end)
    stage.record(by, met, end, [call], call.id)
    return end


def listened_to(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a supervisor come into a call; either of the two leaves first."""
    call, at = answered(stage, t, phone)
    came = at + stage.rng.choice((1.0, 4.0))
    connect(stage, call, other, came, ring=0, cause="silentParticipation")
    first, last = stage.rng.choice(((phone, other), (other, phone)))
    left = came + stage.rng.choice((1.2, 6.0))
    stage.say(left, "ConnectionCleared", call, deviceId=first)
    stage.take(first, left)
    end = left + stage.rng.choice((0.5, 5.0))
    hang_up(stage, call, [last], end)
    ends = {first: left, last: end}
    stage.record(phone, at, ends[phone], [call], call.id)
    stage.record(other, came, ends[other], [call], call.id)
    return end
