"""What of a world an Asterisk can say. Worlds are restricted when they are made; no finding is left out afterwards.

- A call's id is the Uniqueid of the channel that began it, and never comes back. After a transfer the customer's stays.
- Asterisk has no interactions, no causes and no phone books: none is said, and there are no personal names. Of a call
  that a phone begins no name of the other end is known.
- An agent is a member of the queues at a phone, known by the phone's extension; who answers is not said twice. So an
  agent does not move to another phone.
- Asterisk says everything once and in its order: no repeats, no disorder, no clock of whole seconds.
- A phone to which a call is handed on is in another bridge: QMS begins a new recording there.
- Where two agents are at one phone, the members of the queues are listed after a lost link: to a user who may not see
  them the second would be the only one.
- A link that stalls and is lost in one world is left out: what is under way when it is lost never comes.
- Left out: the kinds of calls of `judge/stories`, overflowed, parked, pickup, ringing, unanswered and failed calls,
  conferences, wrap-ups (other events of Asterisk stand for them, which this small one does not send), the loss of one
  phone's events, and hours of silence, through which a session pings.

While a link is lost the calls go on: what is not said is kept beside `link.Restored`, for Asterisk knows it. What comes
before its lists are answered is acted on after them. Where nobody speaks for a moment of the gap, Asterisk may have
been started again: channel names and the counters in a Uniqueid then come back, its seconds do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

from msgspec.structs import replace

from devtools.worlds.judge.emit import heard
from devtools.worlds.judge.generate import KINDS, MORE_KINDS, Ways, generate
from devtools.worlds.judge.log_ons import leave, overlap, sit
from devtools.worlds.judge.people import FIRST, LAST, Agent, Style
from devtools.worlds.judge.scenario import Event
from devtools.worlds.judge.stage import Stage
from devtools.worlds.judge.world import Said, World

from .ami_lines import uniqueid_seconds

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
        "part_gap",
        "rounded",
        "disorder",
        "duplicates",
        *MORE_KINDS,
    )
)
AMI_KINDS = tuple(x for x in KINDS if x not in LEFT_OUT)


#: From the answer to the login to that to the last list, in seconds.
LIST_SECONDS = (0.0, 0.0, 0.04, 0.3)
#: Channels that one call may have, at most.
MAXIMUM_CHANNELS = 50


def seat_members(stage: Stage, horizon: float) -> None:
    """Seat a member of the queues at most phones; some leave, are followed by another, or get company."""
    rng = stage.rng
    for number, phone in enumerate(stage.site.phones):
        if rng.random() < 0.85:
            sit(stage, phone, _member(phone, number), -60.0)
            if rng.random() < 0.3:
                _change(stage, phone, _member(phone, number + 7), round(rng.uniform(0, horizon), 3))


def _member(phone: str, number: int) -> Agent:
    return Agent(phone, f"{FIRST[number]} {LAST[number % len(LAST)]}")


def _change(stage: Stage, phone: str, other: Agent, at: float) -> None:
    kind = stage.rng.choice(("leave", "swap", "overlap"))
    if kind == "overlap":
        overlap(stage, phone, other, at)
    else:
        leave(stage, phone, at)
        if kind == "swap":
            sit(stage, phone, other, at + stage.rng.choice((0.2, 3.0, 20.0)))


def ami_world(seed: int, kinds: Iterable[str]) -> World:
    """Make the world of a seed as Asterisk can say it."""
    ways, rng = Ways(style=STYLE, reuses=False, seats=seat_members, idles=0.0, renews=True), Random(seed)
    lost = {"stall"} if seed % 2 else {"gap"}
    world = generate(seed, [x for x in kinds if x not in LEFT_OUT | lost], ways=ways)
    restart = restarted(world, rng)
    names = uniqueids(world, restart)
    said = tuple(replace(x, event=_said(x.event, names)) for x in world.said)
    lives = tuple(replace(x, id=names[x.id]) for x in world.lives)
    truths = []
    for one in world.truths:
        before = replace(one.before, refs=tuple(names[x] for x in one.before.refs)) if one.before else None
        truths.append(replace(one, refs=tuple(names[x] for x in one.refs), before=before))
    world = replace(world, said=said, lives=lives, truths=tuple(truths))
    return listed(with_missed(world, restart), rng.choice(LIST_SECONDS)) if world.gap else world


def restarted(world: World, rng: Random) -> float | None:
    """Return when Asterisk was started again: a moment of a lost link at which nobody speaks; by chance None."""
    if world.gap is None or rng.random() < 0.3:
        return None
    start, end = world.gap
    moments = [x.end + 0.05 for x in world.lives] + [start + 0.05]
    spans = [_span(world, x.key) for x in world.lives]
    free = [x for x in moments if start < x < end - 1.0 and not any(a - 1.0 <= x <= b for a, b in spans)]
    return min(free) if free else None


def _span(world: World, key: int) -> tuple[float, float]:
    times = [x.event.at for x in world.said if x.call == key]
    return min(times, default=0.0), max(times, default=0.0)


def uniqueids(world: World, restart: float | None) -> dict[str, str]:
    """Return the Uniqueid of each call by its id: when its first channel began, and a counter of channels."""
    names, last, is_again = dict[str, str](), 0, False
    for life in sorted(world.lives, key=lambda x: x.start):
        begins_again = restart is not None and life.start > restart and not is_again
        last, is_again = (1, True) if begins_again else (last + MAXIMUM_CHANNELS, is_again)
        names[life.id] = f"{uniqueid_seconds(life.start)}.{last}"
    return names


def with_missed(world: World, restart: float | None) -> World:
    """Keep beside `link.Restored` what was not said, and when Asterisk was started again."""
    lost = sorted((x.event for x in world.said if x.lost), key=lambda x: x.at)
    missed = [{"at": x.at, "type": x.type, "data": x.data} for x in lost]
    data: dict[str, Any] = {"missed": missed} | ({} if restart is None else {"restart": restart})
    world = replace(world, said=tuple(_beside(x, "link.Restored", data) for x in world.said))
    if not _has_company(world):
        return world
    return replace(world, said=tuple(_beside(x, "snapshot.Ended", {"agentsTold": True}) for x in world.said))


def _has_company(world: World) -> bool:
    """Say whether two agents were members at one phone at once."""
    came = Counter(x.event.data["deviceId"] for x in world.said if x.event.type == "LoggedOn" and x.event.at <= -60.0)
    for one in sorted(world.said, key=lambda x: x.event.at):
        if one.event.type in ("LoggedOn", "LoggedOff") and "gap-" not in one.event.id and one.event.at > -60.0:
            came[one.event.data["deviceId"]] += 1 if one.event.type == "LoggedOn" else -1
    return max(came.values(), default=0) > 1


def _beside(one: Said, kind: str, data: dict[str, Any]) -> Said:
    return replace(one, event=replace(one.event, data=data)) if one.event.type == kind else one


def listed(world: World, seconds: float) -> World:
    """Let Asterisk take its time to answer with its lists; what it says meanwhile is acted on after them."""
    at = next(x.event.heard for x in world.said if x.event.type == "snapshot.Ended") + seconds
    held = sorted(x.event.heard for x in world.said if not x.lost and at - seconds < x.event.heard < at)
    rank = {moment: number for number, moment in enumerate(held)}
    said = []
    for one in world.said:
        is_end, moment = one.event.type == "snapshot.Ended", one.event.heard
        is_held = not one.lost and moment in rank
        said.append(heard(one, at + 0.0001 * rank.get(moment, 0)) if is_end or is_held else one)
    return replace(world, said=tuple(said))


IDS = frozenset(["callId", "primaryOldCallId", "secondaryOldCallId", "resultingCallId"])


def _said(event: Event, names: dict[str, str]) -> Event:
    data = {k: names.get(v, v) if k in IDS else v for k, v in event.data.items()}
    is_own = event.type in ("Originated", "ServiceInitiated")
    if is_own or data.get("callerNameSource") == "personal":
        data = {k: v for k, v in data.items() if k not in ("callerName", "callerNameSource")}
    if event.type == "Delivered":
        data.pop("agentId", None)
    if event.type == "LoggedOff":
        data["deviceId"] = data["agentId"]
    return replace(event, data=data)
