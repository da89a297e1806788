"""The same world under other extensions, ids and GUIDs, so that many can be played at one gateway."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .player import Observed
from .world import Before, World

NAMES = frozenset(
    [
        "callId",
        "deviceId",
        "interactionId",
        "agentId",
        "primaryOldCallId",
        "secondaryOldCallId",
        "resultingCallId",
        "newDestination",
        "transferringDeviceId",
        "transferredToDeviceId",
        "conferencingDeviceId",
        "addedPartyId",
    ]
)


def prefixed(world: World, prefix: str) -> World:
    """Return a world whose phones, agents, calls, interactions, events and GUIDs begin with a prefix of its own."""
    said = []
    for one in world.said:
        event = replace(one.event, id=f"{prefix}-{one.event.id}", data=_data(one.event.data, prefix))
        said.append(replace(one, event=event))
    truths = tuple(
        replace(x, guid=_guid(x.guid, prefix), extension=prefix + x.extension, refs=_all(x.refs, prefix),
                interaction=prefix + x.interaction, agent=prefix + x.agent if x.agent else "",
                before=replace(x.before, refs=_all(x.before.refs, prefix)) if isinstance(x.before, Before) else None)
        for x in world.truths
    )  # fmt: skip
    lives = tuple(replace(x, id=prefix + x.id) for x in world.lives)
    site = replace(world.site, devices=_all(world.site.devices, prefix))
    return replace(world, said=tuple(said), truths=truths, lives=lives, site=site)


def _all(texts: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    return tuple(prefix + x for x in texts)


def _guid(guid: str, prefix: str) -> str:
    return f"{guid[:24]}{int(prefix):04x}{guid[28:]}"


def _data(data: dict[str, Any], prefix: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            out[key] = _data(value, prefix)
        elif isinstance(value, list):
            out[key] = [_data(x, prefix) if isinstance(x, dict) else prefix + x for x in value]
        else:
            out[key] = prefix + value if key in NAMES and value else value
    return out


def share_of(observed: Observed, world: World) -> Observed:
    """Return the part of an observation that is of one world."""
    phones, guids = set(world.site.devices), {x.guid for x in world.truths}
    legs = tuple(x for x in observed.legs if x.extension in phones)
    writes = tuple(x for x in observed.writes if x.recording in guids)
    return Observed(legs, writes, tuple(x for x in observed.notes if x.recording in guids), observed.gaps)
