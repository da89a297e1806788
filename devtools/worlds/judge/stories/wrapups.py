"""Wrap-ups that come late, also when the id of their call is in use again, and with all that is known of the call."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, hang_up, queued, talk_time
from devtools.worlds.judge.stage import Stage
from devtools.worlds.judge.transfers import answered, moved, result_of

from .conferences import wraps_up

#: From the end of a call to its wrap-up, in seconds.
AFTER = (0.3, 1.0, 5.0, 20.0, 40.0, 100.0)


def late_wrapup(stage: Stage, t: float, phone: str) -> float:
    """Let a queue call have a wrap-up that names its extension, and now and then what else is known of the call."""
    call, at = queued(stage, t, stage.rng.choice((1.2, 3.0)))
    connect(stage, call, phone, at)
    end = at + talk_time(stage)
    hang_up(stage, call, [phone], end)
    text = wraps_up(stage, call, phone, end + stage.rng.choice(AFTER), f"result{call.key}")
    stage.record(phone, at, end, [call], call.id, wrapup=text)
    return end


def handed_wrapups(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a customer be handed on, and both agents wrap up: the first under the former id, the second under the new."""
    call, at = answered(stage, t, phone)
    gone = at + stage.rng.choice((1.0, 6.0))
    result = result_of(stage, call, None, gone, call.contact)
    part = stage.goes_on(call, gone) if result is call else result
    moved(stage, gone, call, None, part, phone, other)
    stage.take(phone, gone)
    connect(stage, part, other, gone + 2.0)
    end = gone + 2.0 + talk_time(stage)
    hang_up(stage, part, [other], end)
    first = wraps_up(stage, call, phone, gone + stage.rng.choice(AFTER), f"result{call.key}")
    second = wraps_up(stage, part, other, end + stage.rng.choice(AFTER), f"result{part.key}x")
    stage.record(phone, at, gone, [call], call.id, wrapup=first)
    stage.record(other, gone + 2.0, end, [call, part], part.id, wrapup=second)
    return end
