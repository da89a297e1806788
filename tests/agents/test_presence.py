"""Who sits where after agents logged on, moved and left."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.core.presence import DISORDER, KnownBy, SessionTable, apply_agent_event
from agents.models import AgentState
from cti.events import AgentData, AgentEvent, Busy, LoggedOff, LoggedOn, NotReady, Ready, WorkingAfterCall

MORNING = datetime(2025, 3, 3, 8, tzinfo=UTC)
KINDS: list[type[AgentEvent]] = [LoggedOn, LoggedOff, Ready, NotReady, Busy, WorkingAfterCall]


def reported(
    kind: type[AgentEvent], agent: str, device: str | None = None, *, at: float = 0, **more: str
) -> AgentEvent:
    data = AgentData(
        agent_id=agent,
        device_id=device,
        agent_name=more.get("name"),
        reason=more.get("reason"),
        known_by=more.get("known_by"),
    )
    time = MORNING + timedelta(seconds=at)
    return kind(id=f"{kind.__name__}-{agent}-{at}", source="pbx", time=time, specversion="1.0", data=data)


def after(*events: AgentEvent, free_seating: bool = False) -> SessionTable:
    sessions = SessionTable()
    for event in events:
        for change in apply_agent_event(sessions, event, free_seating=free_seating):
            sessions.apply(change)
    return sessions


def who(sessions: SessionTable) -> dict[str, str]:
    return {device: session.agent_id for device, session in sessions.items()}


def test_an_agent_who_logs_on_is_logged_on_there() -> None:
    session = after(reported(LoggedOn, "9101", "2001", name="Alice Archer"))["2001"]

    assert (session.agent_id, session.agent_name, session.state, session.since) == (
        "9101",
        "Alice Archer",
        "LoggedOn",
        MORNING,
    )


def test_states_follow_the_events_and_the_stay_goes_on() -> None:
    session = after(reported(LoggedOn, "9101", "2001"), reported(NotReady, "9101", "2001", at=9, reason="lunch"))[
        "2001"
    ]

    assert (session.state, session.reason, session.since, session.state_since) == (
        "NotReady",
        "lunch",
        MORNING,
        MORNING + timedelta(seconds=9),
    )


def test_every_state_is_one_of_the_models() -> None:
    assert {kind.__name__ for kind in KINDS} == set(AgentState.values)


def test_an_identical_log_on_changes_nothing_even_after_a_state() -> None:
    sessions = after(reported(LoggedOn, "9101", "2001"), reported(Ready, "9101", "2001", at=10))

    assert apply_agent_event(sessions, reported(LoggedOn, "9101", "2001", at=20)) == []


def test_a_log_on_elsewhere_ends_the_stay_before() -> None:
    sessions = after(reported(LoggedOn, "9101", "2001", name="Alice Archer"))

    left, taken = apply_agent_event(sessions, reported(LoggedOn, "9101", "2005", at=60))

    assert (left.device_id, left.session, left.ended) == ("2001", None, sessions["2001"])
    assert taken.device_id == "2005"
    assert taken.session is not None
    assert taken.session.agent_name == "Alice Archer"


def test_another_agent_at_the_device_ends_the_first_ones_stay() -> None:
    sessions = after(reported(LoggedOn, "9101", "2001"))

    (change,) = apply_agent_event(sessions, reported(LoggedOn, "9102", "2001", at=60))

    assert change.ended == sessions["2001"]
    assert change.session is not None
    assert change.session.agent_id == "9102"


def test_two_agents_who_overlap_contradict_each_other_until_one_of_them_leaves() -> None:
    both = after(reported(LoggedOn, "9101", "2001", name="Alice"), reported(LoggedOn, "9102", "2001", at=60))
    assert [one.agent_id for one in both["2001"].overlaps] == ["9101"]

    for event, left in (
        (reported(LoggedOff, "9101", "2001", at=70), "9102"),
        (reported(LoggedOff, "9102", "2001", at=70), "9101"),
        (reported(LoggedOff, "9102", at=70), "9101"),
        (reported(LoggedOn, "9101", "2005", at=70), "9102"),
    ):
        sessions = after(
            reported(LoggedOn, "9101", "2001", name="Alice"), reported(LoggedOn, "9102", "2001", at=60), event
        )
        assert (sessions["2001"].agent_id, sessions["2001"].overlaps) == (left, ())


def test_a_log_off_that_names_nobody_leaves_nobody_there() -> None:
    assert (
        after(
            reported(LoggedOn, "9101", "2001"),
            reported(LoggedOn, "9102", "2001", at=9),
            reported(LoggedOff, "", "2001", at=20),
        )
        == {}
    )


def test_a_log_off_that_comes_after_the_next_log_on_ends_the_contradiction() -> None:
    sessions = after(
        reported(LoggedOn, "9101", "2001"),
        reported(LoggedOn, "9102", "2001", at=60),
        reported(LoggedOff, "9101", at=59.5),
    )

    assert (sessions["2001"].agent_id, sessions["2001"].overlaps) == ("9102", ())


def test_an_agent_to_whom_calls_are_offered_is_not_known_to_be_there() -> None:
    offered = reported(LoggedOn, "9102", "2001", at=60, known_by="offered")
    assert not after(offered)["2001"].is_certain
    assert after(reported(LoggedOn, "9101", "2001"), offered)["2001"].agent_id == "9101"
    assert after(offered, reported(LoggedOn, "9101", "2001", at=70))["2001"].overlaps == ()


def test_a_snapshot_states_who_is_there_now() -> None:
    sessions = after(reported(LoggedOn, "9101", "2001"))
    for change in apply_agent_event(sessions, reported(LoggedOn, "9102", "2001", at=60), in_snapshot=True):
        sessions.apply(change)

    assert (sessions["2001"].agent_id, sessions["2001"].known_by, sessions["2001"].overlaps) == (
        "9102",
        KnownBy.SNAPSHOT,
        (),
    )


def test_free_seating_lets_an_agent_be_logged_on_at_two_extensions() -> None:
    events = reported(LoggedOn, "9101", "2001"), reported(LoggedOn, "9101", "2002", at=9)

    assert who(after(*events, free_seating=True)) == {"2001": "9101", "2002": "9101"}


def test_with_free_seating_a_log_off_ends_one_stay_or_all() -> None:
    both = reported(LoggedOn, "9101", "2001", name="Alice"), reported(LoggedOn, "9101", "2002", at=9)

    assert after(*both, free_seating=True)["2002"].agent_name == "Alice"
    assert who(after(*both, reported(LoggedOff, "9101", "2001", at=20), free_seating=True)) == {"2002": "9101"}
    assert after(*both, reported(LoggedOff, "9101", at=20), free_seating=True) == {}


def test_an_agent_leaves_with_or_without_naming_the_extension() -> None:
    on = reported(LoggedOn, "9101", "2001")

    assert after(on, reported(LoggedOff, "9101", "2001", at=9)) == {}
    assert after(on, reported(LoggedOff, "9101", at=9)) == {}


def test_a_log_off_at_a_device_left_before_does_not_end_the_stay_elsewhere() -> None:
    events = (
        reported(LoggedOn, "9101", "2001"),
        reported(LoggedOn, "9101", "2005", at=9),
        reported(LoggedOff, "9101", "2001", at=9),
    )

    assert who(after(*events)) == {"2005": "9101"}


def test_a_log_off_of_another_agent_leaves_who_is_logged_on() -> None:
    assert who(after(reported(LoggedOn, "9101", "2001"), reported(LoggedOff, "9102", "2001", at=9))) == {"2001": "9101"}


def test_a_state_without_an_extension_finds_the_agents_session() -> None:
    assert after(reported(LoggedOn, "9101", "2001"), reported(Busy, "9101", at=9))["2001"].state == "Busy"


def test_a_state_of_an_unknown_agent_at_an_extension_counts_as_logged_on() -> None:
    assert who(after(reported(Ready, "9101", "2001"))) == {"2001": "9101"}


def test_a_state_of_an_unknown_agent_without_an_extension_changes_nothing() -> None:
    assert apply_agent_event(SessionTable(), reported(Ready, "9101")) == []


def test_a_state_without_an_agent_id_concerns_whoever_is_logged_on_there() -> None:
    assert after(reported(LoggedOn, "9101", "2001"), reported(Busy, "", "2001", at=9))["2001"].state == "Busy"
    assert apply_agent_event(SessionTable(), reported(Busy, "", "2001")) == []


def test_a_new_name_is_taken_and_a_missing_one_keeps_the_old() -> None:
    events = (
        reported(LoggedOn, "9101", "2001", name="Alice Archer"),
        reported(LoggedOn, "9101", "2001", at=9, name="Alice Ash"),
    )

    assert after(*events, reported(Ready, "9101", "2001", at=12))["2001"].agent_name == "Alice Ash"


def test_an_overtaken_log_on_does_not_undo_the_newer_one() -> None:
    newer, older = reported(LoggedOn, "9101", "2005", at=3), reported(LoggedOn, "9101", "2001", at=2)

    assert who(after(newer, older)) == {"2005": "9101"}
    assert who(after(newer, reported(LoggedOn, "9102", "2005", at=2))) == {"2005": "9101"}
    assert who(after(newer, reported(LoggedOff, "9101", "2005", at=2))) == {"2005": "9101"}


def test_an_overtaken_state_does_not_undo_the_newer_one() -> None:
    events = (
        reported(LoggedOn, "9101", "2001"),
        reported(Busy, "9101", "2001", at=3),
        reported(Ready, "9101", "2001", at=2),
    )

    assert after(*events)["2001"].state == "Busy"


def test_after_a_clock_was_set_back_agents_still_move() -> None:
    late = reported(LoggedOn, "9102", "2001", at=-DISORDER.total_seconds() - 60)

    assert who(after(reported(LoggedOn, "9101", "2001"), late)) == {"2001": "9102"}


def test_a_stay_never_ends_before_it_began() -> None:
    (change,) = apply_agent_event(after(reported(LoggedOn, "9101", "2001")), reported(LoggedOff, "9101", at=-3600))

    assert change.at == MORNING


days = st.lists(
    st.builds(
        lambda kind, agent, device, at: reported(
            kind, agent, device if device or kind is not LoggedOn else "2001", at=at
        ),
        st.sampled_from(KINDS),
        st.sampled_from(["9101", "9102", "9103"]),
        st.sampled_from(["2001", "2002", None]),
        st.integers(0, 60),
    ),
    max_size=20,
)


@given(days, st.booleans())
def test_a_repeated_event_changes_nothing(day: list[AgentEvent], free_seating: bool) -> None:
    sessions = SessionTable()
    for event in day:
        for change in apply_agent_event(sessions, event, free_seating=free_seating):
            sessions.apply(change)

        assert apply_agent_event(sessions, event, free_seating=free_seating) == []


@given(days)
def test_an_agent_has_one_session_and_a_session_knows_its_extension(day: list[AgentEvent]) -> None:
    sessions = after(*day)

    assert len(set(who(sessions).values())) == len(sessions)
    assert all(session.device_id == device for device, session in sessions.items())


@given(days, st.booleans())
def test_what_ended_is_what_was_there(day: list[AgentEvent], free_seating: bool) -> None:
    sessions = SessionTable()
    for event in day:
        for change in apply_agent_event(sessions, event, free_seating=free_seating):
            assert change.ended is None or change.ended == sessions[change.device_id]
            assert change.session or change.ended
            sessions.apply(change)


@given(days, st.booleans())
def test_an_agents_sessions_are_found_whatever_happened_before(day: list[AgentEvent], free_seating: bool) -> None:
    sessions = after(*day, free_seating=free_seating)

    for agent in ("9101", "9102", "9103"):
        assert {session.device_id for session in sessions.of(agent)} == {
            at for at, one in who(sessions).items() if one == agent
        }


def test_a_morning_of_twenty_thousand_log_ons_looks_at_each_agents_sessions_only() -> None:
    sessions = SessionTable()
    looked_at = 0
    for number in range(20_000):
        for change in apply_agent_event(sessions, reported(LoggedOn, f"a{number}", f"{number}")):
            sessions.apply(change)
        looked_at += len(sessions.of(f"a{number}"))

    assert looked_at == len(sessions) == 20_000
