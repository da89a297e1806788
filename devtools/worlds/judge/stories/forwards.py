"""Calls that a phone leads on before anybody answers, and calls that were handed on to a phone which fails."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, hang_up, queued, talk_time
from devtools.worlds.judge.stage import Call, Stage
from devtools.worlds.judge.transfers import answered, moved, result_of

from .failures import CAUSES
from .outside import ends_outside, number_outside


def forwarded(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a phone ring and lead the call on to another phone, which answers."""
    call, at = _came(stage, t)
    stage.say(at, "Delivered", call, deviceId=phone, localState="alerting")
    gone = at + stage.rng.choice((0.3, 1.4, 5.0))
    stage.say(gone, "Diverted", call, deviceId=phone, newDestination=other, cause="callForwardNoAnswer")
    stage.take(phone, gone)
    stage.say(gone + 0.05, "Delivered", call, deviceId=other, localState="alerting")
    met = gone + stage.rng.choice((0.4, 0.9, 4.0))
    connect(stage, call, other, met, ring=0)
    end = met + talk_time(stage)
    hang_up(stage, call, [other], end)
    stage.record(other, met, end, [call], call.id)
    return end


def _came(stage: Stage, t: float) -> tuple[Call, float]:
    if stage.rng.random() < 0.4:
        return queued(stage, t, 1.5)
    return stage.call(t, stage.contact()), t


def queue_outside(stage: Stage, t: float, phone: str) -> float:
    """Let a phone that a queue chose lead the call on to an outside number: nobody here speaks with the caller."""
    call, at = queued(stage, t, 1.5)
    stage.say(at, "Delivered", call, deviceId=phone, localState="alerting")
    gone = at + stage.rng.choice((0.3, 4.0))
    cause = stage.rng.choice(("callForwardNoAnswer", "redirected"))
    stage.say(gone, "Diverted", call, deviceId=phone, newDestination=number_outside(stage), cause=cause)
    ends_outside(stage, call, gone)
    return gone


def fails_after_transfer(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let the phone to which a call was handed on fail: the call comes back, or the caller gives up, as is reported."""
    call, at = answered(stage, t, phone)
    gone = at + stage.rng.choice((1.5, 6.0))
    result = result_of(stage, call, None, gone, call.contact)
    moved(stage, gone, call, None, result, phone, other)
    stage.record(phone, at, gone, [call], call.id)
    failed = gone + stage.rng.choice((0.3, 2.0))
    stage.say(failed, "Failed", result, deviceId=other, cause=stage.rng.choice(CAUSES))
    stage.take(other, failed)
    back = failed + stage.rng.choice((0.1, 1.5))
    if stage.rng.random() < 0.4:
        stage.say(back, "CallCleared", result)
        stage.over(result, back)
        return back
    stage.say(back, "Diverted", result, deviceId=other, newDestination=phone, cause="recall")
    met = back + stage.rng.choice((0.2, 3.0))
    connect(stage, result, phone, met, ring=0, cause="recall")
    end = met + talk_time(stage)
    hang_up(stage, result, [phone], end)
    doubt = "came back from a phone that did not answer"
    stage.record(phone, met, end, [call, result], result.id, doubt=doubt)
    return end
