"""What is known of agents is not read again, and what is written is the same as if it were."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.api import KnownAgents
from agents.core.presence import AgentSession
from agents.models import Agent, AgentName
from agents.sessions.agent_names import save_agents
from cti.models import CtiSource
from tests.agents.test_presence import MORNING

pytestmark = pytest.mark.django_db


def session(agent: str, name: str = "", at: float = 0) -> AgentSession:
    """Make a seat of an agent, in a state since some seconds after eight."""
    since = MORNING + timedelta(seconds=at)
    return AgentSession(
        agent_id=agent, agent_name=name, device_id="2001", state="Busy", since=MORNING, state_since=since
    )


class Saving:
    """Save sightings of a source's agents with what is known of them."""

    def __init__(self, source: CtiSource, known: KnownAgents) -> None:
        self.source, self.known = source, known

    def see(self, at: float, *sessions: AgentSession) -> None:
        save_agents(self.source.pk, sessions, MORNING + timedelta(seconds=at), self.known)


@pytest.fixture
def saving(source: CtiSource) -> Saving:
    """Give a process that has seen Ann and somebody without a name at eight."""
    saving = Saving(source, KnownAgents())
    saving.see(0, session("9101", "Ann"), session("9102"))
    return saving


def last_seen(agent: str) -> float:
    return (Agent.objects.get(agent_id=agent).last_seen_at - MORNING).total_seconds()


def rows_of(source: CtiSource) -> list[tuple[Any, ...]]:
    agents = Agent.objects.filter(source=source).values_list("agent_id", "name", "first_seen_at", "last_seen_at")
    names = AgentName.objects.filter(agent__source=source).values_list("agent__agent_id", "name", "since")
    return [*sorted(agents, key=str), *sorted(names, key=str)]


def test_agents_who_are_known_and_were_seen_within_the_minute_take_no_statement(
    saving: Saving, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        saving.see(59, session("9101", "Ann"), session("9101"), session("9102"))

    assert last_seen("9101") == 0


def test_a_minute_later_one_statement_says_that_they_were_seen(saving: Saving, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        saving.see(60, session("9101", "Ann"), session("9102"))
        saving.see(61, session("9101", "Ann"), session("9102"))

    assert [last_seen("9101"), last_seen("9102")] == [60, 60]


def test_a_new_name_is_kept_at_once_and_a_name_left_out_is_no_new_one(saving: Saving) -> None:
    saving.see(1, session("9101", "Ash", at=1))
    saving.see(2, session("9101", "", at=2))
    saving.see(3, session("9101", "Ann", at=3))

    assert list(AgentName.objects.order_by("since").values_list("name", flat=True)) == ["Ann", "Ash", "Ann"]
    assert last_seen("9101") == 3


def test_an_agent_who_was_deleted_is_added_when_the_minute_is_over(saving: Saving) -> None:
    Agent.objects.filter(agent_id="9101").delete()
    saving.see(30, session("9101", "Ann"))
    assert not Agent.objects.filter(agent_id="9101").exists()
    saving.see(61, session("9101", "Ann"), session("9102"))

    assert [last_seen("9101"), last_seen("9102")] == [61, 61]
    assert AgentName.objects.get().name == "Ann"


def test_a_name_changed_by_hand_is_noticed_when_the_minute_is_over(saving: Saving) -> None:
    Agent.objects.filter(agent_id="9101").update(name="Ash")
    saving.see(61, session("9101", "Ann", at=61), session("9102"))

    assert Agent.objects.get(agent_id="9101").name == "Ann"
    assert AgentName.objects.order_by("-since")[0].since == MORNING + timedelta(seconds=61)


def test_nobody_is_trusted_when_the_clock_was_set_back(saving: Saving, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        saving.see(-5, session("9101", "Ann"))

    assert last_seen("9101") == 0


def test_all_are_forgotten_when_there_are_too_many(source: CtiSource, django_assert_num_queries: Any) -> None:
    saving = Saving(source, KnownAgents(most=2))
    saving.see(0, session("9101"), session("9102"))
    with django_assert_num_queries(0):
        saving.see(1, session("9101"), session("9102"))
    saving.see(2, session("9103"))
    with django_assert_num_queries(1):
        saving.see(3, session("9103"))


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 20, 59, 60, 61, 3600, -30]),
        st.lists(
            st.tuples(st.sampled_from(["9101", "9102", "9103"]), st.sampled_from(["", "Ann", "Bo\"b'"])), max_size=4
        ),
    ),
    max_size=8,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps)
def test_what_is_known_changes_nothing_in_what_is_written(
    source: CtiSource, steps: list[tuple[int, list[tuple[str, str]]]]
) -> None:
    Agent.objects.all().delete()
    other, _ = CtiSource.objects.get_or_create(slug="other", kind="http")
    quick, at = Saving(source, KnownAgents()), 0
    for passed, agents in steps:
        at += passed
        sessions = [session(agent, name, at) for agent, name in agents]
        quick.see(at, *sessions)
        Saving(other, KnownAgents()).see(at, *sessions)

        assert rows_of(source) == rows_of(other)
