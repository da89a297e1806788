"""An agent that no extension matches, mapped by hand: from lost calls on the page Agents to flagged ones."""

import pytest
import redis as redis_client

from agents.manual_mappings import map_agent
from agents.models import Agent, QmsUser
from agents.sessions.logged_on import logged_on_agents
from agents.unmatched_calls import calls_at_risk
from calls.stats import unmatched_calls
from cti.models import CtiSource, Seating
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def call(house: GatewayStack, call_id: str, device_id: str) -> None:
    """Let a call come to an extension and end."""
    house.call("Delivered", call_id, device_id)
    house.passes(2)
    house.connects(call_id, device_id)
    house.passes(5)
    house.clears(call_id, device_id)
    house.passes(1.1)


def test_the_calls_of_an_agent_mapped_by_hand_are_flagged_from_the_next_one_on(house: GatewayStack) -> None:
    house.users("2001", "2050")
    QmsUser.objects.filter(user_id="2050").update(extension="")  # A user without a desk: QMS records by log-on.
    house.log_on("9101", "2050", "Alice Archer")
    call(house, "C1", "2050")
    unmatched_calls.report_unmatched_calls(house.time)
    assert house.outcomes() == [("2050", "user_unmatched")]
    assert calls_at_risk(house.time.date()) == {(house.source.pk, "2050"): 1}

    user = QmsUser.objects.get(user_id="2050")
    map_agent(Agent.objects.get(agent_id="9101"), user, reason="Has no desk.", by="vera", now=house.time)
    call(house, "C2", "2050")

    assert house.outcomes() == [("2050", "user_unmatched"), ("2050", "flagged")]
    assert "mapped by hand by vera on 2026-03-02: Has no desk." in house.legs()[1].trace
    assert [one.verdict.is_by_hand for one in logged_on_agents()] == [True]


def test_the_calls_of_another_at_the_same_extension_are_not(house: GatewayStack) -> None:
    house.users("2001", "2050")
    QmsUser.objects.filter(user_id="2050").update(extension="")
    house.log_on("9101", "2050", "Alice Archer")
    house.passes(1)
    user = QmsUser.objects.get(user_id="2050")
    map_agent(Agent.objects.get(agent_id="9101"), user, reason="Has no desk.", by="vera", now=house.time)
    house.log_on("9102", "2050", "Bob Baker")
    call(house, "C1", "2050")

    assert house.outcomes() == [("2050", "user_unmatched")]


def test_with_free_seating_an_agent_is_known_at_both_extensions(house: GatewayStack) -> None:
    CtiSource.objects.update(seating=Seating.FREE)
    house.source.refresh_from_db()
    house.log_on("9101", "2001", "Alice Archer")
    house.passes(10)
    house.log_on("9101", "2002", "Alice Archer")
    house.passes(10)
    for number, device in enumerate(("2001", "2002")):
        call(house, f"C{number}", device)

    assert [(leg.device_id, leg.agent_id, leg.outcome) for leg in house.legs()] == [
        ("2001", "9101", "flagged"),
        ("2002", "9101", "flagged"),
    ]
