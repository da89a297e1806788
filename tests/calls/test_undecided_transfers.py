"""A recording of which nobody knows whether it went on after a transfer: QMS was silent, or was asked too late."""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.commands import CancelSearch
from calls.core.flag_facts import leg_facts
from calls.core.outcome_rules import WITHHELD
from calls.core.outcomes import Outcome
from calls.core.result_events import RecordingFound
from calls.core.state import LegState
from flags.catalogue.values import FIELDS, flag_texts
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_transfers import attended
from tests.relatives.case import Case, cleared, dials, established, holds, played, queued, transferred

pytestmark = pytest.mark.core


def _consulted(
    interaction: str = "I1",
    *,
    heard: float = 30,
    held_since: float | None = None,
    kind: str = "Transferred",
    has_source_times: bool = True,
    is_named: bool = True,
    received: float | None = None,
    **more: Any,
) -> Switchboard:
    """2001 has Uma of Sales in C1, and consults A7 at 2002 in C2 from 25 on; G2 is recorded there. C3 from 30 on.

    ``is_named``: QMS names the recording before that.
    """
    site = with_site(wrapup_wait_seconds=60, has_source_times=has_source_times)
    board = Switchboard(site).agent("LoggedOn", 1, "A7", deviceId="2002")
    board.call("Queued", 2, "C1", queueName="Sales", interactionId="I1", callerName="Uma", callerNameSource="isdn")
    board.call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Established", 25, "C2", "2002", interactionId=interaction)
    board = board.found(25.5, 2, "G2") if is_named else board
    sides = {"Conferenced": ("conferencingDeviceId", "addedPartyId")}
    host, added = sides.get(kind, ("transferringDeviceId", "transferredToDeviceId"))
    moved: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"} | more
    new = [{"old": {"callId": "C2", "deviceId": "2002"}, "new": {"callId": "C3", "deviceId": "2002"}}]
    joined = event(kind, 30 if has_source_times else heard, **moved, **{host: "2001", added: "2002"}, connections=new)
    held = None if held_since is None else moment(held_since)
    posted = None if received is None else moment(received)
    return board.hears(replace(joined, gatewaytime=moment(heard), heldsince=held, gatewayreceived=posted))


def _first(board: Switchboard) -> LegState:
    (leg,) = [leg for leg in board.legs if leg.guid == "G2"]
    return leg


def _flags(leg: LegState) -> dict[str, str]:
    return {one.name: one.value for one in flag_texts(FIELDS, leg_facts(leg), "base")}


@pytest.mark.parametrize(
    ("why", "asked", "first", "ended"),
    [
        ("late", None, None, 60),  # Never asked: the gateway stood still.
        ("none", 39, 39, 33),  # Eight seconds behind, and the call is over by then.
        ("none", 39, 39, 30.4),
        ("none", 30.5, 30.5, 30.4),  # Asked at once, but 2002 had left.
        ("none", 31.4, 31.4, 31.3),
        ("unreachable", None, 30.5, 30.4),
        ("none", 38, 30, 36),  # Asked at once, but not again before the call was over.
        ("none", 34.5, 34.5, 60),  # QMS names what began at 25 for ten seconds, and its clock may differ by one.
        ("unreachable", None, 33, 60),
    ],
)
def test_where_the_gateway_asked_too_late_the_recording_gets_what_both_parts_have_in_common(
    why: str, asked: float | None, first: float | None, ended: float
) -> None:
    """It may be of C2 alone, or of C2 and then C3, where it would be labelled with C3, Sales and Uma."""
    board = _consulted().call("ConnectionCleared", ended, "C3", "2002")
    board.missed(61, 2, why, asked=asked, first=first).waits(63)
    leg = _first(board.settled(64, 2))

    assert _flags(leg) == {"AgentId": "A7", "InteractionGuid": "I1"}
    assert (leg.outcome, leg.reason) == (Outcome.FLAGGED, WITHHELD)


@pytest.mark.parametrize(
    ("why", "asked", "first", "ended"),
    [
        ("unreachable", None, 30, 60),  # QMS was away.
        ("unreachable", 31.4, 31.4, 60),
        ("unreachable", 38, 30, 36),  # It was away until the call was over.
        ("none", 31.5, 30.1, 30.4),  # The call was over before QMS can tell.
        ("none", 30.4, 30.4, 30.4),
        ("none", 32.5, 32.5, 60),
    ],
)
def test_where_qms_was_asked_in_time_and_is_silent_the_consultation_keeps_its_own_flags(
    why: str, asked: float | None, first: float, ended: float
) -> None:
    """A QMS that does not answer has said nothing, and a consultation is a leg of its own."""
    board = _consulted().call("ConnectionCleared", ended, "C3", "2002")
    leg = _first(board.missed(61, 2, why, asked=asked, first=first).waits(63))

    assert _flags(leg) == {"AgentId": "A7", "InteractionGuid": "I1", "CTICallRef": "C2"}


def test_a_transfer_that_is_heard_late_is_asked_for_late() -> None:
    """By the source's own times it took place four seconds before it was heard; 2002 left half a second after it."""
    board = _consulted(heard=34).call("ConnectionCleared", 30.5, "C3", "2002")
    leg = _first(board.missed(61, 2, "none", asked=34.1, first=34.1).waits(63))

    assert _flags(leg) == {"AgentId": "A7", "InteractionGuid": "I1"}


@pytest.mark.parametrize(
    ("heard", "asked", "reference"),
    [
        (30, 30.1, "C2"),  # In order: asked while 2002 talks.
        (31, 31.05, None),  # Transfer and end come a second late and together.
        (32, 32.05, None),
    ],
)
@pytest.mark.parametrize("has_source_times", [True, False])
def test_a_leg_that_a_link_brings_as_ended_keeps_no_reference_of_before_its_transfer(
    heard: float, asked: float, reference: str | None, has_source_times: bool
) -> None:
    """Nobody asked while it lasted whether its recording went on: the answer is that of an extension at rest."""
    board = _consulted(heard=heard, has_source_times=has_source_times)
    ends = max(heard + 0.01, 30.4)
    end = event("ConnectionCleared", 30.4 if has_source_times else ends, callId="C3", deviceId="2002")
    board.hears(replace(end, gatewaytime=moment(ends)))
    leg = _first(board.missed(61, 2, "none", asked=asked, first=asked).waits(63))

    assert _flags(leg).get("CTICallRef") == reference


@pytest.mark.parametrize(
    ("why", "asked", "first", "ended", "reference"),
    [
        ("unreachable", None, 30, 60, None),  # QMS is away, or slower than its time-out.
        ("unreachable", None, None, 60, None),  # Nothing is asked, while its circuit breaker is open.
        ("unreachable", 31.4, 31.4, 60, None),  # It was away before it could tell.
        ("unreachable", 38, 30, 36, None),  # It was away until the call was over.
        ("late", None, None, 60, None),  # The gateway stood still.
        ("none", 39, 39, 38, None),  # It was eight seconds behind.
        ("none", 30.5, 30.5, 30.4, None),  # Asked at once, but 2002 had left.
        ("none", 30.4, 30, 31, "C2"),  # QMS was asked in time, and the call is over before it can tell.
        ("unreachable", 38.9, 31.5, 60, None),  # Back when it would have named another one, and G2 no more.
        ("none", 31.5, 30, 60, "C2"),  # It names G2 no more, as it would have: that ended.
        ("same", 31.5, 30, 60, "C3"),
    ],
)
def test_of_a_conference_after_which_qms_says_nothing_the_recording_gets_what_both_parts_have_in_common(
    why: str, asked: float | None, first: float | None, ended: float, reference: str | None
) -> None:
    """A recorder that follows ids has the consultation alone in it; that it goes on, QMS has to say."""
    board = _consulted(kind="Conferenced").call("ConnectionCleared", ended, "C3", "2002")
    leg = _first(board.missed(61, 2, why, asked=asked, first=first).waits(63))
    of_customer = {"QueueName": "Sales", "CallerName": "Uma"} if reference == "C3" else {}

    assert _flags(leg) == {"AgentId": "A7", "InteractionGuid": "I1"} | of_customer | (
        {"CTICallRef": reference} if reference else {}
    )
    unrecorded = [one for one in board.legs if one.device_id == "2002" and not one.guid]
    assert [(one.call_id, one.connected_source_at) for one in unrecorded] == [("C3", moment(30))] * (reference != "C3")


@pytest.mark.parametrize(
    ("asked", "ended", "reference"),
    [
        (33.7, 33.8, None),  # Conference and end were held back together, and its recording had ended with the call.
        (33.7, 34.6, None),
        (33.7, 34.8, "C2"),
        (34.0, 34.8, None),  # The end may be up to a second late.
    ],
)
def test_of_a_conference_without_times_that_ends_within_a_second_of_the_question_it_is_not_known_what_it_ended(
    asked: float, ended: float, reference: str | None
) -> None:
    board = _consulted(kind="Conferenced", heard=33.6, has_source_times=False)
    board.call("ConnectionCleared", ended, "C3", "2002")
    leg = _first(board.missed(61, 2, "none", asked=asked, first=asked).waits(63))

    assert _flags(leg).get("CTICallRef") == reference


def test_a_conference_in_which_nothing_differs_keeps_all_flags_while_qms_is_silent() -> None:
    """It goes on under the consultation's id, and neither a queue nor a caller is known of either call."""
    board = Switchboard(with_site(wrapup_wait_seconds=60)).agent("LoggedOn", 1, "A7", deviceId="2002")
    board.call("Established", 5, "C1", "2001", interactionId="I1").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001").call("Established", 25, "C2", "2002").found(25.5, 2, "G2")
    joined: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C2"}
    board.hears(event("Conferenced", 30, **joined, conferencingDeviceId="2001", addedPartyId="2002"))
    board.call("ConnectionCleared", 60, "C2", "2002").missed(61, 2, "unreachable", first=30).waits(63)

    assert _flags(_first(board)) == {"AgentId": "A7", "InteractionGuid": "I1", "CTICallRef": "C2"}


def test_a_conference_after_an_undecided_transfer_leaves_that_to_qms() -> None:
    """2002 has Uma from 30 on, and takes 2003 into the call at 33: its recording is asked for since the transfer."""
    board = _consulted().call("Held", 31, "C3", "2002").call("Originated", 31.5, "C4", "2002")
    board.call("Established", 32, "C4", "2003")
    joined: dict[str, Any] = {"primaryOldCallId": "C3", "secondaryOldCallId": "C4", "resultingCallId": "C5"}
    board.hears(event("Conferenced", 33, **joined, conferencingDeviceId="2002", addedPartyId="2003"))
    board.call("ConnectionCleared", 60, "C5", "2002").missed(61, 2, "late").waits(63)

    assert _flags(_first(board)) == {"AgentId": "A7", "InteractionGuid": "I1"}


def test_a_conference_of_three_that_asterisk_sees_in_one_bridge_is_decided_by_qms_alone() -> None:
    """Its channels keep the linked id of the consultation or of the customer; QMS is away."""
    board = _consulted(kind="Conferenced", resultingCallId="C1").missed(42, 2, "unreachable", first=30)
    board.call("ConnectionCleared", 50, "C1", "2002").waits(53)

    assert _flags(_first(board)) == {"AgentId": "A7", "InteractionGuid": "I1"}
    assert [(one.call_id, one.missed) for one in board.legs if one.device_id == "2002"] == [
        ("C2", ""),
        ("C1", "unreachable"),
    ]


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_a_move_that_is_heard_when_the_flags_are_under_way_leaves_a_part_that_says_why_it_has_none(kind: str) -> None:
    """2002 left at 33; that the calls were joined at 30 is heard at 40."""
    board = Switchboard(with_site(wrapup_wait_seconds=60)).call("Established", 5, "C1", "2001")
    board.call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Established", 25, "C2", "2002").found(25.5, 2, "G2")
    board.call("ConnectionCleared", 33, "C2", "2002").waits(39)
    sides = {"Conferenced": ("conferencingDeviceId", "addedPartyId")}
    host, added = sides.get(kind, ("transferringDeviceId", "transferredToDeviceId"))
    ids: dict[str, Any] = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"}
    board.hears(replace(event(kind, 30, **ids, **{host: "2001", added: "2002"}), gatewaytime=moment(40)))

    parts = [(one.call_id, one.guid, one.missed) for one in board.legs if one.device_id == "2002"]
    assert parts == [("C2", "G2", ""), ("C3", "", "undecided")]


@pytest.mark.parametrize(("why", "asked", "flags"), [("none", 31.5, "C2"), ("same", 31.5, "C3")])
def test_where_qms_was_asked_in_time_the_call_reference_is_written(why: str, asked: float, flags: str) -> None:
    board = _consulted().missed(40, 2, why, asked=asked).call("ConnectionCleared", 60, "C3", "2002").waits(63)

    assert _flags(_first(board))["CTICallRef"] == flags
    assert _first(board).withheld == ()


def test_an_interaction_that_is_not_the_same_after_the_transfer_is_not_written() -> None:
    board = _consulted("I2").missed(41, 2, "late").call("ConnectionCleared", 60, "C3", "2002").waits(63)

    assert _flags(_first(board)) == {"AgentId": "A7"}


@pytest.mark.parametrize("at", [28, 32])
def test_no_wrap_up_is_written_to_a_recording_of_which_it_is_not_known_how_long_it_went_on(at: float) -> None:
    """The wrap-up of the talk with the customer is the recording's, if that went on."""
    board = _consulted().missed(41, 2, "late").waits(43).settled(44, 2)
    board.call("CallInformation", at, "C2", "2002", wrapup={"result": "Sold"}).waits(120)

    assert board.writes == [(2, "base")]
    assert _first(board).outcome is Outcome.FLAGGED


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
@pytest.mark.parametrize(
    ("heard", "held_since", "has_source_times", "began", "reference"),
    [
        (30, None, False, 30.3, "C2"),  # In order: another recording began with the transfer.
        (30, None, True, 31.5, "C2"),
        (30, 28.8, False, 30.3, "C2"),  # A second and a half after the earliest time at which it may have been.
        (30, 28.79, False, 30.3, None),
        (30, 24, False, 26, None),
        (33, None, True, 31.5, "C2"),
        (33, None, True, 31.51, None),
    ],
)
def test_where_another_recording_may_have_begun_long_after_a_transfer_the_first_keeps_no_reference(
    kind: str, heard: float, held_since: float | None, has_source_times: bool, began: float, reference: str | None
) -> None:
    """It may be of a call that a slow link has not brought yet, and the consultation's may have gone on and ended."""
    board = _consulted(heard=heard, held_since=held_since, kind=kind, has_source_times=has_source_times)
    leg = _first(board.found(heard + 0.5, 2, "G3", started=began, asked=heard + 0.5).waits(heard + 2))

    assert _flags(leg).get("CTICallRef") == reference
    assert [one.call_id for one in board.legs if one.guid == "G3"] == ["C3"]


def test_a_new_segment_of_the_pbx_is_another_recording_however_late_it_is_heard() -> None:
    board = _consulted(held_since=24, has_source_times=False, newSegment=True)

    assert _flags(_first(board.found(30.5, 2, "G3", started=30.3).waits(32)))["CTICallRef"] == "C2"


@pytest.mark.parametrize(("why", "guid", "reference"), [("same", "G9", "C3"), ("none", "G9", "C2"), ("", "G2", "C3")])
def test_a_recording_that_qms_names_as_its_call_is_handed_on_is_named_in_the_question_what_became_of_it(
    why: str, guid: str, reference: str
) -> None:
    """Asked at 29.9, handed on at 30 and answered at 30.1: QMS is to be able to say that it goes on."""
    board = _consulted(has_source_times=False, is_named=False)
    board.hears(
        RecordingFound(leg=2, search=1, guid="G2", service=1, started_at=moment(25), attempts=1, at=moment(30.1))
    )
    asked = board.searches[-1]
    began = moment(36 if guid == "G9" else 25)
    found = RecordingFound(
        leg=2, search=3, guid=guid, service=1, started_at=began, attempts=9, at=moment(36.5), why=why
    )
    board.hears(replace(found, first_asked_at=moment(30.4))).call("ConnectionCleared", 38, "C3", "2002").waits(40)

    assert (asked.search, asked.known_guid, asked.since_gateway_at) == (3, "G2", moment(30))
    assert board.commands.count(CancelSearch(2)) == 2  # The one of before the transfer, and the one without the name.
    assert _flags(_first(board))["CTICallRef"] == reference


def test_an_answer_to_the_question_without_the_name_still_counts_and_ends_the_other() -> None:
    board = _consulted(has_source_times=False, is_named=False)
    first = RecordingFound(leg=2, search=1, guid="G2", service=1, started_at=moment(25), attempts=1, at=moment(30.1))
    board.hears(first, replace(first, search=2, guid="G3", started_at=moment(30.05), at=moment(30.2)))

    assert [(one.call_id, one.guid) for one in board.legs if one.guid] == [("C2", "G2"), ("C3", "G3")]
    assert board.commands[-1] == CancelSearch(2)


@pytest.mark.parametrize(("began", "parts"), [(29.9, [("C2", "G2")]), (30.0, [("C3", "G2")])])
def test_a_recording_that_began_with_the_transfer_is_the_second_parts_whichever_question_it_answers(
    began: float, parts: list[tuple[str, str]]
) -> None:
    board = _consulted(has_source_times=False, is_named=False)
    board.hears(
        RecordingFound(leg=2, search=1, guid="G2", service=1, started_at=moment(began), attempts=1, at=moment(30.1))
    )
    board.missed(41, 2, "unreachable", first=30.2).call("ConnectionCleared", 50, "C3", "2002").waits(52)

    assert [(one.call_id, one.guid) for one in board.legs if one.guid] == parts


@pytest.mark.parametrize(("posted", "why"), [(None, "late"), (38.9, "late"), (39, "heard_late"), (7200, "heard_late")])
def test_of_the_part_after_a_transfer_it_counts_when_the_transfer_was_received(posted: float | None, why: str) -> None:
    board = _consulted(received=posted).missed(41, 2, "late").call("ConnectionCleared", 60, "C3", "2002").waits(63)

    assert [leg.reason_code for leg in board.legs if leg.connected_source_at == moment(30) and not leg.guid] == [why]


@pytest.mark.parametrize("until", [29.2, None])
@pytest.mark.parametrize(("named", "keeps"), [("", False), ("G3", False), ("G", False), ("G2", True)])
def test_a_contest_with_a_consultation_is_decided_as_the_transfer_divides_it(
    named: str, keeps: bool, until: float | None
) -> None:
    """G began with 2002's call C9, or with the consultation of which is heard late; QMS names another for that or none.

    ``named``: what QMS names for it: one of before the transfer at 30 (G2), of after that (G3), G itself, or nothing.
    """
    board = Switchboard().call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001")
    board.call("Originated", 21, "C2", "2001").call("Established", 28.5, "C9", "2002").found(28.8, 2, "G", started=28.6)
    board.call("Held" if until is None else "ConnectionCleared", 29.2, "C9", "2002")
    consulted = event("Established", 29.5, callId="C2", deviceId="2002")
    board.hears(replace(consulted, gatewaytime=moment(29.9))).hears(attended(30))
    assert board.leg_of("C9").contested_by == 3
    if named == "G2":
        board.found(30.1, 3, "G2", started=29.7, asked=29.95)
    elif named:
        board.found(31.9, 3, named, started=30.3 if named == "G3" else 28.6, asked=31.8)
    else:
        board.missed(41, 3, asked=40, first=31)

    holder = board.leg_of("C9")
    assert (holder.contested_by, holder.guid) == (None, "G" if keeps else "")


@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("length", [10.2, 10.6, 10.9])
def test_a_recording_that_qms_names_no_more_as_its_call_is_handed_on_gets_what_both_parts_have_in_common(
    length: float, goes_on: bool
) -> None:
    """QMS answers each question, and names none: R2 may have ended, or be too old by QMS's clock."""
    moved = 25 + length
    events = [
        queued(1, "C1", name="Uma", queue="Sales", interaction="I1"),
        established(5, "C1", "2001"),
        holds(20, "C1", "2001"),
        dials(21, "C2", "2001"),
        established(25, "C2", "2002"),
        transferred(moved, "C1", "C2", "C3", "2001", "2002"),
        cleared(60, "C3", "2002"),
    ]
    replay = played(Case("", events, [], [("R2", "2002", 25.1, 60 if goes_on else moved)]))

    assert [replay.flags[leg.number] for leg in replay.legs if leg.guid] == [
        {"AgentId": "9102", "InteractionGuid": "I1"}
    ]
