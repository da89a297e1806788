"""Kinds of calls without a transfer: each function lets one happen from `t` on and returns when it is over."""

from __future__ import annotations

from .people import QUEUES
from .stage import Call, Stage


def connect(stage: Stage, call: Call, phone: str, at: float, ring: float = 1.0, cause: str = "") -> None:
    """Let a phone ring and answer."""
    seat = stage.seat(phone, at)
    if stage.site.style.delivers and ring:
        # Who is offered a call does not determine who answers it, if anybody of that name is there at all.
        offered = stage.rng.choice(stage.site.agents).id if not seat.agent and stage.rng.random() < 0.3 else ""
        stage.say(at - ring, "Delivered", call, spare=True, deviceId=phone, localState="alerting", agentId=offered)
    # The PBX's own word who answered is the only thing that helps where two agents sit at one phone.
    word = seat.agent if stage.rng.random() < stage.site.style.words else ""
    stage.say(at, "Established", call, deviceId=phone, cause=cause, agentId=word)
    state(stage, phone, at, "Busy")


def state(stage: Stage, phone: str, at: float, kind: str) -> None:
    """Tell now and then what the agent who sits there does; that names nobody for a call."""
    seat = stage.seat(phone, at)
    if seat.agent and seat.sure and not stage.site.style.minimal and stage.rng.random() < 0.15:
        stage.say(at, kind, None, spare=True, agentId=seat.agent, deviceId=phone)


def dial(stage: Stage, call: Call, phone: str, at: float, cause: str = "", direction: str = "") -> None:
    """Let a phone go off hook and dial."""
    if stage.rng.random() < 0.3:
        stage.say(at - 0.03, "ServiceInitiated", call, spare=True, deviceId=phone, cause=cause)
    stage.say(at, "Originated", call, deviceId=phone, cause=cause, direction=direction)


def hang_up(stage: Stage, call: Call, phones: list[str], at: float, free: bool = True) -> None:
    """Clear a call at its extensions, at the trunk and as a whole where the source reports these."""
    style = stage.site.style
    if style.trunks:
        stage.say(at - 0.01, "ConnectionCleared", call, spare=True, deviceId=call.trunk or f"T{call.key}",
                  cause="normalClearing")  # fmt: skip
    for phone in phones:
        stage.say(at, "ConnectionCleared", call, deviceId=phone, cause="normalClearing")
        stage.take(phone, at)
        state(stage, phone, at, stage.rng.choice(("WorkingAfterCall", "Ready", "NotReady")))
    if style.clears:
        stage.say(at, "CallCleared", call, spare=True)
    if free:
        stage.over(call, at)


def talk_time(stage: Stage) -> float:
    """Return how long people talk; some hang up at once."""
    if stage.hot:
        return stage.rng.choice((0.1, 0.3, 0.7, 1.5, 4.0))
    return stage.rng.choice((0.1, 0.4, 0.9, 2.0, 5.0, 12.0, 30.0, 70.0))


def queued(stage: Stage, t: float, wait: float) -> tuple[Call, float]:
    """Let a customer call a queue; the call may be answered `wait` later."""
    call = stage.call(t, stage.contact())
    call.queue = stage.rng.choice(QUEUES)
    stage.say(t, "Queued", call)
    return call, t + wait


def queue_call(stage: Stage, t: float, phone: str) -> float:
    """Let a queue call be answered."""
    call, at = queued(stage, t, stage.rng.choice((1.5, 4.0, 9.0)))
    connect(stage, call, phone, at)
    end = at + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at, end, [call], call.id)
    return end


def direct_call(stage: Stage, t: float, phone: str) -> float:
    """Let someone call an extension."""
    call = stage.call(t, stage.contact())
    connect(stage, call, phone, t + 1.0)
    end = t + 1.0 + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, t + 1.0, end, [call], call.id)
    return end


def short_call(stage: Stage, t: float, phone: str) -> float:
    """Let a call of less than a second come, and the next one 0.2 s later."""
    for _ in range(stage.rng.randint(1, 3)):
        call = stage.call(t, stage.contact())
        connect(stage, call, phone, t + 0.05, ring=0.05)
        end = t + 0.05 + stage.rng.choice((0.1, 0.2, 0.4, 0.7, 0.95))
        hang_up(stage, call, [phone], end)
        stage.record(phone, t + 0.05, end, [call], call.id)
        t = end + 0.2
    return t - 0.2


def abandoned_call(stage: Stage, t: float, phone: str) -> float:
    """Let a customer give up in the queue, with or without a word of it."""
    call, end = queued(stage, t, stage.rng.choice((0.3, 3.0, 8.0)))
    rings = stage.site.style.delivers and stage.rng.random() < 0.6
    if rings:
        stage.say(end - 0.2, "Delivered", call, spare=True, deviceId=phone)
        stage.say(end, "ConnectionCleared", call, deviceId=phone)
        stage.take(phone, end)
    how = stage.rng.choice(("cleared", "diverted", "silent")) if stage.site.style.silences else "cleared"
    if how == "cleared":
        stage.say(end, "CallCleared", call)
    if how == "diverted":
        stage.say(end, "Diverted", call, deviceId=call.queue, cause="queueCleared")
    stage.over(call, end, silent=how == "silent")
    return end


def internal_call(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let one extension call another; each has a leg, and may have a recording."""
    call = stage.call(t, stage.contact(), is_new=not stage.site.style.minimal)
    dial(stage, call, phone, t)
    connect(stage, call, other, t + 2.0)
    if stage.site.style.minimal or stage.site.style.both_ends:
        stage.say(t + 2.0, "Established", call, deviceId=phone)
    end = t + 2.0 + talk_time(stage)
    hang_up(stage, call, [phone, other], end)
    stage.record(phone, t + 2.0, end, [call], call.id)
    stage.record(other, t + 2.0, end, [call], call.id)
    return end


def outbound_call(stage: Stage, t: float, phone: str) -> float:
    """Let an agent call somebody outside."""
    call = stage.call(t, stage.contact(), is_new=not stage.site.style.minimal)
    dial(stage, call, phone, t, direction="outbound")
    if stage.site.style.trunks:
        stage.say(t + 0.5, "NetworkReached", call, spare=True, deviceId=f"T{call.key}")
    answers_outside(stage, call, t + 2.0)
    stage.say(t + 2.0, "Established", call, deviceId=phone)
    end = t + 2.0 + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, t + 2.0, end, [call], call.id)
    return end


def answers_outside(stage: Stage, call: Call, at: float) -> None:
    """Tell that the outside party answers, where the source reports its connection."""
    if stage.site.style.far_ends:
        call.trunk = call.trunk or f"T{call.key}"
        stage.say(at, "Established", call, spare=True, deviceId=call.trunk)


def failed_call(stage: Stage, t: float, phone: str) -> float:
    """Let an agent call somebody who is busy: no conversation, no recording, and the id is free again."""
    call = stage.call(t, stage.contact(), is_new=True)
    dial(stage, call, phone, t)
    stage.say(t + 1.0, "Failed", call, spare=True, deviceId=phone, cause="busy")
    hang_up(stage, call, [phone], t + 1.5)
    return t + 1.5


def overflowed_call(stage: Stage, t: float, phone: str) -> float:
    """Let a call leave its queue unanswered for an extension: its queue is no longer flagged."""
    call, at = queued(stage, t, 6.0)
    stage.say(t + 4.0, "Diverted", call, deviceId=call.queue, newDestination=phone, cause="queueCleared")
    call.queue = ""
    connect(stage, call, phone, at)
    end = at + talk_time(stage)
    hang_up(stage, call, [phone], end)
    # Between the queue and the phone no connection of the call is reported.
    stage.record(phone, at, end, [call], call.id, doubt="left its queue")
    return end


def requeued_call(stage: Stage, t: float, phone: str) -> float:
    """Let a call go from one queue to another before it is answered."""
    call, at = queued(stage, t, 4.0)
    call.queue = stage.rng.choice([x for x in QUEUES if x != call.queue])
    stage.say(t + 2.0, "Queued", call)
    connect(stage, call, phone, at)
    end = at + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at, end, [call], call.id)
    return end


def hold_call(stage: Stage, t: float, phone: str) -> float:
    """Let an agent hold a customer and come back; QMS may begin again at the retrieve."""
    call, at = queued(stage, t, 2.0)
    connect(stage, call, phone, at)
    held, back = at + 3.0, at + 3.0 + stage.rng.choice((0.3, 4.0, 15.0))
    stage.say(held, "Held", call, spare=True, deviceId=phone)
    stage.say(back, "Retrieved", call, spare=True, deviceId=phone)
    end = back + talk_time(stage)
    hang_up(stage, call, [phone], end)
    if stage.rng.random() < stage.renew_hold:
        stage.record(phone, at, held, [call], call.id, leg=(at, end))
        stage.record(phone, back, end, [call], call.id, seated=at, leg=(at, end), born="retrieve")
    else:
        stage.record(phone, at, end, [call], call.id)
    return end


def colleague_call(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a colleague call an agent who has a customer on hold: that is no consultation."""
    call, at = queued(stage, t, 2.0)
    connect(stage, call, phone, at)
    stage.say(at + 3.0, "Held", call, deviceId=phone)
    talk = stage.call(at + 3.5, stage.contact("J"), is_new=True)
    dial(stage, talk, other, at + 3.5)
    connect(stage, talk, phone, at + 5.0)
    if stage.site.style.both_ends:
        stage.say(at + 5.0, "Established", talk, deviceId=other)
    hang_up(stage, talk, [phone, other], at + 14.0)
    stage.say(at + 15.0, "Retrieved", call, deviceId=phone)
    hang_up(stage, call, [phone], at + 25.0)
    stage.record(phone, at, at + 25.0, [call], call.id, shared=True)
    stage.record(other, at + 5.0, at + 14.0, [talk], talk.id)
    return at + 25.0


def pickup_call(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a call ring at one phone and be picked up at another."""
    call, at = queued(stage, t, 4.0)
    offered = stage.seat(phone, at - 2.0).agent if stage.rng.random() < 0.3 else ""
    stage.say(at - 2.0, "Delivered", call, spare=True, deviceId=phone, agentId=offered)
    stage.say(at, "Diverted", call, deviceId=phone, newDestination=other, cause="callPickup")
    connect(stage, call, other, at, ring=0, cause="callPickup")
    end = at + talk_time(stage)
    hang_up(stage, call, [other], end)
    stage.record(other, at, end, [call], call.id)
    return end


def parked_call(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent park a call and another one fetch it."""
    call, at = queued(stage, t, 2.0)
    connect(stage, call, phone, at)
    park, fetch = at + 6.0, at + 6.0 + stage.rng.choice((1.5, 8.0, 20.0))
    stage.say(park, "Diverted", call, deviceId=phone, newDestination="P1", cause="park")
    stage.say(park, "ConnectionCleared", call, deviceId=phone, cause="park")
    connect(stage, call, other, fetch, ring=0, cause="callPickup")
    end = fetch + talk_time(stage)
    hang_up(stage, call, [other], end)
    stage.record(phone, at, park, [call], call.id)
    # All its connections were gone in between: the stream is that of a call that ended and an id that came back.
    stage.record(other, fetch, end, [call], call.id, doubt="parked: no connection reported in between")
    return end


def wrapup_call(stage: Stage, t: float, phone: str) -> float:
    """Let a queue call have data during it and a wrap-up after it."""
    call, at = queued(stage, t, 2.0)
    connect(stage, call, phone, at)
    end = at + stage.rng.choice((5.0, 20.0))
    query, result = f"query{call.key}", f"result{call.key}"
    stage.say(at + 1.5, "CallInformation", call, spare=True, deviceId=phone, queryData={"case": query})
    hang_up(stage, call, [phone], end, free=False)
    named = {"deviceId": phone} if stage.rng.random() < 0.5 else {}
    after = end + stage.rng.choice((1.0, 5.0, 40.0, 100.0))
    stage.over(call, end)
    if stage.site.style.minimal:
        query = result = ""
    stage.say(after, "CallInformation", call, spare=True, wrapup={"result": result, "template": "standard"}, **named)
    call.end = end
    stage.record(phone, at, end, [call], call.id, wrapup=result, query=query)
    return end
