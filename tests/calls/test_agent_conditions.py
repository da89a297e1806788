"""Which agent was there as a leg was connected, condition by condition. Seconds after noon."""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.presence import AgentSession, KnownBy
from calls.core.handlers.agent_events import _logged_on_later, _note, _was_before
from calls.core.legs import _is_known_then, _origin_of_session
from calls.core.origins import Origin, OriginRule
from calls.core.state import LegState
from cti.events import AgentEvent
from tests.calls.call_states import gap, holding, snapshot
from tests.calls.leg_states import leg
from tests.calls.switchboard import event as any_event
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


# --- agents ---


def agent(kind: str, at: float, agent_id: str = "9001") -> AgentEvent:
    said = any_event(kind, at, family="agent", agentId=agent_id, deviceId="2001")
    assert isinstance(said, AgentEvent)
    return said


BY_STATE = Origin("Ready", "e", moment(1), OriginRule.STATE)
OF_AGENT = leg(10, agent_id="9001", agent_origin=BY_STATE)


@pytest.mark.parametrize(
    ("one", "said", "is_later"),
    [
        (OF_AGENT, agent("LoggedOn", 10.001), True),
        (OF_AGENT, agent("LoggedOn", 10), False),
        (OF_AGENT, agent("LoggedOn", 11, "9002"), False),
        (replace(OF_AGENT, is_agent_stated=True), agent("LoggedOn", 11), False),
        (replace(OF_AGENT, agent_origin=replace(BY_STATE, rule=OriginRule.LOG_ON)), agent("LoggedOn", 11), False),
        (replace(OF_AGENT, agent_origin=None), agent("LoggedOn", 11), False),
        (replace(OF_AGENT, agent_source_at=moment(5)), agent("LoggedOn", 9), True),
        (replace(OF_AGENT, agent_source_at=moment(5)), agent("LoggedOn", 5), False),
    ],
)
def test_an_agent_who_is_known_by_a_state_had_logged_on_after_connected(
    one: LegState, said: AgentEvent, is_later: bool
) -> None:
    assert _logged_on_later(said, one) is is_later


@pytest.mark.parametrize(
    ("one", "said", "was_before"),
    [
        (leg(10), agent("LoggedOn", 9.999), True),
        (leg(10), agent("LoggedOn", 10), True),
        (leg(10), agent("LoggedOn", 10.001), False),
        (leg(10), agent("LoggedOff", 10), True),
        (leg(10), agent("Ready", 10.001), True),
        (OF_AGENT, agent("Ready", 10.001), False),
        (OF_AGENT, agent("Ready", 10), False),
        (OF_AGENT, agent("Ready", 9.999), True),
        (leg(10, agent_source_at=5), agent("LoggedOn", 7), False),
        (leg(10, agent_source_at=5), agent("LoggedOn", 5), True),
    ],
)
def test_what_is_older_than_connected_was_before_it_and_so_is_a_state_of_nobody_known(
    one: LegState, said: AgentEvent, was_before: bool
) -> None:
    assert _was_before(said, one) is was_before


@pytest.mark.parametrize(
    ("since", "known_by", "one", "source", "is_there"),
    [
        (10, KnownBy.LOG_ON, leg(10), {}, True),
        (10.001, KnownBy.LOG_ON, leg(10), {}, False),
        (10.001, KnownBy.STATE, leg(10), {}, True),
        (7, KnownBy.LOG_ON, leg(10, agent_source_at=5), {}, False),
        (5, KnownBy.LOG_ON, leg(10, agent_source_at=5), {}, True),
        (5, KnownBy.LOG_ON, leg(10, is_of_snapshot=True), {"lost_at": 4}, False),
        (4, KnownBy.LOG_ON, leg(10, is_of_snapshot=True), {"lost_at": 4}, True),
        (5, KnownBy.LOG_ON, leg(10), {"lost_at": 4}, True),
        (5, KnownBy.LOG_ON, leg(10, is_of_snapshot=True), {}, True),
        (5, KnownBy.LOG_ON, leg(10, is_of_snapshot=True), {"partial": (gap("2001"),)}, False),
        (5, KnownBy.LOG_ON, leg(10, is_of_snapshot=True), {"lost_gateway_at": 4}, False),
    ],
)
def test_an_agent_was_there_at_connected_by_a_session_of_before(
    since: float, known_by: KnownBy, one: LegState, source: dict[str, Any], is_there: bool
) -> None:
    session = AgentSession(
        agent_id="9001", device_id="2001", since=moment(since), known_by=known_by,
        state="ready", state_since=moment(since),
    )  # fmt: skip

    assert _is_known_then(holding(source=source), session, one) is is_there


@pytest.mark.parametrize(
    ("origin", "known_by", "rule"),
    [
        ("LoggedOn e1", KnownBy.LOG_ON, OriginRule.LOG_ON),
        ("Ready e1", KnownBy.STATE, OriginRule.STATE),
        ("Ready e1", KnownBy.SNAPSHOT, OriginRule.SNAPSHOT),
        ("", KnownBy.LOG_ON, None),
        ("Delivered e1", KnownBy.OFFERED, None),
    ],
)
def test_an_agents_origin_is_the_event_that_began_the_session(
    origin: str, known_by: KnownBy, rule: OriginRule | None
) -> None:
    session = AgentSession(
        agent_id="9001", device_id="2001", since=moment(5), known_by=known_by, origin=origin,
        state="ready", state_since=moment(6),
    )  # fmt: skip

    expected = None if rule is None else Origin(origin.partition(" ")[0], "e1", moment(5), rule)
    assert _origin_of_session(session) == expected


@pytest.mark.parametrize(("agent_id", "stated"), [("9001", {"2001": frozenset({"9001"})}), ("", {})])
def test_a_snapshot_states_who_is_at_a_phone_where_an_agent_is_named(
    agent_id: str, stated: dict[str, frozenset[str]]
) -> None:
    taken = snapshot()
    held = holding(source={"snapshot": taken})
    _note(held, agent("Ready", 5, agent_id))

    assert held.source.snapshot == replace(taken, seated=frozenset({"2001"}), stated=stated)
