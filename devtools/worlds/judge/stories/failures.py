"""Attempts that fail: the part of the extension that is named ends, as by ConnectionCleared."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, dial, hang_up, queued, talk_time
from devtools.worlds.judge.stage import Call, Stage
from devtools.worlds.judge.transfers import answered, with_agents_name

CAUSES = ("busy", "destNotObtainable", "networkCongestion", "numberUnallocated")


def fails(stage: Stage, call: Call, phone: str, at: float, far: str) -> float:
    """Let an attempt fail that a phone dialled; return when the phone has left.

    `Failed` names the phone, whose part ends with it, or the far end: then the phone hangs up by itself.
    """
    cause = stage.rng.choice(CAUSES)
    if stage.rng.random() < 0.5:
        stage.say(at, "Failed", call, deviceId=far, cause=cause)
        left = at + stage.rng.choice((0.3, 4.0))
        stage.say(left, "ConnectionCleared", call, deviceId=phone)
        return left
    stage.say(at, "Failed", call, deviceId=phone, cause=cause)
    if stage.rng.random() < 0.4:
        return at
    stage.say(at + 0.5, "ConnectionCleared", call, spare=True, deviceId=phone)
    return at + 0.5


def fails_outside(stage: Stage, t: float, phone: str) -> float:
    """Let a number outside be busy, or not be reached; an agent may try twice, and succeed."""
    for _ in range(stage.rng.randint(1, 2)):
        call = stage.call(t, stage.contact(), is_new=True)
        call.trunk = f"T{call.key}"
        dial(stage, call, phone, t, direction="outbound")
        if stage.rng.random() < 0.6:
            stage.say(t + 0.4, "NetworkReached", call, spare=True, deviceId=call.trunk)
        if stage.rng.random() < 0.2:
            stage.say(t + 0.7, "Delivered", call, spare=True, deviceId=call.trunk)
        t = fails(stage, call, phone, t + stage.rng.choice((1.0, 3.0)), call.trunk)
        if stage.site.style.clears:
            stage.say(t, "CallCleared", call, spare=True)
        stage.over(call, t)
        t += 0.3
    return t - 0.3


def fails_in_consultation(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a colleague's phone be busy, so that the agent goes back to the customer."""
    call, at = answered(stage, t, phone)
    held = at + stage.rng.choice((1.0, 4.0))
    stage.say(held, "Held", call, deviceId=phone, cause="consultation")
    talk = stage.call(held + 0.5, call.contact, named=False, is_new=True)
    with_agents_name(stage, talk, phone)
    dial(stage, talk, phone, held + 0.5, cause="consultation")
    left = fails(stage, talk, phone, held + 1.5, other)
    if stage.site.style.clears:
        stage.say(left, "CallCleared", talk, spare=True)
    stage.over(talk, left)
    stage.say(left + 0.2, "Retrieved", call, deviceId=phone)
    end = left + 0.2 + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at, end, [call], call.id, shared=True)
    return end


def fails_from_queue(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let the phone that a queue chose be out of reach, so that another answers."""
    call, at = queued(stage, t, 1.5)
    stage.say(at, "Failed", call, deviceId=phone, cause="destNotObtainable")
    stage.take(phone, at)
    then = at + stage.rng.choice((1.2, 6.0))
    connect(stage, call, other, then)
    end = then + talk_time(stage)
    hang_up(stage, call, [other], end)
    stage.record(other, then, end, [call], call.id)
    return end
