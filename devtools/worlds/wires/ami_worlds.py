"""What of a world an Asterisk can say. Worlds are restricted when they are made; no finding is left out afterwards.

- A call's id is the Uniqueid of the channel that began it, and never comes back. After a transfer the customer's stays.
- Asterisk has no interactions, no causes and no phone books: none is said, and there are no personal names. Of a call
  that a phone begins no name of the other end is known.
- An agent is a member of a queue at a phone, known by the phone's extension; who answers is not said twice.
  Who is a member stays one: the id of an agent is that of a phone, and what a queue calls afterwards has the same.
- Asterisk says everything once and in its order: no repeats, no disorder, no clock of whole seconds.
- A phone to which a call is handed on is in another bridge: QMS begins a new recording there.
- Left out: overflowed, parked, pickup, ringing, unanswered and failed calls, conferences, wrap-ups (other events of
  Asterisk stand for them, which this small one does not send), lost links (`./gateway disturb` has them), and hours of
  silence, through which a session pings.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from devtools.worlds.judge.generate import KINDS, Ways, generate
from devtools.worlds.judge.log_ons import sit
from devtools.worlds.judge.people import FIRST, LAST, Agent, Style
from devtools.worlds.judge.scenario import Event
from devtools.worlds.judge.stage import Stage
from devtools.worlds.judge.world import World

#: Second 0 by the PBX's clock is this much before or after the gateway's second 0.
EPOCH = 1_772_452_800
STYLE = Style(interaction="never", clears=False, causes=True, words=0.0, repeats=0.0, keeps_id=True, silences=False)
LEFT_OUT = frozenset(
    (
        "overflowed",
        "parked",
        "pickup",
        "ringing",
        "unanswered",
        "failed",
        "conference",
        "wrapup",
        "gap",
        "part_gap",
        "rounded",
        "disorder",
        "duplicates",
    )
)
AMI_KINDS = tuple(x for x in KINDS if x not in LEFT_OUT)


def seat_members(stage: Stage, horizon: float) -> None:
    """Seat a member of the queues at most phones."""
    del horizon
    for number, phone in enumerate(stage.site.phones):
        if stage.rng.random() < 0.85:
            sit(stage, phone, Agent(phone, f"{FIRST[number]} {LAST[number % len(LAST)]}"), -60.0)


def ami_world(seed: int, kinds: Iterable[str]) -> World:
    """Make the world of a seed as Asterisk can say it."""
    ways = Ways(style=STYLE, reuses=False, seats=seat_members, idles=0.0, renews=True)
    allowed = [x for x in kinds if x not in LEFT_OUT]
    world = generate(seed, allowed, ways=ways)
    names = {x.id: f"{EPOCH + number}.{number}" for number, x in enumerate(world.lives, 1)}
    said = tuple(replace(x, event=_said(x.event, names)) for x in world.said)
    lives = tuple(replace(x, id=names[x.id]) for x in world.lives)
    truths = []
    for one in world.truths:
        before = replace(one.before, refs=tuple(names[x] for x in one.before.refs)) if one.before else None
        truths.append(replace(one, refs=tuple(names[x] for x in one.refs), before=before))
    return replace(world, said=said, lives=lives, truths=tuple(truths))


IDS = frozenset(["callId", "primaryOldCallId", "secondaryOldCallId", "resultingCallId"])


def _said(event: Event, names: dict[str, str]) -> Event:
    data = {k: names.get(v, v) if k in IDS else v for k, v in event.data.items()}
    is_own = event.type in ("Originated", "ServiceInitiated")
    if is_own or data.get("callerNameSource") == "personal":
        data = {k: v for k, v in data.items() if k not in ("callerName", "callerNameSource")}
    if event.type == "Delivered":
        data.pop("agentId", None)
    return replace(event, data=data)
