"""The parts of a leg that a transfer divides, and whose its recording may be: each condition at its edges.

Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.attended_transfer import _over_at, earliest, may_have_ended, note_other_part
from calls.core.commands import CancelSearch
from calls.core.doubts import (
    _are_close,
    base_due,
    began_with_following,
    decide_contests,
    give_up_what_may_be_lost,
    may_contest,
    noted_following,
    overtake,
    uncontested,
)
from calls.core.leg_split import put_first_part, put_second_part
from calls.core.recording_ownership import note_refused, note_stall
from calls.core.state import LegData, LegPhase, LegState, SearchStatus, WriteStatus
from tests.calls.call_states import NO_TIMES, call, holding, party
from tests.calls.leg_states import HOLDER, SURE, at, found, leg, over, pending
from tests.calls.leg_states import work as works
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- parts of a leg ---


@pytest.mark.parametrize(
    ("one", "site", "over_at"),
    [
        (leg(10), {}, None),
        (over(leg(10), 20, heard=20.5), {}, 20),
        (over(leg(10, heard=10.3), 20, heard=20.5), {}, 20.3),
        (over(leg(10, heard=11), 20, heard=20.5), {}, 20.5),
        (over(leg(10), 20, heard=20.5, is_end_unknown=True), {}, 20.5),
        (over(leg(10), 20, heard=20.5), NO_TIMES, 19.5),
    ],
)
def test_a_leg_was_over_at_its_end_however_late_that_was_heard(
    one: LegState, site: dict[str, Any], over_at: float | None
) -> None:
    assert _over_at(works(one, **site), one) == at(over_at)


@pytest.mark.parametrize(
    ("one", "heard", "held", "site", "moved"),
    [
        (leg(10), 20, None, {}, 20),
        (leg(10), 22, None, {}, 20),
        (leg(10, heard=11), 22, None, {}, 21),
        (leg(10, heard=15), 22, None, {}, 22),
        (leg(10), 22, None, NO_TIMES, 16),
        (leg(10), 22, 15, NO_TIMES, 15),
        (leg(10), 22, 17, NO_TIMES, 16),
    ],
)
def test_a_transfer_took_place_as_much_before_it_was_heard_as_it_was_later_than_connected(
    one: LegState, heard: float, held: float | None, site: dict[str, Any], moved: float
) -> None:
    moved_to = replace(pending(20, heard=heard), held_since=at(held))

    assert earliest(works(one, **site), one, moved_to) == moment(moved)


@pytest.mark.parametrize(
    ("more", "moved", "site", "may"),
    [
        ({}, 21.099, {}, True),
        ({}, 21.1, {}, False),
        ({"guid": ""}, 20, {}, False),
        ({"recording_began": None}, 20, {}, False),
        ({}, 21.099, NO_TIMES, True),
        ({}, 21.1, NO_TIMES, False),
    ],
)
def test_silence_after_a_transfer_is_a_sign_only_while_qms_would_name_the_recording(
    more: dict[str, Any], moved: float, site: dict[str, Any], may: bool
) -> None:
    one = replace(HOLDER, **more)

    assert may_have_ended(works(one, **site), one, pending(moved)) is may


WRITTEN = replace(
    over(HOLDER, 40), base=WriteStatus.WRITTEN, wrapup=WriteStatus.WRITTEN, wrapup_template="t", wrapup_result="r",
    wrapup_due=moment(50), found_gateway_at=moment(11), flagged_gateway_at=moment(41), sure_at=moment(10.2), ordinal=2,
)  # fmt: skip


def test_the_first_part_of_a_leg_that_is_written_has_no_recording_and_no_flags() -> None:
    held = holding(call(party()), legs=(WRITTEN,))
    put_first_part(held, WRITTEN, replace(pending(20), call_id="C0", facts=LegData(queue_name="Q")))
    part = held.legs[2]

    assert held.legs[1] == WRITTEN
    assert (part.number, part.ordinal, part.call_id, part.incarnation) == (2, 3, "C0", 9)
    assert (part.guid, part.service, part.recording_began, part.sure_at) == ("", None, None, None)
    assert (part.base, part.wrapup, part.wrapup_due) == (WriteStatus.NONE, WriteStatus.NONE, None)
    assert (part.wrapup_template, part.wrapup_result) == ("", "")
    assert (part.search, part.missed) == (SearchStatus.MISSED, "transfer")
    assert (part.found_gateway_at, part.flagged_gateway_at) == (None, None)
    assert (part.disconnected_source_at, part.facts.queue_name) == (moment(20), "Q")
    assert part.base_due == moment(20)
    assert [step.what for step in part.trace] == ["disconnected"]
    assert held.calls[1].parties["2001"].ordinal == 3


def test_the_second_part_of_a_leg_that_is_written_says_that_nobody_knows() -> None:
    held = holding(call(party()), legs=(WRITTEN,))
    put_second_part(held, WRITTEN, pending(20))
    part = held.legs[2]

    assert held.legs[1] == WRITTEN
    assert (part.connected_source_at, part.disconnected_source_at) == (moment(20), moment(40))
    assert (part.guid, part.search, part.missed) == ("", SearchStatus.MISSED, "undecided")
    assert (part.wrapup_template, part.wrapup_result, part.base) == ("", "", WriteStatus.NONE)
    assert (part.base_due, part.ordinal) == (moment(20), 3)
    assert held.calls[1].parties["2001"].ordinal == 3


@pytest.mark.parametrize(
    ("began", "ended", "guid", "part"),
    [
        (10.1, 40, "G", "second"),
        (20, 40, "G", "first"),
        (19.75, 40, "G", "first"),
        (19.749, 40, "G", "second"),
        (10.1, 20, "G", None),
        (10.1, 20.001, "G", "second"),
        (10.1, None, "G", None),
        (None, 40, "G", None),
        (10.1, 40, "", None),
    ],
)
def test_a_leg_that_is_written_has_another_part_where_it_lasted_beyond_the_transfer(
    began: float | None, ended: float | None, guid: str, part: str | None
) -> None:
    one = replace(HOLDER, guid=guid, recording_began=at(began), disconnected_source_at=at(ended))
    one = replace(one, disconnected_gateway_at=at(ended), base=WriteStatus.QUEUED, phase=LegPhase.DELIVERING)
    held = holding(call(party()), legs=(one,))
    note_other_part(held, one, pending(20))

    assert (2 in held.legs) is (part is not None)
    if part is not None:
        assert held.legs[2].missed == ("transfer" if part == "first" else "undecided")


# --- whose a recording may be ---


@pytest.mark.parametrize(
    ("stalled", "heard", "began", "is_close"),
    [
        (None, 10, 10.25, True),
        (None, 10, 9.75, True),
        (None, 10, 10.251, False),
        (None, 10, 9.749, False),
        (4, 10, 10, False),
        (3.999, 10, 10, True),
        (16, 10, 10, False),
        (16.001, 10, 10, True),
    ],
)
def test_a_recording_began_just_as_a_leg_was_heard_of_where_nothing_stalled(
    stalled: float | None, heard: float, began: float, is_close: bool
) -> None:
    held = holding(source={"stalled_gateway_at": at(stalled)})

    assert _are_close(held, moment(heard), moment(began)) is is_close


@pytest.mark.parametrize(
    ("one", "lost", "is_taken"),
    [
        (replace(HOLDER, recording_began=moment(11)), 12, True),
        (replace(HOLDER, recording_began=moment(10.1)), 12, False),
        (replace(HOLDER, recording_began=None), 12, False),
        (replace(HOLDER, recording_began=moment(11), base=WriteStatus.QUEUED), 12, False),
        (replace(HOLDER, recording_began=moment(11), guid=""), 12, False),
        (replace(SURE, recording_began=moment(11)), 10.45, True),
        (replace(SURE, recording_began=moment(11)), 10.451, False),
    ],
)
def test_a_loss_takes_a_recording_that_may_be_of_a_call_that_was_not_told(
    one: LegState, lost: float, is_taken: bool
) -> None:
    held = works(one, source={"lost_gateway_at": moment(lost)})
    give_up_what_may_be_lost(held, moment(13))

    assert (held.legs[1].guid != one.guid) is is_taken
    if is_taken:
        assert held.legs[1].trace[-1].text.startswith("The link was lost so soon")


NEXT = leg(12, number=2)


@pytest.mark.parametrize(
    ("one", "later", "may"),
    [
        (HOLDER, NEXT, True),
        (replace(HOLDER, recording_began=moment(12)), NEXT, False),
        (replace(HOLDER, recording_began=moment(11.999)), NEXT, True),
        (HOLDER, leg(16.1, number=2), True),
        (HOLDER, leg(16.101, number=2), False),
        (replace(HOLDER, guid=""), NEXT, False),
        (replace(HOLDER, recording_began=None), NEXT, False),
        (replace(HOLDER, base=WriteStatus.QUEUED), NEXT, False),
        (HOLDER, replace(NEXT, is_joined_late=True), False),
        (SURE, NEXT, False),
    ],
)
def test_the_next_leg_may_contest_a_recording_of_less_than_a_stall_ago(
    one: LegState, later: LegState, may: bool
) -> None:
    assert may_contest(works(one, later), later, one) is may


@pytest.mark.parametrize(
    ("one", "following", "known"),
    [
        (leg(10), leg(11.001, number=2), 11.001),
        (leg(10), leg(11, number=2), None),
        (leg(10), leg(12, number=1), None),
        (leg(10, search=SearchStatus.FOUND), leg(12, number=2), None),
        (leg(10, followed_source_at=moment(12)), leg(12, number=2), 12),
        (leg(10, followed_source_at=moment(12)), leg(11.5, number=2), 11.5),
        (leg(10, followed_source_at=moment(11.2)), leg(12, number=2), 11.2),
    ],
)
def test_a_leg_that_is_sought_for_knows_when_the_next_one_was_connected(
    one: LegState, following: LegState, known: float | None
) -> None:
    held = works(one)

    assert noted_following(held, one, following).followed_source_at == at(known)
    assert held.legs[1].followed_source_at == at(known)


@pytest.mark.parametrize(
    ("followed", "began", "is_its"), [(None, 20, False), (14, 13.5, True), (14, 13.499, False), (14, 20, True)]
)
def test_a_recording_that_began_with_the_next_leg_is_that_ones(
    followed: float | None, began: float, is_its: bool
) -> None:
    one = leg(10, heard=10.5, followed_source_at=at(followed))

    assert began_with_following(one, moment(began)) is is_its


@pytest.mark.parametrize(
    ("one", "contender", "guid", "contested"),
    [
        (HOLDER, NEXT, "G", 2),
        (HOLDER, replace(NEXT, search=SearchStatus.MISSED), "", None),
        (HOLDER, replace(NEXT, search=SearchStatus.FOUND, guid="G2"), "G", None),
        (HOLDER, replace(NEXT, search=SearchStatus.FOUND, guid="G"), "", None),
        (HOLDER, None, "", None),
        (replace(HOLDER, base=WriteStatus.QUEUED), None, "G", None),
    ],
)
def test_a_contest_is_decided_by_the_end_of_the_other_legs_search(
    one: LegState, contender: LegState | None, guid: str, contested: int | None
) -> None:
    claimed = replace(one, contested_by=2)
    held = works(claimed, *([contender] if contender else []))
    now = uncontested(held, claimed, moment(20))

    assert (now.guid, now.contested_by) == (guid, contested)
    if contender is not None:
        decide_contests(held, contender, moment(20))
        assert held.legs[1].contested_by == contested
        other = works(replace(claimed, contested_by=3), contender)
        decide_contests(other, contender, moment(20))
        assert other.legs[1].contested_by == 3


@pytest.mark.parametrize(
    ("more", "ended", "due"),
    [
        ({}, 12, 13),
        ({"recording_began": None}, 12, 13),
        ({"recording_began": moment(10.3)}, 12, 17.3),
        ({"recording_began": moment(10.3)}, 20, 21),
        ({"recording_began": moment(10.3), "sure_at": moment(10.4)}, 12, 13),
        ({"base_due": moment(7)}, None, 7),
    ],
)
def test_flags_are_due_when_late_events_and_the_next_call_had_their_time(
    more: dict[str, Any], ended: float | None, due: float
) -> None:
    one = replace(HOLDER, **more)

    assert base_due(works(one), one, at(ended)) == moment(due)


def test_a_leg_that_is_overtaken_is_sought_for_no_more() -> None:
    held = works(HOLDER)
    overtake(held, HOLDER, moment(12), "Another call.", "repeat")

    assert held.commands[0] == CancelSearch(1)
    assert (held.legs[1].guid, held.legs[1].missed) == ("", "repeat")
    assert held.legs[1].trace[-1].text == "Another call."


@pytest.mark.parametrize(
    ("began", "more", "others", "known", "stalled"),
    [
        (8.999, {}, (), None, 10),
        (9, {}, (), None, None),
        (8.999, {"is_unconfirmed": True}, (), None, None),
        (8.999, {"searches": 2}, (), None, None),
        (8, {}, (over(leg(5, number=2), 7.999),), None, 10),
        (8, {}, (over(leg(5, number=2), 8),), None, None),
        (8, {}, (leg(5, number=2),), None, None),
        (8, {}, (), 12, 12),
        (8, {}, (), 7, 10),
    ],
)
def test_a_recording_that_began_long_before_its_leg_was_heard_of_shows_a_stall(
    began: float, more: dict[str, Any], others: tuple[LegState, ...], known: float | None, stalled: float | None
) -> None:
    one = replace(leg(10), **more)
    held = works(one, *others, source={"stalled_gateway_at": at(known)})
    note_stall(held, one, found(began=began))

    assert held.source.stalled_gateway_at == at(stalled if stalled is not None else known)


@pytest.mark.parametrize(
    ("one", "later", "is_noted"),
    [
        (leg(5), leg(10.001, number=2), True),
        (leg(5), leg(10, number=2), False),
        (leg(5), leg(12, number=2, search=SearchStatus.FOUND), False),
        (leg(5), leg(12, number=2, refused_guid="G0"), False),
        (over(leg(5), 9), leg(12, number=2), True),
        (over(leg(5), 8.999), leg(12, number=2), False),
        (leg(5), leg(12, number=2, device_id="2002"), False),
    ],
)
def test_a_recording_that_one_leg_did_not_get_for_a_later_ones_sake_is_neithers(
    one: LegState, later: LegState, is_noted: bool
) -> None:
    held = works(one, later)
    note_refused(held, one, found(began=9))

    assert held.legs[2].refused_guid == ("G" if is_noted else later.refused_guid)
    assert held.legs[1].refused_guid == ""
