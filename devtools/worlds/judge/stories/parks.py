"""Calls that wait without any extension: parked, and picked up at another phone."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, hang_up, talk_time
from devtools.worlds.judge.stage import Stage
from devtools.worlds.judge.transfers import answered

#: Seconds without any event after which the one who answers needs the interaction.
LONG = 900.0


def parked_long(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent park a call for long, and another one fetch it."""
    call, at = answered(stage, t, phone)
    park = at + stage.rng.choice((0.6, 3.0, 9.0))
    waits = (1.5, 8.0, 100.0, 340.0, 860.0, 2000.0)
    wait = stage.rng.choice(waits if stage.site.style.interaction == "always" else waits[:-1])
    stage.say(park, "Diverted", call, deviceId=phone, newDestination="P1", cause="park")
    left = park + stage.rng.choice((0.0, 0.03))
    stage.say(left, "ConnectionCleared", call, deviceId=phone, cause="park")
    stage.take(phone, left)
    fetch = left + wait
    connect(stage, call, other, fetch, ring=0, cause="callPickup")
    end = fetch + talk_time(stage)
    hang_up(stage, call, [other], end)
    stage.record(phone, at, left, [call], call.id)
    stage.record(other, fetch, end, [call], call.id)
    return end
