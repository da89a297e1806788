"""What of a world CSTA can say. Worlds are restricted before they are played; no finding is left out afterwards.

- CSTA has no time of its own: an event happened when it came. Where another conversation begins at the phone within
  seconds, the recording may be its, reported late by a link that stalls: nobody can be blamed for leaving it. So no
  clock of whole seconds; and events of different monitors overtake each other by less than 0.1 s only, for ids come
  back from 0.2 s on and nothing would distinguish a late event from one of the id's next life. What one monitor
  reports comes in its order.
- A TCP link brings a message once. Another monitor's report of the same event comes within 0.1 s, and has its cause,
  which is mandatory.
- What was recorded and over before a stalled link brought the beginning of its conversation is left out: the gateway
  hears of a conversation of a later time.
- A link that stalls and is lost in one world is left out: what is under way when it is lost never comes.
- agentDevice is mandatory, so that a log-off names it.
- GetAgentState knows no names: in a world with a lost link no agent has one.
- Of the kinds of calls of `judge/stories`, and the habits that go with them, only those in `SAYABLE` are written.
- A part of a link is a device's monitor: the server ends it, and grants another when the snapshot is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from msgspec.structs import replace

from devtools.worlds.judge.emit import heard, own_word
from devtools.worlds.judge.generate import MORE_KINDS, generate
from devtools.worlds.judge.people import QUEUES
from devtools.worlds.judge.world import Said, Truth, World

#: The largest delay between two monitors, in seconds.
OVERTAKING = 0.09
#: Stories that are written as CSTA.
SAYABLE = ("overflows", "rings_in_vain")
#: The devices of the queues.
QUEUE_DEVICES = {name: str(7001 + number) for number, name in enumerate(QUEUES)}


def csta_world(seed: int, kinds: Iterable[str]) -> World:
    """Make the world of a seed as CSTA can say it."""
    lost = {"stall"} if seed % 2 else {"gap", "part_gap"}
    chosen = {*kinds, "part_gap"} if "gap" in kinds else {*kinds}
    allowed = chosen - {"rounded", "disorder", *lost, *(x for x in MORE_KINDS if x not in SAYABLE)}
    world = with_devices(once(generate(seed, allowed)))
    world = replace(world, site=replace(world.site, queues=tuple(QUEUE_DEVICES.values())), timeless=True)
    rng = Random(seed)
    if "disorder" in kinds and not world.gap and not world.stall and rng.random() < 0.4:
        world = overtaken(world, rng)
    world = heard_of(world) if world.stall else world
    return without_names(world) if world.gap else world


def once(world: World) -> World:
    """Say each message once, and let another monitor's word follow at once."""
    first: dict[str, Said] = {}
    for one in sorted(world.said, key=lambda x: x.event.heard):
        first.setdefault(one.event.id, one)
    return replace(world, said=tuple(_other_word(one, first) for one in first.values()))


def _other_word(one: Said, first: Mapping[str, Said]) -> Said:
    own = first.get(one.event.id.removesuffix("-b"), one)
    if own is one:
        return one
    cause = {k: v for k, v in own.event.data.items() if k == "cause"}
    event = replace(one.event, data=one.event.data | cause)
    return heard(replace(one, event=event), min(one.event.heard, own.event.heard + OVERTAKING))


def heard_of(world: World) -> World:
    """Let QMS make no recording that was over before the beginning of its conversation was heard."""
    return replace(world, truths=tuple(x for x in world.truths if _is_heard_of(world, x)))


def _is_heard_of(world: World, truth: Truth) -> bool:
    starts = [
        x.event.heard
        for x in world.said
        if x.call in truth.kin and abs(x.event.at - truth.leg_start) < 0.0015 and not x.lost
    ]
    return not starts or min(starts) < truth.end


def overtaken(world: World, rng: Random) -> World:
    """Let the events of some monitors come later than those of others, each monitor's in its order.

    Another monitor's report of an event still comes within the largest delay of the first.
    """
    last: dict[str, float] = {}
    first: dict[str, float] = {}
    said = []
    for one in sorted(world.said, key=lambda x: x.event.heard):
        monitor = _monitor(one)
        late = rng.uniform(0.0, OVERTAKING) if rng.random() < 0.5 and not own_word(one) else 0.0
        came = max(one.event.heard + late, last.get(monitor, -1e9) + 0.0001)
        came = min(came, first.get(one.event.id.removesuffix("-b"), 1e9) + OVERTAKING)
        first.setdefault(one.event.id, came)
        last[monitor] = max(came, last.get(monitor, -1e9))
        said.append(heard(one, came))
    return replace(world, said=tuple(said))


def _monitor(one: Said) -> str:
    data = one.event.data
    sides = ("deviceId", "transferringDeviceId", "conferencingDeviceId", "queueName")
    return next((str(data[side]) for side in sides if data.get(side)), str(data.get("callId")))


def with_devices(world: World) -> World:
    """Let each log-off name the device at which the agent was logged on last."""
    seats: dict[str, str] = {}
    said = []
    for one in sorted(world.said, key=lambda x: x.event.at):
        data = one.event.data
        if one.event.type == "LoggedOn":
            seats[data["agentId"]] = data["deviceId"]
        if one.event.type == "LoggedOff" and not data.get("deviceId"):
            event = replace(one.event, data=data | {"deviceId": seats[data["agentId"]]})
            said.append(replace(one, event=event))
        else:
            said.append(one)
    return replace(world, said=tuple(said))


def without_names(world: World) -> World:
    """Let no log-on name its agent."""
    said = tuple(
        replace(x, event=replace(x.event, data={k: v for k, v in x.event.data.items() if k != "agentName"}))
        for x in world.said
    )
    return replace(world, said=said, truths=tuple(replace(x, agent_name="") for x in world.truths))
