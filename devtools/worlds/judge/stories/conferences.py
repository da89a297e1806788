"""Conferences of three extensions, and wrap-ups that come under every id that a call has had."""

from __future__ import annotations

from typing import Any

from devtools.worlds.judge.calls import connect, hang_up
from devtools.worlds.judge.stage import Call, Stage
from devtools.worlds.judge.transfers import answered, consults, moved, result_of
from devtools.worlds.judge.world import Before


def _joined(stage: Stage, call: Call, phone: str, other: str, at: float) -> tuple[Call, Call, float, float]:
    """Take a colleague into a call; return it, the consultation, when that was answered and when they were joined."""
    talk, met = consults(stage, call, phone, other, at, 2.0)
    connect(stage, talk, other, met, ring=0)
    if stage.site.style.both_ends:
        stage.say(met, "Established", talk, deviceId=phone)
    joined = met + stage.rng.choice((0.6, 3.0))
    result = result_of(stage, call, talk, joined, call.contact)
    moved(stage, joined, call, talk, result, phone, other, kind="Conferenced")
    return result, talk, met, joined


def conference_of_three(stage: Stage, t: float, phone: str, other: str, third: str) -> float:
    """Let an agent take one colleague after the other into the customer's call; they leave in any order."""
    call, at = answered(stage, t, phone)
    first, talk, met, joined = _joined(stage, call, phone, other, at + 3.0)
    last, second, met2, joined2 = _joined(stage, first, phone, third, joined + stage.rng.choice((1.0, 5.0)))
    own = list({x.key: x for x in (call, first, last)}.values())
    order = [phone, other, third]
    stage.rng.shuffle(order)
    ends, at_end = dict[str, float](), joined2 + stage.rng.choice((1.0, 6.0))
    for one in order:
        ends[one] = at_end
        at_end += stage.rng.choice((0.3, 4.0))
    for one in order[:2]:
        stage.say(ends[one], "ConnectionCleared", last, deviceId=one)
        stage.take(one, ends[one])
    hang_up(stage, last, order[2:], ends[order[2]])
    stage.record(phone, at, ends[phone], own, last.id, shared=True)
    before = Before(round(joined, 3), (talk.id,), (talk.key,))
    stage.record(other, met, ends[other], own, last.id, before=before)
    before = Before(round(joined2, 3), (second.id,), (second.key,))
    stage.record(third, met2, ends[third], own, last.id, before=before)
    return max(ends.values())


def conference_wrapup(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let a conference have a wrap-up: it is of the customer's call, also under the consultation's id."""
    call, at = answered(stage, t, phone)
    result, talk, met, joined = _joined(stage, call, phone, other, at + 3.0)
    left, end = joined + 3.0, joined + stage.rng.choice((3.3, 9.0))
    stage.say(left, "ConnectionCleared", result, deviceId=phone)
    stage.take(phone, left)
    hang_up(stage, result, [other], end)
    after = stage.rng.choice((left + 0.5, end + 1.0, end + 30.0, end + 80.0))
    wrapup = wraps_up(stage, result, phone, after, f"result{call.key}")
    own = [call, result] if result is not talk else [call, talk]
    if stage.rng.random() < stage.renew_hold:
        stage.record(phone, at, at + 3.0, own, result.id, leg=(at, left), shared=True, wrapup=wrapup)
        stage.record(phone, met, joined, [talk], talk.id, shared=True, crowded=True)
    else:
        stage.record(phone, at, left, own, result.id, shared=True, wrapup=wrapup)
    before = Before(round(joined, 3), (talk.id,), (talk.key,))
    stage.record(other, met, end, own, result.id, before=before)
    return end


def wraps_up(stage: Stage, call: Call, phone: str, at: float, text: str, agent: str = "") -> str:
    """Tell a wrap-up that names its extension, and all else that the source knows of the call; return its text.

    The id may be in use again: what is said of the call with the wrap-up is that of the call that was wrapped up.
    """
    contact, more, rng = call.contact, dict[str, Any](), stage.rng
    if contact.name and rng.random() < 0.5:
        more |= {"callerName": contact.name, "callerNameSource": contact.name_source}
    more |= {"callingNumber": contact.number} if rng.random() < 0.3 else {}
    more |= {"queueName": call.queue} if rng.random() < 0.5 else {}
    if stage.site.style.interaction == "first" and rng.random() < 0.5:
        more |= {"interactionId": contact.interaction}
    end = call.end
    more |= {"agentId": agent} if agent else {"deviceId": phone}
    stage.say(at, "CallInformation", call, spare=True, wrapup={"result": text, "template": "standard"}, **more)
    call.end = end
    return "" if stage.site.style.minimal else text
