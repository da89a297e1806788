"""Kinds of calls that move: consultations, transfers, conferences."""

from __future__ import annotations

from typing import Any

from .calls import answers_outside, connect, dial, hang_up, queued, talk_time
from .stage import Call, Contact, Stage
from .world import Before


def answered(stage: Stage, t: float, phone: str) -> tuple[Call, float]:
    """Let a customer be answered, by a queue or directly, and return the call and the moment.

    Where the source has the habit, it is also a call that an agent dialled, or one that was called back.
    """
    if stage.site.style.dialled and not stage.site.style.minimal and stage.rng.random() < stage.site.style.dialled:
        return dialled(stage, t, phone)
    if stage.rng.random() < 0.7 and not stage.site.style.minimal:
        call, at = queued(stage, t, 2.0)
    else:
        call, at = stage.call(t, stage.contact()), t + 2.0
    connect(stage, call, phone, at)
    return call, at


def dialled(stage: Stage, t: float, phone: str) -> tuple[Call, float]:
    """Let an agent call a customer, or be called before the customer is; return the call and the moment."""
    back = stage.rng.random() < 0.4
    if back:
        call, at = queued(stage, t, 2.0)
        connect(stage, call, phone, at, cause="callBack")
    else:
        call, at = stage.call(t, stage.contact(), is_new=True), t + 2.0
        dial(stage, call, phone, t, direction="outbound")
    call.trunk = f"T{call.key}"
    if stage.rng.random() < 0.6:
        stage.say(at + 0.1 if back else at - 1.5, "NetworkReached", call, spare=True, deviceId=call.trunk)
    if stage.site.style.far_ends and stage.rng.random() < 0.5:
        stage.say(at + 0.2 if back else at - 1.0, "Delivered", call, spare=True, deviceId=call.trunk)
    answers_outside(stage, call, at + 0.3 if back else at)
    if not back:
        stage.say(at, "Established", call, deviceId=phone)
    return call, at


def consults(stage: Stage, call: Call, phone: str, other: str, held: float, ring: float) -> tuple[Call, float]:
    """Let an agent hold a customer and dial a colleague; return the consultation and when it is answered."""
    stage.say(held, "Held", call, deviceId=phone, cause="consultation")
    talk = stage.call(held + 0.5, call.contact, named=False, is_new=True)
    with_agents_name(stage, talk, phone)
    dial(stage, talk, phone, held + 0.5, cause="consultation")
    if stage.site.style.delivers:
        stage.say(held + 1.0, "Delivered", talk, spare=True, deviceId=other)
    return talk, held + ring


def with_agents_name(stage: Stage, talk: Call, phone: str) -> None:
    """Let a consultation state the agent who dialled it as its caller, where the source has the habit."""
    if stage.site.style.agent_names:
        talk.named = True
        talk.caller = Contact(0, talk.contact.interaction, f"Desk {phone}", "global_phonebook", phone)


def result_of(stage: Stage, first: Call, second: Call | None, at: float, contact: Contact) -> Call:
    """Choose which id goes on: the customer's, the consultation's, or another that may have been used before."""
    choices = [first, None] if second is None else [first, second, None]
    chosen = first if stage.site.style.keeps_id else stage.rng.choice(choices)
    if chosen is not None and chosen.caller:
        # What was said of the consultation is not of the customer who is in this call from now on.
        chosen = stage.goes_on(chosen, at)
    result = chosen or stage.call(at, contact, is_new=True)
    result.opened, result.trunk = True, first.trunk or result.trunk
    for call in (first, second):
        if call and call.id != result.id:
            stage.over(call, at)
    return result


def moved(stage: Stage, at: float, first: Call, second: Call | None, result: Call, phone: str, other: str,
          kind: str = "Transferred", stays: bool = True) -> None:  # fmt: skip
    """Tell a transfer or a conference."""
    sides = ("transferringDeviceId", "transferredToDeviceId")
    if kind == "Conferenced":
        sides = ("conferencingDeviceId", "addedPartyId")
    data: dict[str, Any] = {"primaryOldCallId": first.id, "resultingCallId": result.id, sides[0]: phone}
    data |= {sides[1]: other, "secondaryOldCallId": second.id if second else ""}
    old = second or first
    rows = [{"old": {"callId": old.id, "deviceId": other}, "new": {"callId": result.id, "deviceId": other}}]
    if kind == "Conferenced":
        rows.append({"old": {"callId": first.id, "deviceId": phone}, "new": {"callId": result.id, "deviceId": phone}})
    rows = rows if second and stays and (stage.site.style.connections or kind == "Conferenced") else []
    if first.trunk and stage.site.style.far_ends and stage.site.style.connections:
        rows.append({"old": {"callId": first.id, "deviceId": first.trunk},
                     "new": {"callId": result.id, "deviceId": first.trunk}})  # fmt: skip
    data |= {"connections": rows}
    stage.say(at, kind, result, **data)
    if kind == "Transferred" and stage.site.style.old_clears:
        for call in [x for x in (first, second) if x]:
            stage.say(at + 0.02, "ConnectionCleared", call, spare=True, deviceId=phone, cause="transfer")


def attended_transfer(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent consult a colleague and hand the customer on after the answer."""
    call, at = answered(stage, t, phone)
    held = at + stage.rng.choice((1.0, 5.0, 15.0))
    talk, met = consults(stage, call, phone, other, held, stage.rng.choice((2.0, 4.0)))
    connect(stage, talk, other, met, ring=0)
    if stage.site.style.minimal or stage.site.style.both_ends:
        stage.say(met, "Established", talk, deviceId=phone)
    gone = met + stage.rng.choice((0.5, 3.0, 8.0))
    result = result_of(stage, call, talk, gone, call.contact)
    moved(stage, gone, call, talk, result, phone, other)
    stage.take(phone, gone)
    end = gone + talk_time(stage)
    hang_up(stage, result, [other], end)
    _attended_recordings(stage, (call, talk, result), phone, other, (at, held, met, gone, end))
    return end


def _attended_recordings(stage: Stage, calls: tuple[Call, Call, Call], phone: str, other: str,
                         times: tuple[float, float, float, float, float]) -> None:  # fmt: skip
    (call, talk, result), (at, held, met, gone, end) = calls, times
    own = [call, result] if result is not talk else [call, talk]
    if stage.rng.random() < stage.renew_hold:
        stage.record(phone, at, held, [call], call.id, leg=(at, gone), shared=True)
        stage.record(phone, met, gone, [talk], talk.id, shared=True, crowded=True)
    else:
        stage.record(phone, at, gone, [call], call.id, shared=True)
    if stage.rng.random() < stage.renew_transfer:
        stage.record(other, met, gone, [talk], talk.id)
        stage.record(other, gone, end, own, result.id, seated=met, born="transfer")
    else:
        before = Before(round(gone, 3), (talk.id,), (talk.key,))
        stage.record(other, met, end, own, result.id, before=before)


def ringing_transfer(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent hand the customer on while the colleague's phone still rings."""
    call, at = answered(stage, t, phone)
    held = at + 5.0
    talk, _ = consults(stage, call, phone, other, held, 2.0)
    gone = held + 2.0
    result = result_of(stage, call, talk, gone, call.contact)
    moved(stage, gone, call, talk, result, phone, other, stays=False)
    stage.take(phone, gone)
    connect(stage, result, other, gone + 2.0, ring=0)
    end = gone + 2.0 + talk_time(stage)
    hang_up(stage, result, [other], end)
    stage.record(phone, at, gone, [call], call.id, shared=True)
    # With result id = the consultation's, a source without Originated reports nothing about it before the transfer.
    stage.record(other, gone + 2.0, end, [call, result], result.id)
    return end


def blind_transfer(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent hand the customer on without a word; the colleague answers."""
    call, at = answered(stage, t, phone)
    gone = at + stage.rng.choice((1.0, 6.0, 15.0))
    result = result_of(stage, call, None, gone, call.contact)
    moved(stage, gone, call, None, result, phone, other)
    stage.take(phone, gone)
    connect(stage, result, other, gone + 2.0)
    end = gone + 2.0 + talk_time(stage)
    hang_up(stage, result, [other], end)
    stage.record(phone, at, gone, [call], call.id)
    stage.record(other, gone + 2.0, end, [call, result], result.id)
    return end


def chained_transfer(stage: Stage, t: float, phone: str, other: str, third: str) -> float:
    """Let a customer be handed on twice."""
    call, at = answered(stage, t, phone)
    gone = at + 6.0
    result = result_of(stage, call, None, gone, call.contact)
    moved(stage, gone, call, None, result, phone, other)
    stage.take(phone, gone)
    connect(stage, result, other, gone + 2.0)
    left = gone + 2.0 + stage.rng.choice((1.0, 8.0))
    last = result_of(stage, result, None, left, call.contact)
    moved(stage, left, result, None, last, other, third)
    stage.take(other, left)
    connect(stage, last, third, left + 1.5)
    end = left + 1.5 + talk_time(stage)
    hang_up(stage, last, [third], end)
    stage.record(phone, at, gone, [call], call.id)
    stage.record(other, gone + 2.0, left, [call, result], result.id)
    stage.record(third, left + 1.5, end, [call, result, last], last.id)
    return end


def vain_consultation(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent ring a colleague who does not answer, and go back to the customer."""
    call, at = answered(stage, t, phone)
    held = at + 4.0
    talk, done = consults(stage, call, phone, other, held, 5.0)
    hang_up(stage, talk, [phone, other], done)
    stage.say(done + 0.2, "Retrieved", call, deviceId=phone)
    end = done + 0.2 + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(phone, at, end, [call], call.id, shared=True)
    return end


def unanswered_transfer(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a blind transfer ring out: the caller gives up, or the call comes back to the first agent."""
    call, at = answered(stage, t, phone)
    gone = at + 6.0
    result = result_of(stage, call, None, gone, call.contact)
    moved(stage, gone, call, None, result, phone, other)
    stage.say(gone + 0.5, "Delivered", result, deviceId=other)
    stage.record(phone, at, gone, [call], call.id)
    back = gone + 6.0
    if stage.rng.random() < 0.5:
        hang_up(stage, result, [other], back)
        return back
    stage.say(back, "Diverted", result, deviceId=other, newDestination=phone, cause="recall")
    connect(stage, result, phone, back, ring=0, cause="recall")
    hang_up(stage, result, [phone], back + 9.0)
    doubt = "came back from a phone that did not answer"
    stage.record(phone, back, back + 9.0, [call, result], result.id, doubt=doubt)
    return back + 9.0


def consultation(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent ask a colleague and go back to the customer."""
    call, at = answered(stage, t, phone)
    held = at + 4.0
    talk, met = consults(stage, call, phone, other, held, 2.0)
    connect(stage, talk, other, met, ring=0)
    if stage.site.style.minimal or stage.site.style.both_ends:
        stage.say(met, "Established", talk, deviceId=phone)
    done = met + stage.rng.choice((0.5, 5.0, 20.0))
    hang_up(stage, talk, [phone, other], done)
    stage.say(done + 0.3, "Retrieved", call, deviceId=phone)
    end = done + 0.3 + talk_time(stage)
    hang_up(stage, call, [phone], end)
    stage.record(other, met, done, [talk], talk.id)
    if stage.rng.random() < stage.renew_hold:
        stage.record(phone, at, held, [call], call.id, leg=(at, end), shared=True)
        stage.record(phone, met, done, [talk], talk.id, shared=True, crowded=True)
        stage.record(phone, done + 0.3, end, [call], call.id, seated=at, leg=(at, end), born="retrieve", shared=True)
    else:
        stage.record(phone, at, end, [call], call.id, shared=True)
    return end


def conference(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent take a colleague into the customer's call."""
    call, at = answered(stage, t, phone)
    talk, met = consults(stage, call, phone, other, at + 4.0, 2.0)
    connect(stage, talk, other, met, ring=0)
    joined = met + 3.0
    result = result_of(stage, call, talk, joined, call.contact)
    moved(stage, joined, call, talk, result, phone, other, kind="Conferenced")
    first = joined + stage.rng.choice((4.0, 15.0))
    end = first + stage.rng.choice((0.3, 9.0))
    stage.say(first, "ConnectionCleared", result, deviceId=phone)
    stage.take(phone, first)
    hang_up(stage, result, [other], end)
    own = [call, result] if result is not talk else [call, talk]
    stage.record(phone, at, first, own, result.id, shared=True)
    before = Before(round(joined, 3), (talk.id,), (talk.key,))
    stage.record(other, met, end, own, result.id, before=before)
    return end
