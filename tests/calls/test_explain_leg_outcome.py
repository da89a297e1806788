"""Why was a recording not flagged? The answer for each outcome and each reason, word by word where it matters."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from agents.core.matching import MatchKind, MatchVerdict
from calls.core.outcomes import Outcome
from calls.core.result_events import WHY
from calls.core.state import LegPhase, LegState, SearchStatus, TraceStep, WriteStatus
from calls.explain.texts.causes import GIVEN_UP, MISSED, REFUSED
from calls.explain.texts.leg_outcome import DECISIVE, Evidence, Explanation, GapCase, LegCase, Mood, WriteCase, explain

pytestmark = pytest.mark.core

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def seconds(count: float) -> datetime:
    return NINE + timedelta(seconds=count)


def step(at: float, what: str, text: str) -> TraceStep:
    return TraceStep(seconds(at), what, text)


FOUND = step(0.4, "found", "QMS named recording G1 0.4 s after Connected (asked 2 times).")
CONNECTED = step(0, "connected", "Extension 2001 was connected.")
SEARCH = step(0, "search", "QMS is asked for the recording.")
HELD = step(5, "held", "Held.")
ENDED = step(60, "disconnected", "The extension left.")
WRITE = step(61, "write", "The flags go to QMS.")


def case(outcome: Outcome, *trace: TraceStep, **members: Any) -> LegCase:
    """Make a leg that was connected at nine for a minute; members of the case itself may be among the others."""
    of_case = {
        name: members.pop(name) for name in ("service", "deadline", "gap", "verdict_now", "writes") if name in members
    }
    usual: dict[str, Any] = {
        "number": 1,
        "call_id": "C1",
        "incarnation": 1,
        "device_id": "2001",
        "ordinal": 1,
        "connected_source_at": NINE,
        "connected_gateway_at": NINE,
        "disconnected_source_at": seconds(60),
        "phase": LegPhase.SETTLED,
        "outcome": outcome,
        "trace": trace,
    }
    return LegCase(key=7, leg=LegState(**{**usual, **members}), source="pbx", **{"service": "rs1", **of_case})


def answer(outcome: Outcome, *trace: TraceStep, **members: Any) -> Explanation:
    return explain(case(outcome, *trace, **members), UTC)


def missed(word: str, outcome: Outcome = Outcome.NOT_RECORDED) -> Explanation:
    text = step(10, "missed", f"{WHY[word]} (Asked 12 times.)")
    return answer(outcome, CONNECTED, SEARCH, text, ENDED, missed=word, reason=WHY[word], search=SearchStatus.MISSED)


def test_the_answer_is_one_paragraph_with_the_evidence_and_what_to_do() -> None:
    found = missed("none")

    assert found.paragraph == (
        "Extension 2001 was connected in call C1 on 2026-03-02 09:00:00 UTC and disconnected at 09:01:00. "
        "rs1 answered, but named no recording of the extension until the "
        "window was over. 09:00:00 QMS is asked for the recording. "
        "09:00:10 QMS had no recording for the extension while it was asked. (Asked 12 times.) What to do: Look in QMS "
        "whether the call was recorded at all: the profile of the user with its rules, schedule and percentage, an "
        "on-demand licence, the network tap. Busy and internal calls are often not recorded."
    )
    assert "\n" not in found.paragraph


def test_the_answer_leads_to_its_leg() -> None:
    (link,) = missed("none").links

    assert (link.key, link.text) == (7, "The leg of extension 2001 in call C1")


def test_times_are_reported_in_the_zone_that_is_asked_for() -> None:
    found = explain(case(Outcome.NOT_RECORDED, SEARCH, missed="none"), timezone(timedelta(hours=2)))

    assert "on 2026-03-02 11:00:00 UTC+02:00 and disconnected at 11:01:00" in found.said
    assert found.evidence == (Evidence("11:00:00", "QMS is asked for the recording."),)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_an_answer_with_something_to_do(outcome: Outcome) -> None:
    found = answer(outcome, CONNECTED, reason="The reason.", guid="G1", base_error="Said.", wrapup_error="Said.")

    assert found.heading
    assert found.said.startswith("Extension 2001 was connected in call C1")
    assert found.todo.endswith(".")
    assert "{" not in found.paragraph
    assert "  " not in found.paragraph


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_a_leg_that_is_flagged_or_meant_not_to_be_is_well_and_only_a_waiting_one_waits(outcome: Outcome) -> None:
    well = {Outcome.FLAGGED: Mood.WELL, Outcome.SHADOW: Mood.WELL}
    expected = {**well, Outcome.WAITING: Mood.WAITING}.get(outcome, Mood.BROKEN)

    assert answer(outcome).mood is expected


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_the_decisive_steps_are_reported_in_their_order_and_not_without_end(outcome: Outcome) -> None:
    steps = [step(number, what, f"{what} {number}") for number, what in enumerate([*DECISIVE[outcome], "held"] * 9)]
    reported = [one.text.split()[0] for one in answer(outcome, *steps).evidence]

    assert 0 < len(reported) <= 6
    assert set(reported) <= set(DECISIVE[outcome])
    assert reported == [one.text.split()[0] for one in answer(outcome, *steps).evidence]


def test_every_word_for_which_a_search_misses_has_an_answer_of_its_own() -> None:
    assert set(WHY) <= set(MISSED)
    assert len({missed(word).heading for word in WHY}) == len(WHY)
    assert len({missed(word).said for word in WHY}) == len(WHY)


@pytest.mark.parametrize(
    ("word", "heading", "todo"),
    [
        ("none", "QMS had no recording", "profile of the user"),
        ("same", "another call's recording", "goes on recording after a call"),
        ("several", "several recordings", "two devices share the extension"),
        ("stranger", "another extension", "compare the clocks"),
        ("next_call", "uncertain which call", "follow each other"),
        ("late", "asked too late", "worker for lookups"),
        ("heard_late", "reported too late", "Look at CTI source pbx: how late its events were"),
        ("unreachable", "did not answer", "Press Test connection on the page of rs1"),
    ],
)
def test_a_missed_search_says_its_cause_and_what_to_do(word: str, heading: str, todo: str) -> None:
    found = missed(
        word,
        Outcome.WINDOW_MISSED if word in ("late", "heard_late", "unreachable", "next_call") else Outcome.NOT_RECORDED,
    )

    assert heading in found.heading
    assert found.heading.startswith("Not flagged")
    assert todo in found.todo
    assert WHY[word] in found.paragraph


def test_a_word_that_is_new_is_answered_by_the_legs_own_reason() -> None:
    found = answer(Outcome.WINDOW_MISSED, missed="brand_new", reason="A reason that is new.")

    assert "A reason that is new." in found.said


def test_a_leg_that_was_flagged_says_where_the_flags_stand() -> None:
    written = step(62, "written", "The flags: written.")
    found = answer(Outcome.FLAGGED, CONNECTED, SEARCH, FOUND, HELD, ENDED, WRITE, written, guid="G1")

    assert found.heading == "Flagged"
    assert "QMS took the flags of its recording G1 on rs1" in found.said
    assert [one.text for one in found.evidence] == [FOUND.text, ENDED.text, WRITE.text, written.text]
    assert "search there for the call reference C1" in found.todo


def test_a_leg_without_its_wrap_up_says_what_qms_said() -> None:
    found = answer(
        Outcome.PARTLY_FLAGGED, guid="G1", wrapup=WriteStatus.REFUSED, wrapup_error="Unknown flag CTIWrapup."
    )

    assert "Unknown flag CTIWrapup." in found.said
    assert "retry the flag write" in found.todo


@pytest.mark.parametrize(
    ("ended", "is_unknown", "said"),
    [
        (seconds(60), False, "and disconnected at 09:01:00."),
        (None, False, "on 2026-03-02 09:00:00 UTC and still is."),
        (seconds(60), True, "; when it ended is not known."),
    ],
)
def test_the_end_of_the_leg_is_reported_as_far_as_it_is_known(
    ended: datetime | None, is_unknown: bool, said: str
) -> None:
    assert said in answer(Outcome.NOT_RECORDED, disconnected_source_at=ended, is_end_unknown=is_unknown).said


GAP = GapCase("pbx", seconds(-600), seconds(5), "The link was lost.")


def test_a_leg_that_was_seen_late_names_the_gap_that_hid_its_beginning() -> None:
    found = answer(Outcome.JOINED_LATE, CONNECTED, gap=GAP)

    assert (
        "the link of pbx was lost from 2026-03-02 08:50:00 UTC to 2026-03-02 09:00:05 UTC (The link was lost)."
        in found.said
    )
    assert "keep the link of pbx up" in found.todo


def test_a_gap_that_lasts_is_reported_so() -> None:
    found = answer(Outcome.JOINED_LATE, gap=GapCase("pbx", seconds(-600), None, ""))

    assert "was lost from 2026-03-02 08:50:00 UTC until now." in found.said


def test_a_source_that_was_switched_off_is_no_lost_link() -> None:
    found = answer(Outcome.JOINED_LATE, gap=GapCase("pbx", seconds(-600), None, "Off.", is_off=True))

    assert "It began in a gap: pbx was switched off from 2026-03-02 08:50:00 UTC until now." in found.said
    assert found.todo.endswith("leave pbx switched on.")
    assert "link" not in found.said + found.todo


def test_a_leg_that_was_seen_late_without_a_gap_says_that_the_ledger_does_not_say_why() -> None:
    found = answer(Outcome.JOINED_LATE, CONNECTED)

    assert "No gap in the ledger explains it" in found.said
    assert "CTI source pbx monitors the extension" in found.todo


def test_a_leg_without_an_agent_names_the_setting() -> None:
    found = answer(Outcome.AGENT_UNKNOWN, CONNECTED, step(0, "agent", "Nobody is logged on there."))

    assert "AGENTS_CALLS_ONLY" in found.said
    assert found.evidence[-1].text == "Nobody is logged on there."


USERS = {
    Outcome.USER_UNMATCHED: (MatchKind.UNMATCHED, "Create the user in QMS"),
    Outcome.EXTENSION_CONFLICT: (MatchKind.CONFLICT, "Leave one active user"),
    Outcome.USER_INACTIVE: (MatchKind.INACTIVE, "Activate the user"),
    Outcome.USER_UNLICENSED: (MatchKind.UNLICENSED, "recording licence"),
}


@pytest.mark.parametrize("outcome", list(USERS))
def test_a_user_that_does_not_fit_is_reported_as_it_was_then_and_as_it_is_now(outcome: Outcome) -> None:
    kind, todo = USERS[outcome]
    same = answer(outcome, reason="It was so.", verdict_now=MatchVerdict(kind=kind, reason="It was so."))
    other = answer(outcome, reason="It was so.", verdict_now=MatchVerdict(kind=kind, reason="It is otherwise."))

    assert "It was so. It is still so." in same.said
    assert "It was so. Now: It is otherwise." in other.said
    assert todo in same.todo
    assert "press Refresh QMS users" in same.todo
    assert "this one cannot be any more" in same.todo


@pytest.mark.parametrize("outcome", list(USERS))
def test_a_user_that_was_repaired_since_needs_nothing_more(outcome: Outcome) -> None:
    mended = MatchVerdict(kind=MatchKind.MATCHED, reason="Extension 2001 is that of Alice in QMS.")
    found = answer(outcome, reason="It was so.", verdict_now=mended)

    assert "By now it is matched: Extension 2001 is that of Alice in QMS." in found.said
    assert found.todo.startswith("Nothing more: later calls are flagged.")


@pytest.mark.parametrize(
    ("code", "heading", "todo"),
    [
        ("UnknownFlag", "a flag does not exist", "press Create in QMS"),
        ("ValueTooLong", "too long", "set the flag's length"),
        ("InvalidRequest", "QMS refused the flags", "Correct what it reported"),
        ("", "QMS refused the flags", "Correct what it reported"),
    ],
)
def test_a_refused_write_says_what_qms_said_and_what_to_do(code: str, heading: str, todo: str) -> None:
    found = answer(Outcome.REFUSED, FOUND, WRITE, base=WriteStatus.REFUSED, base_code=code, base_error="No CTIWrapup.")

    assert heading in found.heading
    assert "rs1" in found.said
    assert "No CTIWrapup." in found.said
    assert todo in found.todo


def test_a_recording_with_other_flags_says_that_they_cannot_be_changed() -> None:
    found = answer(Outcome.REFUSED, base=WriteStatus.CONFLICT, base_code="FlagAlreadyWritten", base_error="AgentId.")

    assert "carries other flags" in found.heading
    assert "never be changed" in found.todo


def test_a_recording_that_is_gone_says_so() -> None:
    found = answer(
        Outcome.RECORDING_GONE, FOUND, step(61, "gone", "The flags: gone."), guid="G1", base=WriteStatus.GONE
    )

    assert "recording G1" in found.said
    assert found.evidence[-1].text == "The flags: gone."


def test_a_write_of_which_the_end_is_not_known_says_so_and_never_that_it_is_not_flagged() -> None:
    found = answer(
        Outcome.WRITE_UNKNOWN, guid="G1", base=WriteStatus.GIVEN_UP, base_code="Unclear", base_error="Reset."
    )

    assert found.heading == "Not known whether it is flagged"
    assert "Look at recording G1 in QMS" in found.todo


@pytest.mark.parametrize(
    ("code", "heading"),
    [
        ("GivenUp", "a person gave the write up"),
        ("AuthenticationFailed", "refused the login"),
        ("NotAuthorised", "refused the login"),
        ("Unavailable", "could not be reached"),
        ("ServiceBusy", "could not be reached"),
    ],
)
def test_a_write_that_was_given_up_says_who_or_what_ended_it(code: str, heading: str) -> None:
    found = answer(Outcome.GIVEN_UP, base=WriteStatus.GIVEN_UP, base_code=code, base_error="What was said.")

    assert heading in found.heading
    assert "What was said." in found.said
    assert "retry the flag write" in found.todo


def waiting(*trace: TraceStep, **members: Any) -> Explanation:
    return answer(Outcome.WAITING, *trace, **{"phase": LegPhase.CLOSED, "guid": "G1", **members})


def test_while_the_recording_is_sought_the_end_of_the_window_is_reported() -> None:
    found = waiting(
        SEARCH,
        phase=LegPhase.OPEN,
        guid="",
        disconnected_source_at=None,
        search=SearchStatus.OPEN,
        deadline=seconds(10),
    )

    assert "QMS is being asked for its recording until 09:00:10." in found.said
    assert found.heading == "Not yet: the recording is being sought"


def test_while_the_call_goes_on_the_flags_wait_for_its_end() -> None:
    found = waiting(SEARCH, FOUND, phase=LegPhase.OPEN, disconnected_source_at=None)

    assert found.heading == "Not yet: the call goes on"
    assert "recording G1 is known" in found.said
    assert "see the link of pbx" in found.todo


def test_a_call_that_has_just_ended_waits_for_what_comes_late() -> None:
    assert waiting().heading == "Not yet: the call has just ended"


def test_flags_on_their_way_say_so_and_where_to_look() -> None:
    found = waiting(base=WriteStatus.QUEUED, writes=(WriteCase(part="base", attempts=0),))

    assert "The flags wait to be sent to rs1." in found.said
    assert "worker for writes" in found.todo


def test_flags_that_qms_does_not_take_say_how_often_why_and_when_again() -> None:
    write = WriteCase(part="base", attempts=5, error="No answer.", not_before=seconds(900))
    found = waiting(base=WriteStatus.QUEUED, writes=(write,))

    assert (
        "The flags could not be delivered to rs1 yet. 5 attempts, "
        "the last answer: No answer; the next try is at 09:15:00."
    ) in found.said
    assert "Test connection on the page of rs1" in found.todo


def test_a_wrap_up_that_is_awaited_says_until_when() -> None:
    found = waiting(base=WriteStatus.WRITTEN, wrapup_due=seconds(180))

    assert found.heading == "Flagged; the wrap-up is awaited"
    assert "awaited until 09:03:00." in found.said


def test_a_wrap_up_on_its_way_is_distinguished_from_the_flags() -> None:
    write = WriteCase(part="wrapup", attempts=2, error="No answer.")
    found = waiting(base=WriteStatus.WRITTEN, wrapup=WriteStatus.QUEUED, writes=(write,))

    assert "The flags are written; the wrap-up could not be delivered to rs1 yet." in found.said


def test_without_a_service_the_sentence_still_reads() -> None:
    assert "the Recording Service answered" in answer(Outcome.NOT_RECORDED, missed="none", service="").said


@pytest.mark.parametrize("cause", [*MISSED.values(), *REFUSED.values(), *GIVEN_UP.values()])
def test_what_is_filled_in_is_filled_in_everywhere(cause: Any) -> None:
    filled = cause.on("rs1", "said {service}")

    assert "{error}" not in filled.said + filled.todo
    assert "{service}" not in cause.on("rs1", "said so").said + cause.on("rs1", "said so").todo
