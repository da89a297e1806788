"""Who sits where, as a snapshot states it: two agents at one extension name nobody, whoever was known before.

Times are seconds after noon: the link is lost at 0, a snapshot is taken from 10 to 11, and 2001 is connected at 20.
"""

import pytest

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event

pytestmark = pytest.mark.core

CASES = {
    "one is stated, who was there before": (["9101"], ["9101"], "9101"),
    "one is stated, where another was before": (["9101"], ["9102"], "9102"),
    "one is stated, where nobody was before": ([], ["9102"], "9102"),
    "one is stated twice": ([], ["9102", "9102"], "9102"),
    "two are stated, the first of them was there before": (["9101"], ["9101", "9102"], ""),
    "two are stated, the second of them was there before": (["9102"], ["9101", "9102"], ""),
    "two are stated, where another was before": (["9103"], ["9101", "9102"], ""),
    "two are stated, where nobody was before": ([], ["9101", "9102"], ""),
    "two are stated, who were there both before": (["9101", "9102"], ["9101", "9102"], ""),
    "two are stated, and the first is repeated": ([], ["9101", "9102", "9101"], ""),
    "three are stated": (["9101"], ["9101", "9102", "9103"], ""),
}


def on(at: float, agent: str, **more: str) -> AnyEvent:
    return event("LoggedOn", at, family="agent", agentId=agent, deviceId="2001", name=f"{agent}-{at}", **more)


def off(at: float, agent: str) -> AnyEvent:
    return event("LoggedOff", at, family="agent", agentId=agent, deviceId="2001")


def lost(before: list[str]) -> Switchboard:
    """Agents log on, the link is lost and comes back, and a snapshot begins."""
    board = Switchboard().hears(*(on(-60 + place, agent) for place, agent in enumerate(before)))
    board.hears(event("Lost", 0, family="link", reason="test"), event("Restored", 9, family="link"))
    return board.hears(event("Began", 10, family="snapshot"))


def ended(board: Switchboard) -> Switchboard:
    return board.hears(event("Ended", 11, family="snapshot", agentsTold=True))


@pytest.mark.parametrize(("before", "stated", "named"), CASES.values(), ids=CASES)
def test_a_call_names_the_one_agent_that_a_snapshot_stated_at_its_extension(
    before: list[str], stated: list[str], named: str
) -> None:
    board = lost(before).hears(*(on(10 + place / 10, agent) for place, agent in enumerate(stated)))
    ended(board).call("Established", 20, "C1", "2001")

    assert board.leg.agent_id == named


@pytest.mark.parametrize("known_by", ["offered", "configured"])
def test_to_that_a_queue_offers_calls_as_a_snapshot_says_contradicts_nobody(known_by: str) -> None:
    board = lost([]).hears(on(10, "9101", knownBy=known_by), on(10.1, "9102"))
    ended(board).call("Established", 20, "C1", "2001")

    assert board.leg.agent_id == "9102"


def test_one_of_two_that_a_snapshot_stated_remains_when_the_other_logs_off() -> None:
    board = ended(lost(["9101"]).hears(on(10, "9101"), on(10.1, "9102"))).hears(off(15, "9102"))
    board.call("Established", 20, "C1", "2001")

    assert board.leg.agent_id == "9101"


@pytest.mark.parametrize(("stated", "named"), [(["9101"], "9101"), (["9102"], ""), (["9101", "9102"], "")])
def test_a_call_that_the_snapshot_finds_before_its_agents_names_who_was_there_all_the_time(
    stated: list[str], named: str
) -> None:
    board = lost(["9101"]).call("Established", 10.1, "C1", "2001")
    board = ended(board.hears(*(on(10.2 + place / 10, agent) for place, agent in enumerate(stated))))

    assert board.leg.agent_id == named


@pytest.mark.parametrize("stated", [["9102"], ["9101", "9102"], []])
def test_who_a_later_snapshot_states_says_nothing_of_a_call_that_an_earlier_one_found(stated: list[str]) -> None:
    board = ended(lost(["9101"]).call("Established", 10.1, "C1", "2001").hears(on(10.2, "9101")))
    board.hears(event("Began", 100, family="snapshot")).call("Established", 100.1, "C1", "2001")
    board.hears(*(on(100.2 + place / 10, agent) for place, agent in enumerate(stated)))
    board.hears(event("Ended", 101, family="snapshot", agentsTold=True)).call("ConnectionCleared", 120, "C1", "2001")

    assert board.leg.agent_id == "9101"
