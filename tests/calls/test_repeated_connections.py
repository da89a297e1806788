"""A connection that is reported again with a later time: a repeat, or the id's next call, whose first end is late.

Times are seconds after noon; events come in the order in which they are written. Each test is the smallest form of what
``./gateway worlds`` found, or a relative of it.
"""

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def connected(at: float, heard: float | None = None) -> AnyEvent:
    """2001 is connected in C1."""
    made = event("Established", at, callId="C1", deviceId="2001")
    return replace(made, gatewaytime=moment(at if heard is None else heard))


def ringing(*, has_source_times: bool = True) -> Switchboard:
    """Jo's call C1 rings at 2001."""
    board = Switchboard(with_site(has_source_times=has_source_times))
    return board.call("Delivered", 10.2, "C1", "2001", callerName="Jo", callerNameSource="isdn")


def found(board: Switchboard, began: float) -> Switchboard:
    """QMS named recording R, which began then, as it was asked just after."""
    return board.found(began + 0.08, 1, "R", started=began, asked=began + 0.06)


def left(board: Switchboard, at: float) -> Switchboard:
    return board.call("ConnectionCleared", at, "C1", "2001")


def test_a_recording_that_began_with_a_later_report_of_the_connection_may_be_the_next_calls() -> None:
    """2001 left at 10.35, as is heard a minute later; R is of the id's next call, whose caller nobody named."""
    board = left(found(ringing().hears(connected(10.25), connected(10.6)), 10.6), 10.7).waits(60)

    assert (board.leg.guid, board.leg.missed, board.writes) == ("", "repeat", [])
    assert board.leg.outcome is Outcome.WINDOW_MISSED
    assert left(board, 10.35).waits(90).writes == []
    assert board.spans()[1:] == [("2001", 10.6, 10.7)]


@pytest.mark.parametrize("order", ["1 2 R C", "1 R 2 C", "1 R C 2", "1 2 C R", "2 1 R C", "2 R 1 C", "2 1 C R"])
def test_it_does_not_matter_when_the_later_report_is_heard(order: str) -> None:
    """Before or after QMS's answer (R), after the end (C), or before the first report (1), which is then late."""
    board = ringing()
    for step in order.split():
        if step in "12":
            board.hears(connected({"1": 10.25, "2": 10.6}[step], heard=10.6 if order[0] == "2" else None))
        else:
            found(board, 10.6) if step == "R" else left(board, 10.7)

    assert (board.waits(60).legs[0].guid, board.writes) == ("", [])


@pytest.mark.parametrize(("began", "writes"), [(10.649, [(1, "base")]), (10.65, []), (11.7, [])])
def test_a_recording_that_began_before_the_later_report_is_the_legs(began: float, writes: list[object]) -> None:
    """By more than a quarter of a second."""
    board = found(ringing().hears(connected(10.25), connected(10.9)), began)

    assert left(board, 20).waits(60).writes == writes


@pytest.mark.parametrize(("began", "writes"), [(10.5, [(1, "base")]), (10.501, [])])
def test_a_recording_that_began_with_the_first_report_is_the_legs(began: float, writes: list[object]) -> None:
    """Within a quarter of a second of it, however soon after it the second one was."""
    board = found(ringing().hears(connected(10.25), connected(10.3)), began)

    assert left(board, 20).waits(60).writes == writes


def test_a_repeat_with_the_same_time_raises_no_doubt() -> None:
    board = found(ringing().hears(connected(10.25), connected(10.25, heard=10.6)), 10.6)

    assert left(board, 20).waits(60).writes == [(1, "base")]


def test_without_times_of_the_source_a_later_report_raises_no_doubt() -> None:
    """Each monitor's report has the time of its receipt; an end that is late has it, too."""
    board = found(ringing(has_source_times=False).hears(connected(10.25), connected(10.6)), 10.6)

    assert left(board, 20).waits(60).writes == [(1, "base")]


def test_a_report_of_the_next_connection_raises_no_doubt() -> None:
    """The end of the first is heard before the second begins."""
    board = left(found(ringing().hears(connected(10.25)), 10.3), 10.5).hears(connected(10.6))

    assert left(board, 20).waits(60).writes == [(1, "base")]


# --- a recording that began as the id was used again, while the end of the first call was not reported ---


@pytest.mark.parametrize(("began", "writes"), [(10.555, [(1, "base")]), (10.565, [])])
def test_a_recording_that_began_when_the_calls_id_was_used_again_is_not_of_the_first_call(
    began: float, writes: list[object]
) -> None:
    """Kai's call rings at 2001 under the id, as is received at 10.56: Jo's was over."""
    board = found(ringing().hears(connected(10.25)), began)
    kai = event("Delivered", 10.55, callId="C1", deviceId="2001", callerName="Kai", callerNameSource="isdn")
    board.hears(replace(kai, gatewaytime=moment(10.56)))

    assert board.waits(60).writes == writes
    assert board.legs[0].missed == ("" if writes else "next_call")


# --- a repeat in a call that is divided ---


@pytest.mark.parametrize("has_source_times", [True, False])
def test_a_connection_that_was_reported_twice_ends_though_its_call_is_divided_meanwhile(has_source_times: bool) -> None:
    """2002 comes at 8.52, as is repeated at 8.59; then the end of 2001, the only other one, is heard, and 2002's."""
    board = Switchboard(with_site(has_source_times=has_source_times)).call("Established", 5.0, "C1", "2001")
    board.call("Established", 8.52, "C1", "2002").call("Established", 8.59, "C1", "2002")
    board.call("ConnectionCleared", 8.3 if has_source_times else 9.01, "C1", "2001")
    board.call("ConnectionCleared", 9.02, "C1", "2002").waits(12)

    assert ("2002", 8.52, 9.02) in board.spans()
    assert len({leg.incarnation for leg in board.legs}) == 2


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("repeats", [(8.59,), (8.59, 8.6), (8.6, 8.59)])
def test_a_connection_that_was_reported_several_times_just_before_its_end_ends(
    repeats: tuple[float, ...], has_source_times: bool
) -> None:
    """The end is kept with the last report before it, until it is known that no end of the first is reported."""
    board = Switchboard(with_site(has_source_times=has_source_times)).call("Established", 8.52, "C1", "2002")
    for again in repeats:
        board.call("Established", again, "C1", "2002")
    board.call("ConnectionCleared", 9.02, "C1", "2002").waits(12)

    assert board.spans() == [("2002", 8.52, 9.02)]


@pytest.mark.parametrize("second", [20.01, 20.1])
def test_without_source_times_the_report_of_another_monitor_does_not_hold_an_end_back(second: float) -> None:
    """2002 calls 2003 and both leave; 2001 is connected under the id twice within a second, in two other calls."""
    board = Switchboard(with_site(has_source_times=False)).call("Originated", 18, "C1", "2002")
    board.call("Established", 20, "C1", "2003").call("Established", second, "C1", "2002")
    board.call("ConnectionCleared", 20.3, "C1", "2002").call("ConnectionCleared", 20.31, "C1", "2003")
    board.call("Established", 20.55, "C1", "2001").call("ConnectionCleared", 20.65, "C1", "2001")
    board.call("Established", 20.9, "C1", "2001").call("ConnectionCleared", 21.5, "C1", "2001").waits(60)

    spans = [("2001", 20.55, 20.65), ("2001", 20.9, 21.5), ("2002", 20.0, 20.3), ("2003", 20.0, 20.31)]
    assert sorted(board.spans()) == spans
    assert len({leg.facts.interaction_id for leg in board.legs}) == 3


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("second", [10.3, 10.6])
def test_a_call_that_was_cleared_before_the_second_report_ended_then_and_the_report_is_of_the_next_one(
    second: float, has_source_times: bool
) -> None:
    """That it was cleared is heard after the second report, while 2001 is still connected."""
    board = Switchboard(with_site(has_source_times=has_source_times)).call("Established", 10, "C1", "2001")
    board.call("Established", second, "C1", "2001").call("CallCleared", 10.2, "C1")
    board.call("ConnectionCleared", 12, "C1", "2001").waits(90)

    assert board.spans() == [("2001", 10, 10.2), ("2001", second, 12)]
    assert len({leg.facts.interaction_id for leg in board.legs}) == 2
