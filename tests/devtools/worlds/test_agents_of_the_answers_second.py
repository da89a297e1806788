"""Who leaves as a call is answered, as is heard after it: nobody knows whether that was before it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from devtools.worlds.judge.expect import Duty, Stream, expected_of, start_events
from devtools.worlds.judge.generate import generate
from devtools.worlds.judge.runner import ALL
from devtools.worlds.judge.scenario import Event
from devtools.worlds.judge.world import Said
from devtools.worlds.wires.csta_worlds import csta_world

#: In this world of whole seconds agent 9101 answers at 9 and logs off in that second, which is heard at 9.643.
SEED = 53893
#: A world without faults, as CSTA says it.
CALM = 3


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


@pytest.mark.parametrize(
    ("is_theirs", "is_elsewhere", "after", "duty"),
    [
        (True, True, 0.0, "counted"),
        (True, True, 0.9, "counted"),
        (True, True, 1.1, "required"),
        (True, True, -0.1, "required"),
        (True, False, 0.1, "required"),
        (False, True, 0.1, "required"),
    ],
)
def test_without_times_an_agent_need_not_be_named_who_is_heard_to_be_at_another_phone(
    is_theirs: bool, is_elsewhere: bool, after: float, duty: Duty
) -> None:
    world = csta_world(CALM, ["direct"])
    truth = next(x for x in world.truths if x.agent and x.seat_sure)
    assert expected_of(Stream(world), truth).flags["AgentId"].duty == "required"
    answered = min(x.event.heard for x in start_events(Stream(world), truth))
    data = {"agentId": truth.agent if is_theirs else "9", "deviceId": "2" if is_elsewhere else truth.extension}
    event = Event(answered + after, "LoggedOn", data, answered + after, "g0-999")
    world = replace(world, said=(*world.said, Said(event, 0, 0)))

    expected = expected_of(Stream(world), truth)

    assert expected.flags["AgentId"].duty == duty
    assert expected.flags["CTICallRef"].duty == "required"
