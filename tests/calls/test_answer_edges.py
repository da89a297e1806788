"""What an answer of QMS makes of a leg that a transfer reached, over every limit; and of one that is over.

2002 is consulted by 2001 from 25 on, and has the customer from 30 on. Seconds after noon.
"""

from typing import Any

import pytest

from calls.core.outcomes import Outcome
from calls.core.result_events import BRIEFLY, WHY, RecordingAssigned, RecordingMissed, WriteSettled
from calls.core.state import LegPhase, SearchStatus, WriteStatus
from tests.calls.switchboard import Everybody, Switchboard, event, moment, with_site
from tests.calls.test_transfer_edges import attended, consulting

pytestmark = pytest.mark.core


def transferred(at: float = 30, context: Everybody | None = None, guid: str = "G2", **more: Any) -> Switchboard:
    """2002's recording began at 25; QMS reports a recording for ten seconds."""
    board = consulting(context)
    if guid:
        board.found(25.5, 2, guid, started=25)
    return board.hears(attended(at, **more))


def parts(board: Switchboard) -> list[tuple[str, str]]:
    """Return each part of 2002's leg: its recording, and the code of its reason."""
    board.call("ConnectionCleared", 100, "C3", "2002").waits(120)
    return [(leg.guid, leg.reason_code) for leg in board.legs if leg.device_id == "2002"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (33.7, [("G2", ""), ("", "none")]),  # QMS would still name the recording: it ended at the transfer.
        (33.75, [("G2", ""), ("", "undecided")]),  # It may have been too old to be named.
        (35.9, [("G2", ""), ("", "undecided")]),
        (36, [("G2", "")]),  # It was too old by then, and goes on unless another began.
    ],
)
def test_that_qms_names_none_says_that_a_recording_ended_only_while_it_would_still_name_it(
    at: float, expected: list[tuple[str, str]]
) -> None:
    assert parts(transferred(at).missed(at + 2, 2, "none", asked=at + 2)) == expected


@pytest.mark.parametrize(
    ("guid", "why", "expected"),
    [
        ("G2", "same", [("G2", "")]),
        ("", "none", [("", "none"), ("", "none")]),
        ("", "same", [("", "same"), ("", "same")]),
    ],
)
def test_a_new_segment_of_the_pbx_is_a_leg_of_its_own_only_without_a_recording(
    guid: str, why: str, expected: list[tuple[str, str]]
) -> None:
    board = transferred(guid=guid, newSegment=True).missed(32, 2, why, asked=32)

    assert [(one, code) for one, code in parts(board)] == expected


def test_a_leg_that_goes_on_after_a_transfer_says_so() -> None:
    board = transferred().missed(32, 2, "same", asked=32)
    assert board.legs[1].trace[-1].text == "After the transfer QMS still has the same recording: the leg goes on."
    assert board.legs[1].search is SearchStatus.FOUND

    board = transferred(guid="").missed(32, 2, "none", asked=32)
    assert "the same recording" not in board.legs[1].trace[-1].text
    assert (board.legs[1].search, board.legs[1].missed) == (SearchStatus.MISSED, "none")


@pytest.mark.parametrize(("asked", "expected"), [(31.4, 2), (31.5, 1), (39, 1), (39.1, 2)])
def test_an_answer_counts_where_another_recording_would_have_been_there_and_would_still_be_named(
    asked: float, expected: int
) -> None:
    board = transferred(guid="").missed(asked, 2, "none", asked=asked)

    assert len(parts(board)) == expected


@pytest.mark.parametrize("lost", [30, 31])
def test_a_leg_that_a_lost_link_may_have_ended_since_the_transfer_is_divided(lost: float) -> None:
    board = transferred(guid="").hears(event("Lost", lost, family="link")).missed(32, 2, "none", asked=31.6)

    assert len([leg for leg in board.legs if leg.device_id == "2002"]) == 2


@pytest.mark.parametrize(
    ("answer", "guids"),
    [
        ({"guid": "G3", "started": 30}, ["G2", "G3"]),
        ({"guid": "G3", "started": 29.75}, ["G2", "G3"]),
        ({"guid": "G2", "started": 25}, ["G2"]),
    ],
)
def test_another_recording_after_a_transfer_is_the_second_parts(answer: dict[str, Any], guids: list[str]) -> None:
    guid, started = answer["guid"], answer["started"]
    board = transferred().found(31, 2, guid, started=started, asked=31)

    assert [leg.guid for leg in board.legs if leg.device_id == "2002"] == guids


@pytest.mark.parametrize(
    ("started", "new_segment", "count"),
    [(25, False, 1), (29.74, False, 1), (29.75, False, 2), (30, False, 2), (28.9, True, 1), (29, True, 2)],
)
def test_a_recording_that_is_named_first_after_a_transfer_is_of_the_part_with_which_it_began(
    started: float, new_segment: bool, count: int
) -> None:
    board = transferred(guid="", newSegment=new_segment).found(31, 2, "G", started=started, asked=31)

    assert len([leg for leg in board.legs if leg.device_id == "2002"]) == count


def test_a_recording_that_was_named_before_the_link_was_lost_is_that_of_a_leg_whose_end_is_not_known() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").hears(event("Lost", 7, family="link"))
    board.hears(event("Began", 8, family="snapshot"), event("Ended", 8.1, family="snapshot"))
    assert board.leg.is_end_unknown

    assert board.found(8.2, 1, "G", started=5, asked=6).leg.guid == "G"


# Other answers


@pytest.mark.parametrize("part", ["base", "wrapup"])
def test_what_becomes_of_a_part_of_the_flags_is_kept_with_its_time_and_reason(part: str) -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").found(6, 1, "G")
    board.settled(20, 1, part, WriteStatus.REFUSED, "Locked", "It is locked.")

    leg = board.leg
    assert (leg.base, leg.base_error, leg.base_code) == (
        (WriteStatus.REFUSED, "It is locked.", "Locked") if part == "base" else (WriteStatus.NONE, "", "")
    )
    assert (leg.wrapup, leg.wrapup_error) == (
        (WriteStatus.REFUSED, "It is locked.") if part == "wrapup" else (WriteStatus.NONE, "")
    )
    texts = {"base": "The flags: refused. It is locked.", "wrapup": "The wrap-up: refused. It is locked."}
    assert [(step.what, step.text) for step in leg.trace if step.what == "refused"] == [("refused", texts[part])]


@pytest.mark.parametrize(("status", "flagged"), [(WriteStatus.WRITTEN, 20), (WriteStatus.REFUSED, None)])
def test_a_leg_is_flagged_when_qms_has_taken_its_flags(status: WriteStatus, flagged: float | None) -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").found(6, 1, "G").settled(20, 1, "base", status)

    assert board.leg.flagged_gateway_at == (None if flagged is None else moment(flagged))


def test_an_answer_for_a_leg_that_is_not_known_changes_nothing() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001")
    before = board.state
    board.hears(
        RecordingAssigned(leg=9, search=1, guid="G", service=1, started_at=moment(5), at=moment(9), by="Uma"),
        RecordingMissed(leg=9, search=1, why="none", attempts=1, at=moment(9)),
        WriteSettled(leg=9, part="base", status=WriteStatus.WRITTEN, at=moment(9)),
    )

    assert board.state.legs == before.legs


@pytest.mark.parametrize(("after", "text"), [(5.5, "500 ms"), (5.999, "999 ms"), (6, "1.0 s"), (7.25, "2.2 s")])
def test_the_trace_says_how_soon_a_recording_was_found(after: float, text: str) -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").found(after, 1, "G", started=5)

    assert f"Recording G found {text} after connect" in board.leg.trace[-1].text


def test_a_leg_of_which_nothing_is_heard_for_hours_ends_unknown_as_it_began() -> None:
    board = Switchboard(with_site(stale_hours=1.0)).call("Established", 5, "C1", "2001").waits(3604.9)
    assert board.leg.phase is LegPhase.OPEN

    board.waits(3605)
    assert (board.spans(), board.leg.is_end_unknown) == ([("2001", 5, 5)], True)


def test_a_call_in_which_nothing_happens_is_forgotten_when_it_is_stale_and_not_before() -> None:
    board = Switchboard(with_site(stale_hours=1.0)).call("Queued", 0, "C1", "5000").call("Queued", 600, "C1", "5001")
    board.waits(3600)
    assert len(board.state.calls) == 1

    board.waits(4200)
    assert board.state.calls == {}


def test_a_missed_leg_says_which_outcome_it_has() -> None:
    board = Switchboard().call("Established", 5, "C1", "2001").missed(16, 1, "none")
    board.call("ConnectionCleared", 20, "C1", "2001").waits(22)

    assert board.leg.outcome is Outcome.NOT_RECORDED


def test_every_reason_of_a_miss_is_said_in_a_sentence_and_in_few_words() -> None:
    assert BRIEFLY.keys() == WHY.keys()
    assert len(set(BRIEFLY.values())) == len(set(WHY.values())) == len(WHY)
