"""An agent that no extension matches, mapped by hand: from lost calls on the page Agents to flagged ones."""

import pytest
import redis as redis_client

from agents.manual_mappings import map_agent
from agents.models import Agent, QmsUser
from agents.sessions.logged_on import logged_on_agents
from agents.unmatched_calls import calls_at_risk
from calls.stats import unmatched_calls
from calls.storage.codec import read_trace
from cti.models import CtiSource, Seating
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with an empty journal; its pumps look again at once, for its clock does not tick by itself."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def call(gateway: GatewayStack, call_id: str, device_id: str) -> None:
    """Let a call come to an extension and end."""
    gateway.call("Delivered", call_id, device_id)
    gateway.passes(2)
    gateway.connects(call_id, device_id)
    gateway.passes(5)
    gateway.clears(call_id, device_id)
    gateway.passes(1.1)


def test_the_calls_of_an_agent_mapped_by_hand_are_flagged_from_the_next_one_on(gateway: GatewayStack) -> None:
    gateway.users("2001", "2050")
    QmsUser.objects.filter(user_id="2050").update(extension="")  # A user without a desk: QMS records by log-on.
    gateway.log_on("9101", "2050", "Alice Archer")
    call(gateway, "C1", "2050")
    unmatched_calls.report_unmatched_calls(gateway.time)
    assert gateway.outcomes() == [("2050", "user_unmatched")]
    assert calls_at_risk(gateway.time.date()) == {(gateway.source.pk, "2050"): 1}

    user = QmsUser.objects.get(user_id="2050")
    map_agent(Agent.objects.get(agent_id="9101"), user, reason="Has no desk.", by="vera", now=gateway.time)
    call(gateway, "C2", "2050")

    assert gateway.outcomes() == [("2050", "user_unmatched"), ("2050", "flagged")]
    match = next(step.text for step in read_trace(gateway.legs()[1]) if step.what == "match")
    assert "mapped by hand by vera on 2026-03-02: Has no desk." in match
    assert [one.verdict.is_by_hand for one in logged_on_agents()] == [True]


def test_the_calls_of_another_at_the_same_extension_are_not(gateway: GatewayStack) -> None:
    gateway.users("2001", "2050")
    QmsUser.objects.filter(user_id="2050").update(extension="")
    gateway.log_on("9101", "2050", "Alice Archer")
    gateway.passes(1)
    user = QmsUser.objects.get(user_id="2050")
    map_agent(Agent.objects.get(agent_id="9101"), user, reason="Has no desk.", by="vera", now=gateway.time)
    gateway.log_on("9102", "2050", "Bob Baker")
    call(gateway, "C1", "2050")

    assert gateway.outcomes() == [("2050", "user_unmatched")]


def test_with_free_seating_an_agent_is_known_at_both_extensions(gateway: GatewayStack) -> None:
    CtiSource.objects.update(seating=Seating.FREE)
    gateway.source.refresh_from_db()
    gateway.log_on("9101", "2001", "Alice Archer")
    gateway.passes(10)
    gateway.log_on("9101", "2002", "Alice Archer")
    gateway.passes(10)
    for number, device in enumerate(("2001", "2002")):
        call(gateway, f"C{number}", device)

    assert [(leg.device_id, leg.agent_id, leg.outcome) for leg in gateway.legs()] == [
        ("2001", "9101", "flagged"),
        ("2002", "9101", "flagged"),
    ]
