"""What an answer makes of a flag write: each state with all that goes with it, and each limit of time at its edge."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from flags.outbox.state_machine import (
    Decision,
    FlagsHeld,
    PendingWrite,
    WriteAccepted,
    WriteFailed,
    WriteResult,
    WriteStateName,
    WriteWithheld,
    conflicting,
    missing,
    next_step,
    settle_after,
    wait_seconds,
)
from qms.port import (
    Flag,
    FlagAlreadyWritten,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    RecordingNotFound,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
A, B = Flag("QueueName", "Sales"), Flag("AgentId", "7")
WAITS = PendingWrite(flags=(A, B), attempts=3, created_at=NOW, give_up_at=NOW + timedelta(days=7))
GONE, BUSY, LOGIN = RecordingNotFound("no such recording"), QmsUnavailable("busy"), QmsLoginFailed("wrong password")
UNCLEAR, NO, TWICE = QmsUnclear("time-out"), QmsRejected("no such flag"), FlagAlreadyWritten("it stands")


def _second(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _again(state: WriteStateName, error: QmsError, after: float, **more: Any) -> Decision:
    return Decision(state=state, not_before=_second(after), error_code=error.code, error=str(error), **more)


def _end(state: WriteStateName, error: QmsError) -> Decision:
    return Decision(state=state, error_code=error.code, error=str(error))


#: Chance 1 gives the longest wait; after three attempts that is 4 s.
CASES: list[tuple[WriteResult, Decision]] = [
    (WriteAccepted(), Decision(state="written")),
    (
        WriteWithheld(),
        Decision(
            state="shadow",
            error_code="Shadow",
            error="Another gateway writes the flags of this Recording Service (shadow mode); this one compares.",
        ),
    ),
    (WriteFailed(NO), _end("refused", NO)),
    (WriteFailed(TWICE), _end("conflict", TWICE)),
    (WriteFailed(BUSY), _again("queued", BUSY, 4)),
    (WriteFailed(LOGIN), _again("queued", LOGIN, 300)),
    (WriteFailed(GONE), _again("queued", GONE, 4)),  # It may still become known to the Data Server.
    (WriteFailed(UNCLEAR), _again("unclear", UNCLEAR, 4, unclear_since=NOW)),
    (WriteFailed(BUSY, is_reading=True), _again("unclear", BUSY, 4, unclear_since=NOW)),
    (WriteFailed(NO, is_reading=True), _again("unclear", NO, 4, unclear_since=NOW)),
    (WriteFailed(GONE, is_reading=True), _again("unclear", GONE, 4, unclear_since=NOW)),
    (FlagsHeld((A, B), NOW), Decision(state="written")),
    (FlagsHeld((A, B, Flag("Other", "x")), NOW), Decision(state="written")),
    (
        FlagsHeld((A, Flag("AgentId", "8")), NOW),
        Decision(
            state="conflict",
            error_code="FlagAlreadyWritten",
            error="QMS holds another value of the flag AgentId; it cannot be changed.",
        ),
    ),
    (FlagsHeld((A,), NOW, cause=TWICE), _again("queued", TWICE, 4)),
    (FlagsHeld((A,), NOW, cause=UNCLEAR), _again("unclear", UNCLEAR, 4, unclear_since=NOW)),
    (FlagsHeld((A, B), NOW, cause=UNCLEAR), Decision(state="written")),
]


@pytest.mark.parametrize(("answer", "decision"), CASES, ids=str)
def test_an_answer_decides_what_becomes_of_a_write(answer: WriteResult, decision: Decision) -> None:
    assert next_step(WAITS, answer, NOW, 1.0) == decision


@pytest.mark.parametrize("is_reading", [False, True])
@pytest.mark.parametrize(("age", "state"), [(59.999, "again"), (60, "gone"), (61, "gone")])
def test_a_recording_may_become_known_until_a_minute_after_its_end(age: float, state: str, is_reading: bool) -> None:
    write = replace(WAITS, created_at=_second(-age))
    decision = next_step(write, WriteFailed(GONE, is_reading=is_reading), NOW, 1.0)

    assert decision == _end("gone", GONE) if state == "gone" else decision.state in ("queued", "unclear")


@pytest.mark.parametrize("is_reading", [False, True])
def test_an_old_write_is_tried_again_when_its_service_is_busy(is_reading: bool) -> None:
    decision = next_step(replace(WAITS, created_at=_second(-3600)), WriteFailed(BUSY, is_reading=is_reading), NOW, 1.0)

    assert decision.state == ("unclear" if is_reading else "queued")


@pytest.mark.parametrize(("read", "is_sent"), [(119.999, False), (120, True), (121, True)])
def test_what_is_missing_is_sent_again_by_a_reading_that_began_when_the_time_to_settle_was_over(
    read: float, is_sent: bool
) -> None:
    write = replace(WAITS, unclear_since=NOW)
    now = _second(read + 0.0005)
    decision = next_step(write, FlagsHeld((A,), _second(read)), now, 1.0)

    assert (decision.unclear_since, decision.missing_at) == (NOW, _second(read))
    assert (decision.state, decision.not_before) == (
        ("queued", now) if is_sent else ("unclear", max(now, _second(120)))
    )
    assert decision.error_code == ("" if is_sent else "Unclear")


@pytest.mark.parametrize(
    ("now", "not_before"), [(100, 104), (115.999, 119.999), (116.001, 120), (119.5, 120), (125, 125)]
)
def test_a_doubtful_write_is_read_again_after_its_wait_but_no_later_than_it_is_safe_to_send(
    now: float, not_before: float
) -> None:
    """The reading itself may take long: what it says is of when it began."""
    write = replace(WAITS, unclear_since=NOW)

    assert next_step(write, FlagsHeld((), _second(99)), _second(now), 1.0).not_before == _second(not_before)


def test_the_time_to_settle_begins_with_the_reading_where_no_request_is_known_to_have_left() -> None:
    decision = next_step(WAITS, FlagsHeld((), NOW), NOW, 1.0)

    assert (decision.state, decision.unclear_since, decision.missing_at) == ("unclear", NOW, NOW)


def test_a_failed_reading_keeps_since_when_the_end_is_unclear_and_what_was_missing() -> None:
    write = replace(WAITS, unclear_since=_second(-30), missing_at=_second(-10))
    decision = next_step(write, WriteFailed(BUSY, is_reading=True), NOW, 1.0)

    assert decision == _again("unclear", BUSY, 4, unclear_since=_second(-30), missing_at=_second(-10))


@pytest.mark.parametrize("answer", [WriteFailed(UNCLEAR), FlagsHeld((), NOW, cause=UNCLEAR)], ids=str)
def test_a_request_with_an_unclear_end_begins_the_time_to_settle_again(answer: WriteResult) -> None:
    write = replace(WAITS, unclear_since=_second(-30), missing_at=_second(-10))

    assert next_step(write, answer, NOW, 1.0) == _again("unclear", UNCLEAR, 4, unclear_since=NOW)


@pytest.mark.parametrize(
    ("since", "missed", "late"), [(-30.0, -10.0, 30.0), (5.0, -10.0, 0.0), (None, -10.0, None), (-30.0, None, None)]
)
def test_how_late_qms_finished_a_write_is_known_where_a_reading_had_missed_it(
    since: float | None, missed: float | None, late: float | None
) -> None:
    write = replace(
        WAITS,
        unclear_since=None if since is None else _second(since),
        missing_at=None if missed is None else _second(missed),
    )

    assert next_step(write, FlagsHeld((A, B), NOW), NOW, 1.0) == Decision(state="written", late_seconds=late)


@pytest.mark.parametrize(("left", "is_given_up"), [(0.001, False), (0, True), (-1, True)])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (WriteFailed(BUSY), "Unavailable"),
        (WriteFailed(UNCLEAR), "Unclear"),
        (WriteFailed(BUSY, is_reading=True), "Unclear"),
    ],
    ids=str,
)
def test_what_would_be_tried_again_is_given_up_from_the_end_of_its_patience_on(
    answer: WriteFailed, code: str, left: float, is_given_up: bool
) -> None:
    decision = next_step(replace(WAITS, give_up_at=_second(left)), answer, NOW, 1.0)

    assert (decision.state == "given_up") is is_given_up
    if is_given_up:
        assert decision == Decision(state="given_up", error_code=code, error=str(answer.error))


def test_a_doubtful_write_that_is_still_missing_at_the_end_of_its_patience_is_given_up_as_unclear() -> None:
    decision = next_step(replace(WAITS, give_up_at=NOW, unclear_since=NOW), FlagsHeld((), NOW), NOW, 1.0)

    assert (decision.state, decision.error_code) == ("given_up", "Unclear")


@pytest.mark.parametrize(
    ("attempts", "longest"),
    [(0, 1), (1, 1), (2, 2), (3, 4), (9, 256), (10, 512), (11, 900), (12, 900), (5000, 900)],
)
def test_waits_double_from_a_second_to_a_quarter_of_an_hour_and_half_of_each_is_chance(
    attempts: int, longest: float
) -> None:
    assert [wait_seconds(attempts, chance) for chance in (0, 0.5, 1)] == [longest / 2, longest * 0.75, longest]


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 150), (0.5, 225), (1.0, 300)])
def test_a_wrong_password_is_tried_every_five_minutes_at_most(chance: float, wait: float) -> None:
    assert next_step(WAITS, WriteFailed(LOGIN), NOW, chance) == _again("queued", LOGIN, wait)


@pytest.mark.parametrize(
    ("timeout", "latest", "seconds"),
    [
        (1, 0, 120),
        (10, 0, 120),
        (10.5, 0, 126),
        (1, 40, 120),
        (1, 41, 123),
        (1, 1200, 3600),
        (1, 1201, 3600),
        (400, 0, 3600),
    ],
)
def test_the_time_to_settle_is_twelve_time_outs_or_three_times_the_longest_delay(
    timeout: float, latest: float, seconds: float
) -> None:
    assert settle_after(timeout, latest) == timedelta(seconds=seconds)


def test_the_missing_flags_are_those_of_which_qms_has_no_value_and_conflicts_those_of_another() -> None:
    carried = (Flag("AgentId", "8"), Flag("Other", "x"))

    assert missing(WAITS, carried) == (A,)
    assert conflicting(WAITS, carried) == ["AgentId"]
    assert conflicting(WAITS, (Flag("QueueName", "x"), *carried)) == ["AgentId", "QueueName"]
