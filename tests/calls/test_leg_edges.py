"""What opens, follows and ends a leg, condition by condition, and what each of them keeps. Seconds after noon."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.attended_transfer import _answer, give_to_second
from calls.core.canary import PREFIX, canary_call_id, may_be_recorded_as
from calls.core.commands import StartSearch
from calls.core.legs import (
    _follows_call,
    _is_canary,
    _is_past,
    _last_ordinal,
    _with_end,
    clear_party,
    close_leg,
    identified,
    open_leg,
    refresh_facts,
    start_search,
    without_agent,
)
from calls.core.origins import OriginRule
from calls.core.outcome_rules import UNSETTLED, searched_until
from calls.core.result_events import RecordingFound
from calls.core.state import LegPhase, LegState, PartyState, SearchStatus, WriteStatus
from tests.calls.call_states import WHOLE, call, holding, left, made, party, snapshot
from tests.calls.leg_states import HOLDER, SAID, at, leg, over, pending
from tests.calls.leg_states import work as works
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


# --- a leg opens ---


def test_a_leg_has_what_is_known_as_its_extension_is_connected() -> None:
    talks = party(since=5, is_joined_late=True, ordinal=2)
    one = call(talks, number="+49301")
    held = holding(one, source={"snapshot": snapshot()}, stale_hours=2.0)
    opened = open_leg(held, one, talks, made(5, heard=6, origin=SAID))

    assert (opened.number, opened.call_id, opened.incarnation) == (1, "C1", 1)
    assert (opened.device_id, opened.ordinal, opened.call_origin) == ("2001", 3, SAID)
    assert (opened.connected_source_at, opened.connected_gateway_at) == (moment(5), moment(6))
    assert opened.facts.calling_number == "+49301"
    assert (opened.is_joined_late, opened.is_of_snapshot) == (True, True)
    assert (opened.is_held, opened.is_canary) == (False, False)
    assert opened.due == moment(6) + timedelta(hours=2)
    assert opened.trace[0].text == "Extension 2001 was connected."
    assert held.legs == {1: opened}
    assert held.calls[1].parties["2001"] == replace(talks, leg=1, had_leg=True, ordinal=3)


def test_a_leg_that_opens_on_hold_outside_of_a_snapshot_says_so() -> None:
    talks = party(state=PartyState.HOLD)
    one = call(talks)
    opened = open_leg(holding(one), one, talks, made(5), how="Found.")

    assert (opened.is_held, opened.is_of_snapshot, opened.is_joined_late, opened.ordinal) == (True, False, False, 1)
    assert opened.trace[0].text == "Found."


@pytest.mark.parametrize(
    ("call_id", "is_marked", "device", "site", "is_test"),
    [
        ("canary-1", False, "2001", {}, True),
        ("C1", False, "2001", {}, False),
        ("C1", True, "2001", {}, False),
        ("canary-1", False, "2002", {}, False),
        ("C1", True, "2001", {"has_marked_canaries": True}, True),
        ("canary-1", False, "2001", {"has_marked_canaries": True}, False),
        ("C1", True, "2002", {"has_marked_canaries": True}, False),
    ],
)
def test_a_test_extension_in_a_call_that_the_gateway_made_is_a_canarys(
    call_id: str, is_marked: bool, device: str, site: dict[str, Any], is_test: bool
) -> None:
    one = replace(call(party(device)), call_id=call_id, is_canary=is_marked)
    held = holding(one, canaries=frozenset({"2001"}), **site)

    assert _is_canary(held, one, one.parties[device]) is is_test
    assert open_leg(held, one, one.parties[device], made(5)).is_canary is is_test


def test_a_canarys_id_names_its_recording_by_a_digest_of_fixed_length() -> None:
    named = canary_call_id("7", "G1").rpartition("-")[2]

    assert len(named) == 16
    assert may_be_recorded_as(f"{PREFIX}7-{named}", "G1")
    assert not may_be_recorded_as(f"{PREFIX}7-{named}", "G2")


def test_the_ordinal_counts_all_legs_of_an_extension_under_one_id_also_where_they_were_handed_on() -> None:
    one = call(party(ordinal=1))
    before = call(left(ordinal=3), incarnation=2)
    moved = call(left(ordinal=1), incarnation=3, moved_to=4)
    target = replace(call(party(ordinal=5), incarnation=4), call_id="C9")
    strange = replace(call(party(ordinal=9), incarnation=5), call_id="C8")

    assert _last_ordinal(holding(one), one, party(ordinal=1)) == 1
    assert _last_ordinal(holding(one), one, party(ordinal=2)) == 2
    assert _last_ordinal(holding(one, before, strange), one, party(ordinal=1)) == 3
    assert _last_ordinal(holding(one, before, moved, target), one, party(ordinal=1)) == 5
    assert _last_ordinal(holding(one, before, moved), one, party(ordinal=1)) == 3


def test_the_agent_that_the_source_names_is_the_legs_by_the_event_of_the_answer() -> None:
    one = leg(5, call_origin=SAID)
    named = identified(works(one), one, "9001")

    assert (named.agent_id, named.is_agent_stated) == ("9001", True)
    assert named.agent_origin == replace(SAID, rule=OriginRule.ANSWERED)
    assert (named.match, named.match_reason, named.services) == (MatchKind.MATCHED, "2001 is matched", (1,))
    nobody = identified(works(one), one)
    assert (nobody.agent_id, nobody.agent_origin, nobody.is_agent_stated) == ("", None, False)


def test_a_leg_loses_the_agent_who_logged_on_later_and_is_matched_anew() -> None:
    one = leg(5, agent_id="9001", agent_name="Ann", agent_origin=SAID, services=(), match=MatchKind.UNMATCHED)
    alone = without_agent(works(one), one, moment(7), "No agent.")

    assert (alone.agent_id, alone.agent_name, alone.agent_origin) == ("", "", None)
    assert (alone.match, alone.match_reason, alone.services) == (MatchKind.MATCHED, "2001 is matched", (1,))
    assert (alone.trace[-1].at, alone.trace[-1].what, alone.trace[-1].text) == (moment(7), "agent", "No agent.")


# --- it is searched for ---


@pytest.mark.parametrize(
    ("guid", "known", "asked_for", "status"),
    [("", "", "", SearchStatus.OPEN), ("", "G9", "G9", SearchStatus.OPEN), ("G", "G9", "G", SearchStatus.FOUND)],
)
def test_a_search_states_the_leg_and_which_recording_is_no_answer(
    guid: str, known: str, asked_for: str, status: SearchStatus
) -> None:
    one = leg(5, heard=6, guid=guid, is_canary=True, searches=2, services=(1, 2), search=SearchStatus.NONE)
    held = works(one)
    searched = start_search(held, one, moment(7), known)

    assert held.commands == [
        StartSearch(
            leg=1,
            search=3,
            services=(1, 2),
            extension="2001",
            connected_source_at=moment(6),
            since_gateway_at=moment(7),
            known_guid=asked_for,
            is_canary=True,
        )
    ]
    assert (searched.searches, searched.search) == (3, status)
    assert searched.trace[-1].at == moment(7)


@pytest.mark.parametrize(
    ("other", "heard", "is_past"),
    [
        (leg(5), 30, False),
        (over(leg(5), 9), 10, False),
        (over(leg(5), 9), 10.001, True),
        (over(leg(5, heard=5.251), 9), 9.1, True),
        (over(leg(5, heard=5.25), 9), 9.1, False),
    ],
)
def test_a_leg_is_past_where_no_answer_of_while_it_was_connected_can_come(
    other: LegState, heard: float, is_past: bool
) -> None:
    assert _is_past(works(other), other, leg(9, heard=heard, number=2)) is is_past


@pytest.mark.parametrize(("since", "other"), [(5, leg(5)), (8, leg(5, pending_transfer=pending(8)))])
def test_a_search_is_over_five_seconds_after_its_window(since: float, other: LegState) -> None:
    assert searched_until(works(other), other) == moment(since) + timedelta(seconds=10) + UNSETTLED


# --- it follows its call ---


@pytest.mark.parametrize(
    ("one", "heard", "seen", "follows"),
    [
        (leg(5), 20, None, True),
        (leg(5), 20, (1,), True),
        (leg(5), 20, (2,), False),
        (over(leg(5), 9, base_due=20), 19.999, None, True),
        (over(leg(5), 9, base_due=20), 20, None, False),
        (over(leg(5), 9), 10, None, False),
        (over(leg(5), 9, base_due=20, base=WriteStatus.QUEUED), 10, None, False),
        (over(leg(5), 9, base_due=20, is_end_unknown=True), 10, None, False),
        (over(leg(5), 9, base_due=20), 10, (2,), True),
    ],
)
def test_a_leg_learns_what_its_call_does_until_its_flags_are_due(
    one: LegState, heard: float, seen: tuple[int, ...] | None, follows: bool
) -> None:
    state = {} if seen is None else {"snapshot": snapshot(seen=seen)}
    held = holding(call(party(leg=1), number="+49301"), legs=(one,), source=state)
    refresh_facts(held, held.calls[1], moment(heard))

    assert _follows_call(held, one, moment(heard)) is follows
    assert (held.legs[1].facts.calling_number == "+49301") is follows


# --- it ends ---


@pytest.mark.parametrize(("is_unknown", "number"), [(False, "+49301"), (True, "")])
def test_a_leg_that_closes_has_its_end_and_what_its_call_knew_then(is_unknown: bool, number: str) -> None:
    held = holding(call(party(leg=1), number="+49301"), legs=(leg(5, is_held=True),))
    closed = close_leg(held, held.legs[1], moment(9), moment(10), "Left.", is_end_unknown=is_unknown)

    assert held.legs[1] == closed
    assert (closed.phase, closed.is_held, closed.is_end_unknown) == (LegPhase.CLOSED, False, is_unknown)
    assert (closed.disconnected_source_at, closed.disconnected_gateway_at) == (moment(9), moment(10))
    assert closed.facts.calling_number == number
    assert closed.base_due is not None
    assert "Left." in [step.text for step in closed.trace]
    assert close_leg(held, closed, moment(19), moment(20), "Again.") is closed


def test_a_leg_ends_not_before_it_began() -> None:
    one = leg(5)

    assert close_leg(works(one), one, moment(4), moment(10), "Left.").disconnected_source_at == moment(5)


@pytest.mark.parametrize(
    ("began", "unconfirmed", "is_kept"),
    [
        (8.999, None, True),
        (9, None, False),
        (9.5, None, False),
        (None, 8.999, True),
        (None, 9, False),
        (None, None, True),
    ],
)
def test_a_recording_that_began_at_the_end_of_its_leg_or_after_it_is_anothers(
    began: float | None, unconfirmed: float | None, is_kept: bool
) -> None:
    one = over(replace(HOLDER, recording_began=at(began), unconfirmed_began=at(unconfirmed)), 9)
    one = replace(one, connected_source_at=moment(5), connected_gateway_at=moment(5))
    held = works(one)
    ended = _with_end(held, one, moment(10))

    assert (ended.guid == "G") is is_kept
    assert held.legs[1] == ended


@pytest.mark.parametrize(
    ("since", "began", "source", "is_out"),
    [
        (5, 5, {}, True),
        (5, 10.001, {}, True),
        (10.001, 5, {}, True),
        (10.001, 10.001, {}, False),
        (None, 10.001, {}, False),
        (10, 10, {}, True),
        (10.000001, 10.000001, WHOLE, True),
        (10.000002, 10.000002, WHOLE, False),
    ],
)
def test_an_end_from_before_a_connection_takes_nobody_out(
    since: float | None, began: float, source: dict[str, Any], is_out: bool
) -> None:
    held = holding(call(party(since=since, leg=1, unconfirmed_since=4)), legs=(leg(began),), source=source)
    clear_party(held, held.calls[1], "2001", moment(10), moment(11), "Left.")
    one = held.calls[1].parties["2001"]

    assert one.is_here is not is_out
    assert (held.legs[1].phase is LegPhase.CLOSED) is is_out
    if is_out:
        assert (one.leg, one.unconfirmed_since) == (None, None)
        assert (one.cleared_at, one.cleared_gateway_at) == (moment(10), moment(11))


def test_that_a_device_left_is_noted_once_also_of_one_that_was_not_known() -> None:
    held = holding(call(left(at=8, cleared_gateway_at=moment(8))))
    clear_party(held, held.calls[1], "2001", moment(10), moment(11), "Left.")
    clear_party(held, held.calls[1], "2002", moment(10), moment(11), "Left.")

    assert held.calls[1].parties["2001"].cleared_at == moment(8)
    assert held.calls[1].parties["2002"] == party(
        "2002", PartyState.NULL, since=10, cleared_at=10, cleared_gateway_at=moment(11)
    )


# --- attended transfers ---


def test_the_recording_that_began_just_before_a_transfer_is_the_second_parts() -> None:
    """The first part has none then, and no service that would write to it."""
    one = replace(HOLDER, pending_transfer=pending(20), recording_began=moment(19.9), services=(1,))
    held = holding(legs=(one,))

    assert give_to_second(held, one, moment(21))
    first, second = held.legs[1], held.legs[2]
    assert (first.guid, first.service) == ("", None)
    assert (second.guid, second.service, second.recording_began) == ("G", 1, moment(19.9))
    early = replace(one, recording_began=moment(10.1))
    assert not give_to_second(works(early), early, moment(21))
    assert not give_to_second(works(one, source=WHOLE), one, moment(21))


@pytest.mark.parametrize("missing", [{"guid": ""}, {"service": None}, {"recording_began": None}])
def test_the_answer_by_which_a_leg_has_its_recording_is_known_by_what_it_keeps(missing: dict[str, Any]) -> None:
    one = replace(HOLDER, found_gateway_at=moment(12), searches=3)

    assert _answer(one) == RecordingFound(
        leg=1, search=3, guid="G", service=1, started_at=moment(10.1), attempts=1, at=moment(12)
    )
    unknown = _answer(replace(one, found_gateway_at=None))
    assert unknown is not None
    assert unknown.at == moment(10)
    assert _answer(replace(one, **missing)) is None


@pytest.mark.parametrize(("marked", "is_canary"), [((), False), (("Originated",), True), (("Established",), True)])
def test_a_call_is_the_canarys_where_one_of_its_events_is_marked(marked: tuple[str, ...], is_canary: bool) -> None:
    board = Switchboard(with_site(has_marked_canaries=True, canaries=frozenset({"2001"})))
    for seconds, kind in ((1, "Originated"), (2, "Established")):
        said = event(kind, seconds, callId="C1", deviceId="2001")
        board.hears(replace(said, data=replace(said.data, is_canary=kind in marked)))

    assert board.leg.is_canary is is_canary
