"""What becomes of the events on their way: latency, disorder, duplicates, stalls, lost links, and a QMS that fails."""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from random import Random

from msgspec.structs import replace

from .connected_spans import Replay, Stay
from .scenario import Event, Qms
from .stage import Stage
from .world import Said, World

LATENCY = 0.01
OPTIONAL = frozenset({"callerName", "callerNameSource", "callingNumber", "queueName", "localState", "cause"})


def heard(one: Said, at: float) -> Said:
    """Return the event as heard at another moment."""
    return replace(one, event=replace(one.event, heard=round(max(at, one.event.at), 4)))


def delayed(world: World) -> World:
    """Let every event take the latency of a healthy link."""
    return replace(world, said=tuple(heard(x, x.event.at + LATENCY) for x in world.said))


def disordered(world: World, rng: Random) -> World:
    """Let events of different monitors overtake each other within a second."""
    part = rng.choice((0.1, 0.4, 0.8))
    return replace(world, said=tuple(_overtaken(x, world, rng) if rng.random() < part else x for x in world.said))


def _overtaken(one: Said, world: World, rng: Random) -> Said:
    at, later = one.event.at, one.event.at + rng.uniform(0.1, 0.9)
    if own_word(one) or one.lost:
        return one
    # What a link has not brought before it was lost never comes.
    return heard(one, min(later, world.gap[0]) if world.gap and at < world.gap[0] else later)


def own_word(one: Said) -> bool:
    """Say whether the source speaks of its link: such events are no monitor's, come in order, and once."""
    return "gap-" in one.event.id


def duplicated(world: World, rng: Random) -> World:
    """Tell events twice: the same id again after any time, or another monitor's word with an id of its own."""
    said = list(world.said)
    said += [_again(one, rng) for one in world.said if rng.random() < 0.2]
    return replace(world, said=tuple(said))


def _again(one: Said, rng: Random) -> Said:
    event = one.event
    if rng.random() < 0.5 or own_word(one):
        return replace(one, event=replace(event, heard=event.heard + rng.choice((0.0, 0.3, 5.0, 70.0))), spare=True)
    # A second monitor's word of CallInformation would be a second wrap-up with another id: the same value again.
    # One monitor may carry less than the other.
    less = {k: v for k, v in event.data.items() if k not in OPTIONAL or rng.random() < 0.6}
    if not {"callerName", "callerNameSource"} <= less.keys():
        # A name without its source would not be known as personal.
        less.pop("callerName", None), less.pop("callerNameSource", None)
    if "connections" in less and rng.random() < 0.3:
        less.pop("secondaryOldCallId", None)  # valid only at the transferring device
    other = replace(event, id=event.id + "-b", heard=round(event.heard + rng.uniform(0, 0.5), 4), data=less)
    return replace(one, event=other, spare=True)


def rounded(world: World) -> World:
    """Let the source's clock know whole seconds only."""
    said = (replace(x, event=replace(x.event, at=float(floor(x.event.at)))) for x in world.said)
    return replace(world, said=tuple(said), whole_seconds=True)


def stalled(world: World, rng: Random) -> World:
    """Hold all events back over a while; they come at once, in their order, when it is over."""
    start = rng.choice([x.event.at for x in world.said if x.call]) - rng.uniform(0, 2)
    end = round(start + rng.choice((1.5, 4.0, 9.0, 25.0, 90.0)), 3)
    rank = {id(x): i for i, x in enumerate(_held(world, start, end))}
    said = tuple(heard(x, end + 0.001 * rank[id(x)]) if id(x) in rank else x for x in world.said)
    return replace(world, said=said, stall=(round(start, 3), end))


def _held(world: World, start: float, end: float) -> list[Said]:
    """Return what a stall holds back, in its order; what is heard while that comes at last waits behind it."""
    rows = sorted((x for x in world.said if start <= x.event.heard), key=lambda x: x.event.heard)
    held: list[Said] = []
    for one in rows:
        if one.event.heard >= end + 0.001 * len(held):
            break
        held.append(one)
    return held


def gapped(world: World, rng: Random, stage: Stage) -> World:
    """Lose the link over a while; a snapshot of the calls in progress follows.

    Left out where an id came back at the same phone within the gap: the stream would be that of one call that goes on,
    so that no observer could be right in both worlds.
    """
    start = round(rng.choice([x.event.at for x in world.said if x.call]) + rng.uniform(-0.5, 3), 3)
    end = round(start + rng.choice((0.5, 3.0, 12.0, 60.0)), 3)
    stays = Replay(world.site.devices).run(world.said)
    before, after = _live(stays, start), _live(stays, end)
    if any(a.id == b.id and a.phone == b.phone and a.key not in (b.key, b.moved_from) for a in before for b in after):
        return world
    said = [replace(x, lost=True) if start <= x.event.at < end else x for x in world.said]
    connected = {x.key for x in stays if x.start >= end}
    said = [x if x.call in connected else _wraps_up_after(x, stage, start) for x in said]
    said += _resumed(stage, after, start, end)
    return replace(world, said=tuple(said), gap=(start, end))


def part_gapped(world: World, rng: Random, stage: Stage) -> World:
    """Lose the events of one extension over a while; a snapshot of that extension follows."""
    phone = rng.choice(world.site.devices)
    start = round(rng.choice([x.event.at for x in world.said if x.call]) + rng.uniform(-0.5, 3), 3)
    end = round(start + rng.choice((0.5, 3.0, 12.0)), 3)
    stays = [x for x in Replay(world.site.devices).run(world.said) if x.phone == phone]
    before, after = _live(stays, start), _live(stays, end)
    moved = any(start - 1 <= x.start <= end + 1 for x in stage.seats.get(phone, ()))
    # Whether log-ons of one extension are part of its snapshot the contract leaves open.
    if moved or any(a.id == b.id and a.key != b.key for a in before for b in after):
        return world
    said = [
        replace(x, lost=True) if start <= x.event.at < end and x.event.data.get("deviceId") == phone else x
        for x in world.said
    ]
    rows = [_link(k, start if k == "link.Lost" else end, 0, devices=[phone]) for k in PART]
    shown = [replace(_link("Established", end, 0, **_shown(stage, x)), call=x.key, group=x.group) for x in after]
    said += _named([*rows[:3], *shown, rows[3]])
    return replace(world, said=tuple(said), gap=(start, end))


def _wraps_up_after(one: Said, stage: Stage, since: float) -> Said:
    """Let a wrap-up of a call that was not connected after a gap name its interaction, where its id was used again.

    The contract asks that of the source. One that names no interactions cannot, and leaves such a wrap-up out.
    """
    if "wrapup" not in one.event.data or one.event.at < since:
        return one
    call = stage.lives[one.call - 1]
    others = (x for x in stage.lives if x.id == one.event.data["callId"] and x.contact.key != call.contact.key)
    if not any(since <= x.start <= one.event.at for x in others):
        return one
    if stage.site.style.interaction == "never":
        return replace(one, lost=True)
    data = one.event.data | {"interactionId": call.contact.interaction}
    return replace(one, event=replace(one.event, data=data))


PART = ("link.Lost", "link.Restored", "snapshot.Began", "snapshot.Ended")


def _shown(stage: Stage, stay: Stay) -> dict[str, object]:
    """Return what a snapshot reports about a call in progress at an extension."""
    call = stage.lives[stay.key - 1]
    data: dict[str, object] = {"callId": stay.id, "deviceId": stay.phone}
    # A PBX names the same caller of a call whenever it is asked: of a consultation the agent who dialled it.
    caller = call.caller or call.contact
    if call.named and caller.name and stage.site.style.repeats > 0.5:
        data |= {"callerName": caller.name, "callerNameSource": caller.name_source}
    if stage.site.style.interaction == "always":
        data["interactionId"] = call.contact.interaction
    return data


def _named(rows: list[Said]) -> list[Said]:
    return [heard(replace(x, event=replace(x.event, id=f"gap-{i}")), x.event.at + LATENCY) for i, x in enumerate(rows)]


def _live(stays: list[Stay], at: float) -> list[Stay]:
    return [x for x in stays if x.start < at <= x.end]


def _resumed(stage: Stage, live: list[Stay], start: float, end: float) -> list[Said]:
    rows = [_link("link.Lost", start, start), _link("link.Restored", end, end), _link("snapshot.Began", end, end)]
    seated = [(phone, stage.seat(phone, end)) for phone in stage.site.phones]
    changed = any(start <= x.start < end for seats in stage.seats.values() for x in seats)
    answers = changed or stage.rng.random() < 0.5
    for phone, seat in seated:
        if answers and seat.agent and seat.sure:
            rows.append(_link("LoggedOn", end, end, agentId=seat.agent, agentName=seat.name, deviceId=phone))
    shown = [(x, _link("Established", end, end, **_shown(stage, x))) for x in live]
    rows += [replace(row, call=x.key, group=x.group) for x, row in shown]
    rows.append(_link("snapshot.Ended", end, end, agentsTold=answers))
    return _named(rows)


def _link(kind: str, at: float, heard_at: float, **data: object) -> Said:
    return Said(Event(at, kind, {k: v for k, v in data.items() if v}, heard_at, kind), 0, 0)


def failing_qms(world: World, rng: Random) -> Qms:
    """Let QMS be away, slow, finish writes late at the worst moments, or refuse to write to a recording."""
    moments = [x.leg_start for x in world.truths] + [x.before.at for x in world.truths if x.before]
    if not moments:
        return world.qms
    at = round(rng.choice(moments) - rng.uniform(0, 1), 3)
    span = (at, round(at + rng.choice((2.0, 8.0, 14.0, 40.0)), 3))
    kind = rng.choice(("away", "away", "slow", "late", "refuses"))
    if kind == "refuses":
        return replace(world.qms, refuses=(rng.choice(world.truths).guid,))
    if kind == "away":
        return replace(world.qms, away=(span,))
    if kind == "slow":
        return replace(world.qms, slow=((*span, rng.choice((1.0, 4.0))),))
    ends = round(rng.choice([x.leg_end for x in world.truths]), 3)
    return replace(world.qms, late_writes=((ends, ends + 20.0),))


FAULTS = ("rounded", "disorder", "duplicates", "stall", "gap", "qms")
# Not among the usual ones: whether the naive player or the judge is wrong in about 3 of 10,000 such worlds is open.
MORE_FAULTS = ("part_gap",)


def with_faults(world: World, rng: Random, stage: Stage, kinds: frozenset[str]) -> World:
    """Let some of the allowed kinds of faults happen; more than a third of all worlds have none."""
    world = delayed(world)
    if rng.random() < 0.35 or not any(x.call for x in world.said):
        return world
    if "rounded" in kinds and rng.random() < 0.1:
        # Only the order of arrival shows then what came first within a second, so that nothing may disturb it.
        return rounded(world)
    steps: dict[str, tuple[float, Callable[[World], World]]] = {
        "gap": (0.2, lambda w: gapped(w, rng, stage)),
        "part_gap": (0.15, lambda w: w if w.gap else part_gapped(w, rng, stage)),
        "disorder": (0.4, lambda w: disordered(w, rng)),
        "duplicates": (0.4, lambda w: duplicated(w, rng)),
        "stall": (0.25, lambda w: stalled(w, rng)),
        "qms": (0.35, lambda w: replace(w, qms=failing_qms(w, rng))),
    }
    for name, (share, step) in steps.items():
        if name in kinds and rng.random() < share:
            world = step(world)
    return world
