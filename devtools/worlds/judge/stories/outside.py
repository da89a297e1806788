"""Calls that are handed on to outside numbers: no extension is in them any more, and their ids come back."""

from __future__ import annotations

from typing import Any

from devtools.worlds.judge.calls import answers_outside, connect, dial, hang_up, talk_time
from devtools.worlds.judge.stage import Call, Stage
from devtools.worlds.judge.transfers import answered, moved, result_of, with_agents_name

#: How long people outside talk on, in seconds.
TALKS = (1.0, 4.0, 20.0, 200.0, 1000.0)


def number_outside(stage: Stage) -> str:
    """Return a number outside that belongs to no contact."""
    return f"+4940{stage.rng.randint(1000, 9999)}"


def ends_outside(stage: Stage, call: Call, gone: float) -> None:
    """Let the outside parties talk on and hang up: no rule asks a source to report that."""
    end = gone + stage.rng.choice(TALKS[:3] if stage.hot else TALKS)
    style = stage.site.style
    if style.trunks:
        stage.say(end - 0.01, "ConnectionCleared", call, spare=True, deviceId=call.trunk or f"T{call.key}")
    if style.clears:
        stage.say(end, "CallCleared", call, spare=True)
    stage.over(call, end)


def calls_outside(stage: Stage, call: Call, phone: str, held: float) -> tuple[Call, float]:
    """Let an agent hold a customer and call somebody outside; return that call and when it is answered."""
    stage.say(held, "Held", call, deviceId=phone, cause="consultation")
    talk = stage.call(held + 0.5, call.contact, named=False, is_new=True)
    with_agents_name(stage, talk, phone)
    talk.trunk = f"T{talk.key}"
    dial(stage, talk, phone, held + 0.5, cause="consultation", direction="outbound")
    if stage.rng.random() < 0.5:
        stage.say(held + 0.8, "NetworkReached", talk, spare=True, deviceId=talk.trunk)
    met = held + stage.rng.choice((2.0, 5.0))
    answers_outside(stage, talk, met)
    stage.say(met, "Established", talk, deviceId=phone)
    return talk, met


def merged_outside(stage: Stage, at: float, kind: str, calls: tuple[Call, Call, Call], phone: str, to: str,
                   trunks: tuple[str, str]) -> None:  # fmt: skip
    """Tell that a call and one to an outside party are joined; `trunks`: the devices of those outside."""
    first, second, result = calls
    sides = ("transferringDeviceId", "transferredToDeviceId")
    sides = sides if kind == "Transferred" else ("conferencingDeviceId", "addedPartyId")
    data: dict[str, Any] = {"primaryOldCallId": first.id, "secondaryOldCallId": second.id}
    data |= {"resultingCallId": result.id, sides[0]: phone, sides[1]: to}
    parties = [(x.id, y) for x, y in zip((first, second), trunks, strict=True) if y and stage.site.style.far_ends]
    parties += [(first.id, phone)] if kind == "Conferenced" else []
    rows = [{"old": {"callId": x, "deviceId": y}, "new": {"callId": result.id, "deviceId": y}} for x, y in parties]
    stage.say(at, kind, result, **data, connections=rows if stage.site.style.connections or len(parties) == 1 else [])


def blind_outside(stage: Stage, t: float, phone: str) -> float:
    """Let an agent hand the customer on to an outside number without a word."""
    call, at = answered(stage, t, phone)
    gone = at + stage.rng.choice((0.5, 3.0, 12.0))
    result = result_of(stage, call, None, gone, call.contact)
    moved(stage, gone, call, None, result, phone, number_outside(stage))
    ends_outside(stage, result, gone)
    stage.record(phone, at, gone, [call], call.id)
    return gone


def attended_outside(stage: Stage, t: float, phone: str) -> float:
    """Let an agent speak with somebody outside and hand the customer on to them."""
    call, at = answered(stage, t, phone)
    held = at + stage.rng.choice((1.0, 5.0))
    talk, met = calls_outside(stage, call, phone, held)
    gone, trunks = met + stage.rng.choice((0.5, 4.0)), (call.trunk, talk.trunk)
    result = result_of(stage, call, talk, gone, call.contact)
    to = number_outside(stage)
    merged_outside(stage, gone, "Transferred", (call, talk, result), phone, to, trunks)
    ends_outside(stage, result, gone)
    if stage.rng.random() < stage.renew_hold:
        stage.record(phone, at, held, [call], call.id, leg=(at, gone), shared=True)
        stage.record(phone, met, gone, [talk], talk.id, shared=True, crowded=True)
    else:
        stage.record(phone, at, gone, [call], call.id, shared=True)
    return gone


def joined_customers(stage: Stage, t: float, phone: str) -> float:
    """Let an agent answer a second customer while the first is on hold, and join the two."""
    first, at = answered(stage, t, phone)
    held = at + stage.rng.choice((2.0, 7.0))
    second, met = second_customer(stage, first, phone, held)
    # Whoever is joined is one contact from then on: an id of the gateway's own may be that of both.
    second.contact.key = first.contact.key
    gone, trunks = met + stage.rng.choice((0.5, 4.0)), (first.trunk, f"T{second.key}")
    result = result_of(stage, first, second, gone, first.contact)
    merged_outside(stage, gone, "Transferred", (first, second, result), phone, trunks[1], trunks)
    ends_outside(stage, result, gone)
    stage.record(phone, at, held, [first], first.id, leg=(at, gone), shared=True)
    stage.record(phone, met, gone, [second], second.id, shared=True, crowded=True)
    return gone


def second_customer(stage: Stage, first: Call, phone: str, held: float) -> tuple[Call, float]:
    """Let another customer come while the first is put on hold; return that call and when it is answered."""
    second, met = stage.call(held - 1.0, stage.contact()), held + 0.3
    if stage.rng.random() < 0.5:
        second.queue = stage.rng.choice(("Sales", "Support", "Doctors"))
        stage.say(held - 1.0, "Queued", second)
    else:
        stage.say(held - 1.0, "Delivered", second, deviceId=phone)
    stage.say(held, "Held", first, deviceId=phone)
    connect(stage, second, phone, met, ring=0)
    return second, met


def two_customers(stage: Stage, t: float, phone: str) -> float:
    """Let an agent speak with two customers in turns."""
    first, at = answered(stage, t, phone)
    held = at + stage.rng.choice((2.0, 7.0))
    second, met = second_customer(stage, first, phone, held)
    gone = met + stage.rng.choice((1.0, 5.0, 15.0))
    hang_up(stage, second, [phone], gone)
    stage.say(gone + 0.4, "Retrieved", first, deviceId=phone)
    end = gone + 0.4 + talk_time(stage)
    hang_up(stage, first, [phone], end)
    stage.record(phone, at, held, [first], first.id, leg=(at, end), shared=True)
    stage.record(phone, met, gone, [second], second.id, shared=True, crowded=True)
    return end


def diverted_outside(stage: Stage, t: float, phone: str) -> float:
    """Let a phone ring and lead the call on to an outside number: nobody here speaks with the caller."""
    call, at = stage.call(t, stage.contact()), t
    stage.say(at, "Delivered", call, deviceId=phone, localState="alerting")
    gone = at + stage.rng.choice((0.3, 4.0))
    cause = stage.rng.choice(("callForwardNoAnswer", "redirected"))
    stage.say(gone, "Diverted", call, deviceId=phone, newDestination=number_outside(stage), cause=cause)
    ends_outside(stage, call, gone)
    return gone


def conference_outside(stage: Stage, t: float, phone: str) -> float:
    """Let an agent take somebody outside into the customer's call; those outside may talk on without the agent."""
    call, at = answered(stage, t, phone)
    talk, met = calls_outside(stage, call, phone, at + 3.0)
    joined, trunks = met + 2.0, (call.trunk, talk.trunk)
    result = result_of(stage, call, talk, joined, call.contact)
    to = trunks[1] if stage.rng.random() < 0.5 else number_outside(stage)
    merged_outside(stage, joined, "Conferenced", (call, talk, result), phone, to, trunks)
    left = joined + stage.rng.choice((1.0, 8.0))
    own = [call, result] if result is not talk else [call, talk]
    if stage.rng.random() < 0.5:
        stage.say(left - 0.5, "ConnectionCleared", result, spare=True, deviceId=trunks[1])
        hang_up(stage, result, [phone], left)
    else:
        stage.say(left, "ConnectionCleared", result, deviceId=phone, cause="normalClearing")
        ends_outside(stage, result, left)
    stage.record(phone, at, left, own, result.id, shared=True)
    return left


def back_from_outside(stage: Stage, t: float, phone: str) -> float:
    """Let an outside number not answer, so that the call comes back to the phone that handed it on."""
    call, at = answered(stage, t, phone)
    gone = at + stage.rng.choice((1.0, 6.0))
    result = result_of(stage, call, None, gone, call.contact)
    moved(stage, gone, call, None, result, phone, number_outside(stage))
    back = gone + stage.rng.choice((2.0, 15.0, 40.0))
    # It needs the interaction, or the customer's number; without them nobody can know that it is the same call.
    named: dict[str, Any] = {"interactionId": call.contact.interaction} if stage.rng.random() < 0.6 else {}
    named |= {} if named else {"callingNumber": call.contact.number}
    if stage.site.style.interaction == "never":
        named = {"callingNumber": call.contact.number}
    stage.say(back, "Established", result, deviceId=phone, cause="recall", **named)
    end = back + 2.0 + talk_time(stage)
    hang_up(stage, result, [phone], end)
    stage.record(phone, at, gone, [call], call.id)
    knows = stage.site.style.interaction == "always" or named.get("interactionId")
    doubt = "" if knows else "came back from outside without its interaction"
    stage.record(phone, back, end, [call, result], result.id, doubt=doubt)
    return end
