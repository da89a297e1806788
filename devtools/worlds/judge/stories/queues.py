"""Calls that come into a queue again, that a phone leads there, and that wait in two queues."""

from __future__ import annotations

from devtools.worlds.judge.calls import connect, hang_up, queued, talk_time
from devtools.worlds.judge.people import QUEUES
from devtools.worlds.judge.stage import Stage
from devtools.worlds.judge.transfers import answered


def rings_in_vain(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a phone not answer, so that the call goes back to its queue, or to the next one, and is answered."""
    call, at = queued(stage, t, stage.rng.choice((0.5, 2.0)))
    stage.say(at, "Delivered", call, deviceId=phone, localState="alerting")
    back = at + stage.rng.choice((0.4, 4.0))
    queue = stage.rng.choice((call.queue, call.queue, stage.rng.choice(QUEUES)))
    cause = stage.rng.choice(("callNotAnswered", "redirected"))
    stage.say(back, "Diverted", call, deviceId=phone, newDestination=queue, cause=cause)
    stage.take(phone, back)
    if queue != call.queue or stage.rng.random() < 0.5:
        call.queue = queue
        stage.say(back + stage.rng.choice((0.01, 0.3)), "Queued", call)
    by = stage.rng.choice((other, other, phone))
    then = back + stage.rng.choice((1.4, 3.0, 60.0))
    connect(stage, call, by, then, ring=stage.rng.choice((0.0, 1.0)))
    end = then + talk_time(stage)
    hang_up(stage, call, [by], end)
    stage.record(by, then, end, [call], call.id)
    return end


def overflows(stage: Stage, t: float, phone: str) -> float:
    """Let a queue lead its call to the next queue, where it is answered."""
    call, at = queued(stage, t, 3.0)
    queue = stage.rng.choice([x for x in QUEUES if x != call.queue])
    over = t + stage.rng.choice((0.3, 2.0))
    stage.say(over, "Diverted", call, deviceId=call.queue, newDestination=queue, cause="overflow")
    call.queue = queue
    stage.say(over + stage.rng.choice((0.01, 0.2)), "Queued", call)
    connect(stage, call, phone, at + 1.5)
    end = at + 1.5 + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at + 1.5, end, [call], call.id)
    return end


def led_to_queue(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a phone lead its call to a queue, where it is heard of before the phone leaves; another phone answers."""
    call, at = answered(stage, t, phone)
    gone = at + stage.rng.choice((2.0, 8.0))
    part = stage.goes_on(call, gone)
    part.queue = stage.rng.choice([x for x in QUEUES if x != call.queue])
    stage.say(gone, "Queued", part)
    left = gone + stage.rng.choice((0.05, 0.4))
    stage.say(left, "ConnectionCleared", call, deviceId=phone)
    stage.take(phone, left)
    met = left + stage.rng.choice((1.5, 6.0))
    connect(stage, part, other, met)
    end = met + talk_time(stage)
    hang_up(stage, part, [other], end)
    stage.record(phone, at, left, [call], call.id)
    # In whole seconds the queue is named in the second in which the phone leaves: the call may be the id's next one.
    doubt = "its queue was named as its phone left"
    stage.record(other, met, end, [call, part], part.id, whole_doubt=doubt)
    return end


def two_queues(stage: Stage, t: float, phone: str) -> float:
    """Let a caller wait in two queues at once; the answer says which of them it is of."""
    call, at = queued(stage, t, stage.rng.choice((1.5, 5.0)))
    first, second = call.queue, stage.rng.choice([x for x in QUEUES if x != call.queue])
    call.queue = second
    stage.say(t + stage.rng.choice((0.05, 0.5)), "Queued", call)
    call.queue = stage.rng.choice((first, second))
    stage.say(at, "Established", call, deviceId=phone, queueName=call.queue)
    end = at + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at, end, [call], call.id)
    return end
