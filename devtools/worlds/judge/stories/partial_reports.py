"""A transfer or a conference of which each monitor reports what its device knows, in either order."""

from __future__ import annotations

from typing import Any

from devtools.worlds.judge.calls import connect, hang_up, talk_time
from devtools.worlds.judge.stage import Call, Stage
from devtools.worlds.judge.transfers import answered, consults, result_of
from devtools.worlds.judge.world import Before


def reported_apart(stage: Stage, t: float, phone: str, other: str) -> float:
    """Let an agent consult a colleague, and then hand the customer on or take the colleague in.

    One report names the held call, one the consultation, and one may name both.
    """
    call, at = answered(stage, t, phone)
    talk, met = consults(stage, call, phone, other, at + 3.0, 2.0)
    connect(stage, talk, other, met, ring=0)
    if stage.site.style.both_ends:
        stage.say(met, "Established", talk, deviceId=phone)
    # In whole seconds, too, the two have talked for over a second.
    gone = met + stage.rng.choice((2.2, 5.0))
    result = result_of(stage, call, talk, gone, call.contact)
    kind = stage.rng.choice(("Transferred", "Conferenced"))
    _reports(stage, kind, gone, (call, talk, result), phone, other)
    left, end = gone, gone + talk_time(stage)
    if kind == "Conferenced":
        left, end = gone + 2.0, gone + 2.0 + talk_time(stage)
        stage.say(left, "ConnectionCleared", result, deviceId=phone)
    stage.take(phone, left)
    hang_up(stage, result, [other], end)
    own = [call, result] if result is not talk else [call, talk]
    stage.record(phone, at, left, [call] if kind == "Transferred" else own,
                 call.id if kind == "Transferred" else result.id, shared=True)  # fmt: skip
    before = Before(round(gone, 3), (talk.id,), (talk.key,))
    stage.record(other, met, end, own, result.id, before=before)
    return end


def _reports(stage: Stage, kind: str, at: float, calls: tuple[Call, Call, Call], phone: str, other: str) -> None:
    """Tell the reports of one joining: of the held call, of the consultation, and now and then of both."""
    call, talk, result = calls
    sides = ("transferringDeviceId", "transferredToDeviceId")
    sides = sides if kind == "Transferred" else ("conferencingDeviceId", "addedPartyId")
    named: dict[str, Any] = {"resultingCallId": result.id, sides[0]: phone, sides[1]: other}
    row = {"old": {"callId": talk.id, "deviceId": other}, "new": {"callId": result.id, "deviceId": other}}
    rows = [row] if stage.site.style.connections else []
    reports: list[dict[str, Any]] = [
        {"primaryOldCallId": call.id},
        {"primaryOldCallId": talk.id, "connections": rows},
        {"primaryOldCallId": call.id, "secondaryOldCallId": talk.id, "connections": rows},
    ]
    reports = stage.rng.choice((reports[:2], reports, reports[1:]))
    stage.rng.shuffle(reports)
    for one in reports:
        stage.say(at, kind, result, **named, **one)
