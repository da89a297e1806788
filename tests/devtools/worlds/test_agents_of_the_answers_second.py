"""Who leaves in the whole second of an answer, as is heard after it: nobody knows whether that was before it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from devtools.worlds.judge.expect import Duty, Stream, expected_of
from devtools.worlds.judge.generate import generate
from devtools.worlds.judge.runner import ALL
from devtools.worlds.judge.world import Said

#: In this world of whole seconds agent 9101 answers at 9 and logs off in that second, which is heard at 9.643.
SEED = 53893


@pytest.mark.parametrize(
    ("agent", "at", "kind", "duty"),
    [
        ("9101", 9.0, "LoggedOff", "counted"),
        ("9101", 9.0, "LoggedOn", "counted"),
        ("9101", 10.0, "LoggedOff", "required"),
        ("9101", 9.0, "Ready", "required"),
        ("9102", 9.0, "LoggedOff", "required"),
    ],
)
def test_the_agent_of_an_answer_need_not_be_named_who_changes_in_its_second(
    agent: str, at: float, kind: str, duty: Duty
) -> None:
    world = generate(SEED, ALL)

    def told(one: Said) -> Said:
        if one.event.type != "LoggedOff" or one.event.data.get("agentId") != "9101":
            return one
        return replace(one, event=replace(one.event, type=kind, at=at, data={"agentId": agent}))

    world = replace(world, said=tuple(told(one) for one in world.said))
    truth = next(x for x in world.truths if (x.agent, x.leg_start) == ("9101", 9.0))
    expected = expected_of(Stream(world), truth)

    assert (expected.flags["AgentId"].duty, expected.flags["AgentName"].duty) == (duty, duty)
    assert expected.flags["CTICallRef"].duty == "required"
