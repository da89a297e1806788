"""A snapshot of a world says of a call what the call's own events said."""

from __future__ import annotations

from devtools.worlds.judge.generate import Ways, generate
from devtools.worlds.judge.people import Style
from devtools.worlds.judge.world import World

#: Gaps often fall into a call that names the agent who dialled it, and the snapshot names who calls.
KINDS, WAYS = ("consultation", "agent_names", "gap"), Ways(style=Style(repeats=1.0))


def names(world: World, *, in_snapshot: bool) -> dict[int, set[str]]:
    """Return the callers that are stated of each call."""
    stated = dict[int, set[str]]()
    for one in world.said:
        name = one.event.data.get("callerName")
        if name and one.call and one.event.id.startswith("gap-") == in_snapshot:
            stated.setdefault(one.call, set()).add(name)
    return stated


def test_a_snapshot_names_the_caller_whom_the_events_of_its_call_named() -> None:
    compared = 0
    for seed in range(300):
        world = generate(seed, KINDS, ways=WAYS)
        before = names(world, in_snapshot=False)
        for call, stated in names(world, in_snapshot=True).items():
            if call in before:
                assert stated <= before[call], seed
                compared += any(name.startswith("Desk ") for name in stated)
    assert compared > 1
