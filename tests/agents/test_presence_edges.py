"""The edges of who sits where: late reports, agents who overlap, how a seat is known, and what a stay keeps."""

from datetime import timedelta

import msgspec
import pytest

from agents.core.presence import (
    AgentSession,
    KnownBy,
    LogOff,
    OverlappingSession,
    SessionChange,
    SessionTable,
    apply_agent_event,
    was_overtaken,
    with_log_off,
)
from cti.events import AgentEvent, Busy, LoggedOff, LoggedOn, NotReady, Ready
from tests.agents.test_presence import MORNING, after, reported, who

TICK = timedelta(microseconds=1)
#: Up to how much events of different monitors may overtake each other.
DISORDER = timedelta(seconds=5)
#: How long before what is known an event happened, and whether it was overtaken by that.
LATENESS = [(-TICK, False), (0 * TICK, False), (TICK, True), (DISORDER, True), (DISORDER + TICK, False)]


def _at(seconds: float) -> AgentEvent:
    return reported(LoggedOn, "9101", "2001", at=seconds)


def _applied(
    sessions: SessionTable, event: AgentEvent, *, free_seating: bool = False, in_snapshot: bool = False
) -> list[SessionChange]:
    changes = apply_agent_event(sessions, event, free_seating=free_seating, in_snapshot=in_snapshot)
    for change in changes:
        sessions.apply(change)
    return changes


# --- log-offs that came before what they follow ---


@pytest.mark.parametrize(("before", "is_overtaken"), LATENESS)
def test_a_log_off_overtakes_what_is_up_to_five_seconds_older(before: timedelta, is_overtaken: bool) -> None:
    known = (LogOff("9101", "2001", MORNING + before),)

    assert was_overtaken(known, reported(LoggedOn, "9101", "2001")) is is_overtaken


@pytest.mark.parametrize(
    ("agent", "device", "is_overtaken"),
    [("9101", "2001", True), ("9101", "", True), ("9101", "2002", False), ("9102", "2001", False)],
)
def test_a_log_off_overtakes_events_of_its_agent_at_its_extension_or_everywhere(
    agent: str, device: str, is_overtaken: bool
) -> None:
    known = LogOff("9103", "2003", MORNING + TICK), LogOff(agent, device, MORNING + TICK)

    assert was_overtaken(known, reported(Ready, "9101", "2001")) is is_overtaken
    assert not was_overtaken(known, reported(LoggedOff, "9101", "2001"))


def test_a_log_off_is_remembered_while_what_it_overtook_may_still_come() -> None:
    known = (LogOff("9101", "2001", MORNING), LogOff("9102", "2002", MORNING - TICK))
    added = with_log_off(known, reported(LoggedOff, "9103", at=DISORDER.total_seconds()))

    assert added == (LogOff("9101", "2001", MORNING), LogOff("9103", "", MORNING + DISORDER))
    assert with_log_off((), reported(LoggedOff, "9103", "2003")) == (LogOff("9103", "2003", MORNING),)


def test_only_a_log_off_that_names_its_agent_is_remembered() -> None:
    known = (LogOff("9101", "2001", MORNING),)

    for event in (reported(LoggedOff, "", "2001"), reported(LoggedOn, "9101", "2001"), reported(Ready, "9101", at=99)):
        assert with_log_off(known, event) == known


def test_of_very_many_log_offs_the_last_fifty_are_remembered() -> None:
    known: tuple[LogOff, ...] = ()
    for number in range(52):
        known = with_log_off(known, reported(LoggedOff, f"a{number}", "2001"))

    assert [one.agent_id for one in known] == [f"a{number}" for number in range(2, 52)]


# --- what is older than what is known ---


@pytest.mark.parametrize(("before", "is_late"), LATENESS)
def test_a_log_on_that_was_overtaken_by_another_changes_nothing(before: timedelta, is_late: bool) -> None:
    """By whoever is at the extension, and by the agent's own log-on elsewhere, unless agents may sit at several."""
    seconds = before.total_seconds()
    others, own = after(reported(LoggedOn, "9102", "2001", at=seconds)), after(_at(seconds))
    moved = reported(LoggedOn, "9101", "2005")

    assert (apply_agent_event(others, _at(0)) == []) is is_late
    assert (apply_agent_event(others, _at(0), free_seating=True) == []) is is_late
    assert (apply_agent_event(own, moved) == []) is is_late
    assert apply_agent_event(own, moved, free_seating=True) != []


@pytest.mark.parametrize(("before", "is_late"), LATENESS)
def test_a_log_off_that_was_overtaken_by_the_log_on_ends_nothing(before: timedelta, is_late: bool) -> None:
    later = before.total_seconds()
    off = reported(LoggedOff, "9101", "2001")

    assert (after(_at(later), off) != {}) is is_late
    both = after(_at(later), reported(LoggedOn, "9102", "2001", at=later + 9), off)
    assert ([one.agent_id for one in both["2001"].overlaps] == ["9101"]) is is_late


@pytest.mark.parametrize(("before", "is_late"), LATENESS)
def test_a_state_that_was_overtaken_by_the_next_changes_nothing(before: timedelta, is_late: bool) -> None:
    sessions = after(_at(-60), reported(Busy, "9101", "2001", at=before.total_seconds()))

    assert (apply_agent_event(sessions, reported(Ready, "9101", "2001", name="Alice")) == []) is is_late


# --- how a seat is known ---


@pytest.mark.parametrize(
    ("known", "member"),
    [
        (LogOff("9101", "2001", MORNING), "at"),
        (after(_at(0))["2001"], "agent_id"),
        (after(_at(0), reported(LoggedOn, "9102", "2001"))["2001"].overlaps[0], "agent_id"),
        (apply_agent_event(SessionTable(), _at(0))[0], "session"),
    ],
)
def test_what_is_known_of_a_seat_is_replaced_and_never_changed(known: object, member: str) -> None:
    """It is shared with those who fold, save and show it."""
    with pytest.raises(AttributeError):
        setattr(known, member, None)


def test_a_log_off_is_saved_as_the_list_that_was_saved_before() -> None:
    assert msgspec.json.encode(LogOff("9101", "", MORNING)) == b'["9101","","2025-03-03T08:00:00Z"]'


@pytest.mark.parametrize(
    ("event", "in_snapshot", "known_by", "is_certain"),
    [
        (reported(LoggedOn, "9101", "2001"), False, KnownBy.LOG_ON, True),
        (reported(Ready, "9101", "2001"), False, KnownBy.STATE, True),
        (reported(LoggedOn, "9101", "2001"), True, KnownBy.SNAPSHOT, True),
        (reported(LoggedOn, "9101", "2001", known_by="offered"), False, KnownBy.OFFERED, False),
        (reported(LoggedOn, "9101", "2001", known_by="offered"), True, KnownBy.OFFERED, False),
        (reported(LoggedOn, "9101", "2001", known_by="configured"), False, KnownBy.CONFIGURED, False),
        (reported(Ready, "9101", "2001", known_by="configured"), True, KnownBy.CONFIGURED, False),
    ],
)
def test_a_seat_says_how_it_is_known(event: AgentEvent, in_snapshot: bool, known_by: KnownBy, is_certain: bool) -> None:
    sessions = SessionTable()
    (change,) = _applied(sessions, event, in_snapshot=in_snapshot)

    assert (sessions["2001"].known_by, sessions["2001"].is_certain) == (known_by, is_certain)
    assert change == SessionChange(device_id="2001", session=sessions["2001"], ended=None, at=MORNING)


CERTAIN = {"", "snapshot", "state"}


@pytest.mark.parametrize("first", ["", "snapshot", "state", "offered", "configured"])
@pytest.mark.parametrize("second", ["", "snapshot", "state", "offered", "configured"])
def test_only_what_states_who_is_there_contradicts_or_replaces_what_states_it_too(first: str, second: str) -> None:
    """What a queue or a configuration says gives way and leaves nothing; a snapshot states who is there now."""
    sessions = SessionTable()
    for at, (agent, how) in enumerate((("9101", first), ("9102", second))):
        kind = Ready if how == "state" else LoggedOn
        more = {"known_by": how} if how in ("offered", "configured") else {}
        _applied(sessions, reported(kind, agent, "2001", at=at * 60, **more), in_snapshot=how == "snapshot")

    stays = first in CERTAIN and second not in CERTAIN
    overlaps = first in CERTAIN and second in CERTAIN and second != "snapshot"
    assert who(sessions) == {"2001": "9101" if stays else "9102"}
    assert [one.agent_id for one in sessions["2001"].overlaps] == ["9101"] * overlaps


# --- agents who overlap ---


def test_an_agent_who_overlaps_is_kept_with_all_that_is_known() -> None:
    sessions = after(reported(Ready, "9101", "2001", name="Alice"), reported(LoggedOn, "9102", "2001", at=60))

    assert sessions["2001"].overlaps == (
        OverlappingSession(
            agent_id="9101", agent_name="Alice", since=MORNING, known_by=KnownBy.STATE, origin="Ready Ready-9101-0"
        ),
    )


def test_who_remains_after_a_log_off_is_logged_on_from_then_on_as_known_before() -> None:
    sessions = after(
        _at(-60),
        reported(NotReady, "9102", "2001", name="Bob", reason="lunch"),
        reported(LoggedOn, "9103", "2001", at=60),
    )
    third = sessions["2001"]
    (change,) = _applied(sessions, reported(LoggedOff, "9103", "2001", at=70))

    remaining = AgentSession(
        agent_id="9102",
        agent_name="Bob",
        device_id="2001",
        state="LoggedOn",
        since=MORNING + timedelta(seconds=70),
        state_since=MORNING + timedelta(seconds=70),
        known_by=KnownBy.STATE,
        origin="NotReady NotReady-9102-0",
        overlaps=third.overlaps[:1],
    )
    assert change == SessionChange(device_id="2001", session=remaining, ended=third, at=remaining.since)
    assert [one.agent_id for one in remaining.overlaps] == ["9101"]


def test_an_agent_who_overlaps_and_leaves_ends_nobodys_stay() -> None:
    sessions = after(_at(0), reported(LoggedOn, "9102", "2001", at=60), reported(LoggedOn, "9103", "2001", at=90))
    (change,) = _applied(sessions, reported(LoggedOff, "9101", at=100))

    assert (change.ended, change.at, change.device_id) == (None, MORNING + timedelta(seconds=100), "2001")
    assert sessions["2001"].agent_id == "9103"
    assert [one.agent_id for one in sessions["2001"].overlaps] == ["9102"]
    assert sessions.overlapped_by("9101") == []
    assert sessions.overlapped_by("9102") == [sessions["2001"]]


def test_an_agent_who_overlaps_and_logs_on_again_changes_nothing() -> None:
    sessions = after(_at(0), reported(LoggedOn, "9102", "2001", at=60))

    assert apply_agent_event(sessions, _at(90)) == []


def test_at_one_extension_the_last_eight_who_overlap_are_kept() -> None:
    sessions = after(*(reported(LoggedOn, f"a{at}", "2001", at=at * 10) for at in range(10)))

    assert sessions["2001"].agent_id == "a9"
    assert [one.agent_id for one in sessions["2001"].overlaps] == [f"a{at}" for at in range(1, 9)]


def _overlapped_at_two() -> SessionTable:
    return after(
        reported(LoggedOn, "9101", "2002"),
        reported(LoggedOn, "9101", "2001"),
        reported(LoggedOn, "9102", "2002", at=20),
        reported(LoggedOn, "9103", "2001", at=20),
        free_seating=True,
    )


def test_a_log_off_takes_an_agent_who_overlaps_from_one_extension_or_from_all() -> None:
    one, both = _overlapped_at_two(), _overlapped_at_two()
    assert [session.device_id for session in one.overlapped_by("9101")] == ["2001", "2002"]

    _applied(one, reported(LoggedOff, "9101", "2002", at=30), free_seating=True)
    _applied(both, reported(LoggedOff, "9101", at=30), free_seating=True)

    assert [session.device_id for session in one.overlapped_by("9101")] == ["2001"]
    assert both.overlapped_by("9101") == []
    assert who(one) == who(both) == {"2001": "9103", "2002": "9102"}


@pytest.mark.parametrize(("free_seating", "left"), [(False, []), (True, ["2001", "2002"])])
def test_a_log_on_elsewhere_ends_what_an_agent_contradicts_unless_agents_may_sit_at_several(
    free_seating: bool, left: list[str]
) -> None:
    sessions = _overlapped_at_two()
    changes = _applied(sessions, reported(LoggedOn, "9101", "2005", at=30), free_seating=free_seating)

    assert [session.device_id for session in sessions.overlapped_by("9101")] == left
    assert sessions["2005"].agent_id == "9101"
    assert changes[-1].device_id == "2005", "sessions end before others begin"


def test_who_logs_on_elsewhere_leaves_the_extension_to_whom_they_overlapped() -> None:
    sessions = after(_at(0), reported(LoggedOn, "9102", "2001", at=60), reported(LoggedOn, "9102", "2005", at=90))

    assert who(sessions) == {"2001": "9101", "2005": "9102"}
    assert sessions["2001"].overlaps == ()


# --- what a stay keeps ---


def test_a_stay_begins_with_all_that_its_event_says() -> None:
    event = reported(NotReady, "9101", "2001", at=3, name="Alice", reason="lunch")

    began = MORNING + timedelta(seconds=3)
    assert after(event)["2001"] == AgentSession(
        agent_id="9101",
        agent_name="Alice",
        device_id="2001",
        state="NotReady",
        since=began,
        state_since=began,
        reason="lunch",
        known_by=KnownBy.STATE,
        origin="NotReady NotReady-9101-3",
    )


def test_a_name_that_is_said_comes_before_the_one_known_elsewhere() -> None:
    first = reported(LoggedOn, "9101", "2001", name="Alice")

    assert after(first, reported(LoggedOn, "9101", "2005", at=9, name="Ann"))["2005"].agent_name == "Ann"
    assert after(first, reported(LoggedOn, "9102", "2001", at=9))["2001"].agent_name == ""


def test_another_reason_of_the_same_state_is_a_state_of_its_own() -> None:
    first = after(_at(0), reported(NotReady, "9101", "2001", at=5, reason="lunch"))

    assert apply_agent_event(first, reported(NotReady, "9101", "2001", at=9, reason="lunch")) == []
    _applied(first, reported(NotReady, "9101", "2001", at=9))
    assert (first["2001"].reason, first["2001"].state_since) == ("", MORNING + timedelta(seconds=9))


def test_a_repeated_log_on_may_say_a_new_name_and_leaves_the_state() -> None:
    sessions = after(_at(0), reported(Busy, "9101", "2001", at=5, reason="call"))
    (change,) = _applied(sessions, reported(LoggedOn, "9101", "2001", at=9, name="Alice"))

    now = sessions["2001"]
    assert (change.session, change.ended, change.at) == (now, None, MORNING + timedelta(seconds=9))
    assert (now.agent_name, now.state, now.reason) == ("Alice", "Busy", "call")
    assert (now.since, now.state_since) == (MORNING, MORNING + timedelta(seconds=5))


@pytest.mark.parametrize(("off", "ended"), [(-3600, 0), (0, 0), (60, 60)])
def test_a_stay_ends_when_it_is_said_but_not_before_it_began(off: float, ended: float) -> None:
    sessions = after(_at(0))
    stay = sessions["2001"]

    assert _applied(sessions, reported(LoggedOff, "9101", "2001", at=off)) == [
        SessionChange(device_id="2001", session=None, ended=stay, at=MORNING + timedelta(seconds=ended))
    ]
    assert sessions.of("9101") == []


def test_a_state_without_an_extension_reaches_every_seat_of_its_agent() -> None:
    sessions = after(_at(0), reported(LoggedOn, "9101", "2002", at=1), free_seating=True)
    _applied(sessions, reported(Busy, "9101", at=9), free_seating=True)

    assert [session.state for session in sessions.of("9101")] == ["Busy", "Busy"]


def test_a_log_off_that_names_nobody_does_not_let_who_overlapped_remain() -> None:
    sessions = after(_at(0), reported(LoggedOn, "9102", "2001", at=60))
    last = sessions["2001"]

    assert _applied(sessions, reported(LoggedOff, "", "2001", at=90)) == [
        SessionChange(device_id="2001", session=None, ended=last, at=MORNING + timedelta(seconds=90))
    ]
    assert sessions.overlapped_by("9101") == []
