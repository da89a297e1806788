"""Log-ons, log-offs and pauses: one event for each change of the whole, not one per queue."""

from typing import Any

from cti.events import AgentEvent, LoggedOff, LoggedOn, NotReady, Ready
from tests.cti.ami.traces import play, trace, truth

STATES = {"login": LoggedOn, "logout": LoggedOff, "pause": NotReady, "unpause": Ready}


def once_per_agent(states: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop what repeats an agent's state in another queue."""
    kept: list[dict[str, Any]] = []
    for one in states:
        last = next((other for other in reversed(kept) if other["agent"] == one["agent"]), None)
        if last is None or last["state"] != one["state"]:
            kept.append(one)
    return kept


def test_agent_states_are_those_of_the_truth() -> None:
    reported = [event for event in play(trace("a-agent-states")).events if isinstance(event, AgentEvent)]
    true = once_per_agent(truth("a-agent-states")["agent_states"])

    assert len(true) == len(reported)
    for one in true:
        near = [e for e in reported if e.data.agent_id == one["agent"] and abs(e.time.timestamp() - one["t"]) < 0.5]
        assert STATES[one["state"]] in [type(event) for event in near]


def test_a_pause_names_its_reason() -> None:
    reported = [event for event in play(trace("a-agent-states")).events if isinstance(event, NotReady)]

    assert [event.data.reason for event in reported] == ["Lunch", "Lunch", "Coffee break", None]


def test_a_member_is_named_by_the_queue() -> None:
    reported = [event for event in play(trace("a-agent-states")).events if isinstance(event, LoggedOn)]

    assert {"2003": "Carol Chen", "2011": "Karla Klein"}.items() <= {
        event.data.device_id: event.data.agent_name for event in reported
    }.items()


def test_a_log_on_that_names_no_agent_goes_to_quarantine_and_the_link_goes_on() -> None:
    data = trace("a-agent-states")
    login = data.index(b"Event: AgentLogin")
    at = data.index(b"\r\nAgent: 2011", login)
    played = play(data[:at] + b"\r\nAgent: " + data[at + len(b"\r\nAgent: 2011") :])

    assert [one.error for one in played.refused] == ["Agent is missing"]
    assert len(played.events) > 10
