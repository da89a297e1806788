"""Sessions survive in the database as records; agents keep the names they had."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from agents.api import load_sessions, logged_on_at, save_sessions
from agents.core.presence import AgentSession, KnownBy, SessionChange, SessionTable, apply_agent_event
from agents.models import Agent, AgentName, AgentSessionRecord
from cti.events import AgentEvent, Busy, LoggedOff, LoggedOn, Ready
from cti.models import CtiSource
from tests.agents.test_presence import MORNING, days, reported

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)


def play(source: CtiSource, *events: AgentEvent) -> None:
    """Fold events as one batch, the way the consumer does."""
    sessions = SessionTable(load_sessions(source.pk).values())
    changes: list[SessionChange] = []
    for event in events:
        for change in apply_agent_event(sessions, event):
            sessions.apply(change)
            changes.append(change)
    save_sessions(source.pk, changes, NOW)


def moment(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def test_who_is_logged_on_where_is_the_same_after_it_was_saved(source: CtiSource) -> None:
    play(
        source,
        reported(LoggedOn, "9101", "2001", name="Alice Archer"),
        reported(Ready, "9101", "2001", at=3, reason="x"),
    )

    assert load_sessions(source.pk) == {
        "2001": AgentSession(
            agent_id="9101",
            agent_name="Alice Archer",
            device_id="2001",
            state="Ready",
            since=MORNING,
            state_since=moment(3),
            reason="x",
            origin="LoggedOn LoggedOn-9101-0",
        )
    }


def test_a_stay_can_begin_and_end_within_one_batch_and_another_go_on(source: CtiSource) -> None:
    play(source, reported(LoggedOn, "9101", "2001"))
    play(
        source,
        reported(LoggedOff, "9101", at=10),
        reported(LoggedOn, "9102", "2001", at=20),
        reported(LoggedOff, "9102", at=30),
        reported(LoggedOn, "9103", "2001", at=40),
    )

    stays = AgentSessionRecord.objects.order_by("since").values_list("agent_id", "since", "until")
    assert list(stays) == [("9101", MORNING, moment(10)), ("9102", moment(20), moment(30)), ("9103", moment(40), None)]


def test_logged_on_at_an_extension_is_known_as_of_a_moment(source: CtiSource) -> None:
    play(
        source,
        reported(LoggedOn, "9101", "2001"),
        reported(LoggedOn, "9102", "2001", at=60),
        reported(LoggedOff, "9102", at=90),
    )

    def who(seconds: float) -> str | None:
        session = logged_on_at(source.pk, "2001", moment(seconds))
        return session.agent_id if session else None

    assert [who(at) for at in (-1, 0, 59, 60, 89, 90)] == [None, "9101", "9101", "9102", "9102", "9101"]


def test_two_agents_who_overlap_at_an_extension_are_both_kept(source: CtiSource) -> None:
    sessions = SessionTable()
    for event in (reported(LoggedOn, "9101", "2001", name="Alice Archer"), reported(LoggedOn, "9102", "2001", at=60)):
        changes = apply_agent_event(sessions, event)
        save_sessions(source.pk, changes, NOW)
        for change in changes:
            sessions.apply(change)

    loaded = load_sessions(source.pk)
    assert loaded == sessions
    assert [one.agent_id for one in loaded["2001"].overlaps] == ["9101"]


def test_an_agent_keeps_every_name_with_its_beginning(source: CtiSource) -> None:
    play(source, reported(LoggedOn, "9101", "2001", name="Alice Archer"))
    play(source, reported(LoggedOff, "9101", at=50), reported(LoggedOn, "9101", "2001", at=60, name="Alice Ash"))
    play(source, reported(Busy, "9101", "2001", at=70))

    assert Agent.objects.get().name == "Alice Ash"
    assert list(AgentName.objects.values_list("name", "since")) == [
        ("Alice Ash", moment(60)),
        ("Alice Archer", MORNING),
    ]


def test_sources_do_not_share_sessions(source: CtiSource) -> None:
    other = CtiSource.objects.create(slug="other", kind="http")
    play(source, reported(LoggedOn, "9101", "2001"))
    play(other, reported(LoggedOn, "9102", "2001"))

    assert load_sessions(source.pk)["2001"].agent_id == "9101"
    assert load_sessions(other.pk)["2001"].agent_id == "9102"


def test_a_stay_that_the_changes_did_not_know_ends_when_another_begins(source: CtiSource) -> None:
    play(source, reported(LoggedOn, "9101", "2001"))
    save_sessions(source.pk, apply_agent_event(SessionTable(), reported(LoggedOn, "9102", "2001", at=9)), NOW)

    assert load_sessions(source.pk)["2001"].agent_id == "9102"
    assert AgentSessionRecord.objects.get(agent_id="9101").until == moment(9)


def test_a_stay_that_ends_and_begins_again_at_one_moment_is_known_as_it_is_now(source: CtiSource) -> None:
    play(source, reported(LoggedOn, "9101", "2001"))
    play(source, reported(LoggedOn, "9101", "2002"), reported(Ready, "9101", "2001"))

    stay = load_sessions(source.pk)["2001"]
    assert (stay.known_by, stay.origin) == (KnownBy.STATE, "Ready Ready-9101-0")


def test_a_batch_takes_few_queries_whatever_its_size(source: CtiSource) -> None:
    def events(at: float) -> list[AgentEvent]:
        return [reported(LoggedOn, str(n), str(n), at=at, name=f"A{n}") for n in range(100)] + [
            reported(Ready, str(n), str(n), at=at + 1 + n) for n in range(100)
        ]

    play(source, *events(0))
    with CaptureQueriesContext(connection) as queries:
        play(source, *events(500))

    assert len(queries) <= 8
    with CaptureQueriesContext(connection) as queries:
        save_sessions(source.pk, [], NOW)
    assert len(queries) == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(days)
def test_saving_in_two_batches_is_the_same_as_folding_at_once(source: CtiSource, day: list[AgentEvent]) -> None:
    AgentSessionRecord.objects.all().delete()
    sessions = SessionTable()
    for event in day:
        for change in apply_agent_event(sessions, event):
            sessions.apply(change)
    play(source, *day[: len(day) // 2])
    play(source, *day[len(day) // 2 :])

    assert load_sessions(source.pk) == sessions
