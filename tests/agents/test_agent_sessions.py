"""Stays that go on are saved by one statement, and end in the same rows as those that are compared one by one."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.core.presence import SessionChange, SessionTable, apply_agent_event
from agents.models import AgentSessionRecord
from agents.sessions import agent_sessions
from agents.sessions.agent_sessions import save_agent_sessions
from agents.sessions.session_store import load_sessions
from cti.events import AgentEvent, Busy, LoggedOff, LoggedOn, Ready
from cti.models import CtiSource
from tests.agents.test_presence import KINDS, reported

pytestmark = pytest.mark.django_db
ROW = ("agent_id", "agent_name", "device_id", "state", "state_since", "reason", "since", "until")


def changes_of(sessions: SessionTable, *events: AgentEvent) -> list[SessionChange]:
    """Fold events into the seats; returns what they changed."""
    changes: list[SessionChange] = []
    for event in events:
        for change in apply_agent_event(sessions, event):
            sessions.apply(change)
            changes.append(change)
    return changes


def morning(source: CtiSource, agents: int = 25) -> SessionTable:
    """Let agents log on."""
    sessions = SessionTable()
    save_agent_sessions(
        source.pk, changes_of(sessions, *(reported(LoggedOn, f"91{n}", f"20{n}") for n in range(agents)))
    )
    return sessions


def rows_of(source: CtiSource) -> list[tuple[Any, ...]]:
    return sorted(AgentSessionRecord.objects.filter(source=source).values_list(*ROW), key=str)


def test_changes_of_state_in_stays_that_are_open_take_one_statement(
    source: CtiSource, django_assert_num_queries: Any
) -> None:
    sessions = morning(source)
    changes = changes_of(
        sessions, *(reported(Busy, f"91{n}", f"20{n}", at=n + 1, name="Ann", reason="x") for n in range(25))
    )
    with django_assert_num_queries(1):
        save_agent_sessions(source.pk, changes)

    assert load_sessions(source.pk) == sessions


def test_only_the_devices_where_somebody_came_or_left_are_compared(
    source: CtiSource, django_assert_num_queries: Any
) -> None:
    sessions = morning(source)
    changes = changes_of(
        sessions,
        reported(Busy, "911", "201", at=60),
        reported(LoggedOff, "912", at=61),
        reported(LoggedOn, "99", "203", at=62),
    )
    with django_assert_num_queries(4) as asked:
        save_agent_sessions(source.pk, changes)

    assert load_sessions(source.pk) == sessions
    assert "'201'" not in asked[1]["sql"]


def test_a_stay_that_was_ended_behind_the_consumers_back_is_open_once_more(source: CtiSource) -> None:
    sessions = morning(source, 2)
    AgentSessionRecord.objects.filter(device_id="200").update(until=reported(Ready, "910", at=5).time)
    save_agent_sessions(
        source.pk, changes_of(sessions, reported(Busy, "910", "200", at=9), reported(Busy, "911", "201", at=9))
    )

    assert load_sessions(source.pk) == sessions
    assert AgentSessionRecord.objects.count() == 3


@pytest.mark.parametrize(("agent", "at"), [("99", 0), ("99", -60), ("910", -60), ("910", 5)])
def test_a_stay_of_another_agent_or_since_another_moment_is_another_stay(
    source: CtiSource, agent: str, at: float
) -> None:
    morning(source, 1)
    strange = SessionTable()
    changes_of(strange, reported(LoggedOn, agent, "200", at=at))
    save_agent_sessions(source.pk, changes_of(strange, reported(Busy, agent, "200", at=9)))

    assert load_sessions(source.pk) == strange
    ended = AgentSessionRecord.objects.exclude(until=None).get()
    assert (ended.agent_id, ended.state, ended.until) == (
        "910",
        "LoggedOn",
        ended.since + timedelta(seconds=max(at, 0)),
    )


def test_the_same_stay_at_another_source_is_left_alone(source: CtiSource) -> None:
    other = CtiSource.objects.create(slug="other", kind="http")
    sessions, theirs = morning(source, 2), morning(other, 2)
    save_agent_sessions(source.pk, changes_of(sessions, reported(Busy, "910", "200", at=9)))

    assert load_sessions(source.pk) == sessions
    assert load_sessions(other.pk) == theirs


def test_moments_are_stored_as_django_stores_them_with_parts_of_a_second_or_without(source: CtiSource) -> None:
    sessions = SessionTable()
    for at in (0, 0.5, 0.000001):
        save_agent_sessions(source.pk, changes_of(sessions, reported(LoggedOn, f"9{at}", f"2{at}", at=at)))
        ready = reported(Ready, f"9{at}", f"2{at}", at=at + 7, reason='"\\Ü{},')
        save_agent_sessions(source.pk, changes_of(sessions, ready))

        assert AgentSessionRecord.objects.filter(state_since=ready.time, state="Ready", until=None).count() == 1
    assert load_sessions(source.pk) == sessions
    assert AgentSessionRecord.objects.count() == 3


batches = st.lists(
    st.lists(
        st.builds(
            lambda kind, agent, device, at, name, reason: reported(
                kind, agent, device, at=at, name=name, reason=reason
            ),
            st.sampled_from(KINDS),
            st.sampled_from(["9101", "9102", "9103"]),
            st.sampled_from(["2001", "2002", "2003"]),
            st.integers(0, 600),
            st.sampled_from(["", "Ann", 'Bob\'s "\\\\"']),
            st.sampled_from(["", "lunch"]),
        ),
        max_size=6,
    ),
    max_size=6,
)
#: What is known of the seats before a batch: what the last one left, what is in the database, or nothing.
knowledge = st.lists(st.sampled_from(["kept", "kept", "kept", "loaded", "none"]), min_size=6, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(batches, knowledge, st.sets(st.integers(0, 5), max_size=1))
def test_the_quick_way_ends_in_the_rows_of_the_slow_one_whatever_happens(
    source: CtiSource, days: list[list[AgentEvent]], known: list[str], lost: set[int]
) -> None:
    AgentSessionRecord.objects.all().delete()
    other, _ = CtiSource.objects.get_or_create(slug="other", kind="http")
    sessions = SessionTable()
    for number, events in enumerate(days):
        if number in lost:
            AgentSessionRecord.objects.filter(until=None, device_id="2001").delete()
        if known[number] != "kept":
            sessions = SessionTable(load_sessions(source.pk).values() if known[number] == "loaded" else ())
        changes = changes_of(sessions, *events)
        save_agent_sessions(source.pk, changes)
        agent_sessions._save_compared(other.pk, agent_sessions._fold(changes))

        assert rows_of(source) == rows_of(other)


def test_a_stay_that_began_and_went_on_within_a_batch_is_added_without_a_vain_update(
    source: CtiSource, django_assert_num_queries: Any
) -> None:
    changes = changes_of(SessionTable(), reported(LoggedOn, "9101", "2001"), reported(Ready, "9101", "2001", at=1))
    with django_assert_num_queries(2):
        save_agent_sessions(source.pk, changes)

    presence = AgentSessionRecord.objects.get()
    assert (presence.state, presence.state_since - presence.since) == ("Ready", timedelta(seconds=1))
