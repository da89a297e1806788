"""Who is heard to be elsewhere just after an answer: without times of the source, nobody knows where at the answer.

Times are seconds after noon: agent 9101 logs on at 2001 at -60, and 2001 is connected at 20.
"""

from typing import Any

import pytest

from calls.core.source_state import SiteSettings
from cti.events import AnyEvent
from tests.calls.switchboard import Everybody, Switchboard, event

pytestmark = pytest.mark.core

TIMELESS: dict[str, Any] = {"has_source_times": False}
FREE: dict[str, Any] = {**TIMELESS, "has_free_seating": True}


def agent(kind: str, at: float, agent_id: str = "9101", device: str = "2002") -> AnyEvent:
    named = {"deviceId": device} if device else {}
    return event(kind, at, family="agent", agentId=agent_id, name=f"{kind}-{agent_id}-{at}", **named)


CASES = {
    "nothing is heard": (TIMELESS, [], "9101"),
    "logs on elsewhere at once": (TIMELESS, [agent("LoggedOn", 20)], ""),
    "logs on elsewhere just after": (TIMELESS, [agent("LoggedOn", 20.05)], ""),
    "logs on elsewhere within a second": (TIMELESS, [agent("LoggedOn", 20.999)], ""),
    "logs on elsewhere a second later": (TIMELESS, [agent("LoggedOn", 21)], "9101"),
    "is ready elsewhere just after": (TIMELESS, [agent("Ready", 20.05)], ""),
    "logs on elsewhere and back": (TIMELESS, [agent("LoggedOn", 20.05), agent("LoggedOn", 20.1, device="2001")], ""),
    "logs on elsewhere, and another here": (
        TIMELESS,
        [agent("LoggedOn", 20.05), agent("LoggedOn", 20.1, "9102", "2001")],
        "",
    ),
    "another logs on elsewhere": (TIMELESS, [agent("LoggedOn", 20.05, "9102")], "9101"),
    "another logs on here": (TIMELESS, [agent("LoggedOn", 20.05, "9102", "2001")], "9101"),
    "logs off here": (TIMELESS, [agent("LoggedOff", 20.05, device="2001")], "9101"),
    "logs off": (TIMELESS, [agent("LoggedOff", 20.05, device="")], "9101"),
    "logs on here again": (TIMELESS, [agent("LoggedOn", 20.05, device="2001")], "9101"),
    "may sit at several": (FREE, [agent("LoggedOn", 20.05)], "9101"),
    "logs on elsewhere later, as the source says": ({}, [agent("LoggedOn", 20.05)], "9101"),
    "logs on elsewhere before, as the source says": ({}, [agent("LoggedOn", 19.95)], ""),
}


def answered(site: dict[str, Any], **stated: str) -> Switchboard:
    board = Switchboard(Everybody(SiteSettings(**site)))
    return board.hears(agent("LoggedOn", -60, device="2001")).call("Established", 20, "C1", "2001", **stated)


@pytest.mark.parametrize(("site", "heard", "named"), CASES.values(), ids=CASES)
def test_a_call_names_no_agent_who_may_have_been_elsewhere_at_its_answer(
    site: dict[str, Any], heard: list[AnyEvent], named: str
) -> None:
    board = answered(site).hears(*heard)

    assert board.leg.agent_id == named


def test_the_leg_says_why_it_names_nobody() -> None:
    board = answered(TIMELESS).hears(agent("LoggedOn", 20.05))

    assert board.leg.trace[-1].text.startswith("No agent: 9101 is logged on elsewhere")


def test_an_agent_whom_the_answer_states_was_there() -> None:
    board = answered(TIMELESS, agentId="9101").hears(agent("LoggedOn", 20.05))

    assert board.leg.agent_id == "9101"


def test_only_the_call_that_was_answered_just_before_loses_its_agent() -> None:
    board = Switchboard(Everybody(SiteSettings(**TIMELESS))).hears(agent("LoggedOn", -60, device="2001"))
    board.call("Established", 10, "C0", "2001").call("Held", 15, "C0", "2001")
    board.call("Established", 20, "C1", "2001").hears(agent("LoggedOn", 20.05))

    assert {one.call_id: one.agent_id for one in board.state.legs.values()} == {"C0": "9101", "C1": ""}
