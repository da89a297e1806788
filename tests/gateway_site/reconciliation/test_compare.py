"""What QMS lists, compared with legs and flags: each kind of difference, its grade and its cause."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway_site.reconciliation.candidates import ComparedLeg
from gateway_site.reconciliation.compare import (
    Finding,
    FindingKind,
    GapFacts,
    Grade,
    Known,
    WriteFacts,
    compared,
)
from gateway_site.reconciliation.hearing import HearingRules, SourceHearing
from gateway_site.reconciliation.texts import cause_words
from qms.port import Flag, FlaggedRecording, Recording

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


def recording(guid: str = "R1", second: float = 0, extension: str = "2001", **flags: Any) -> FlaggedRecording:
    return FlaggedRecording(
        Recording(guid, extension, at(second), at(second + 60)), tuple(map(Flag, flags, flags.values()))
    )


def leg(number: int = 1, second: float = 0, guid: str = "", **changes: Any) -> ComparedLeg:
    usual: dict[str, Any] = {
        "leg_id": number,
        "source_id": 7,
        "extension": "2001",
        "connected_at": at(second),
        "disconnected_at": at(second + 60),
        "guid": guid,
        "outcome": "flagged" if guid else "window_missed",
        "reason_code": "" if guid else "unreachable",
    }
    return ComparedLeg(**{**usual, **changes})


def found(*recordings: FlaggedRecording, legs: tuple[ComparedLeg, ...] = (), **changes: Any) -> list[Finding]:
    usual: dict[str, Any] = {
        "legs": legs,
        "holders": {one.guid: one for one in legs if one.guid},
        "writes": {},
        "gaps": (),
        "flag_names": frozenset({"AgentId", "QueueName"}),
        "followed_extensions": frozenset({"2001"}),
        "tolerance": timedelta(seconds=5),
    }
    return compared(recordings, at(0), at(3600), Known(**{**usual, **changes}))


def taken(**flags: str | None) -> dict[str, WriteFacts]:
    return {"R1": WriteFacts(flags)}


def test_a_recording_that_carries_what_was_written_is_no_finding() -> None:
    assert found(recording(AgentId="A1", Else="x"), legs=(leg(guid="R1"),), writes=taken(AgentId="A1")) == []


def test_flags_that_qms_took_and_no_longer_has_are_critical() -> None:
    [one] = found(recording(), legs=(leg(guid="R1"),), writes=taken(AgentId="A1"))
    assert (one.kind, one.grade, one.cause) == (FindingKind.UNFLAGGED, Grade.CRITICAL, "lost_in_qms")
    assert (one.leg_id, one.ended_at) == (1, at(60))


def test_without_a_reason_the_outcome_of_the_leg_says_why_it_has_no_flags() -> None:
    [unflagged] = found(recording(), legs=(leg(guid="R1", outcome="refused"),))
    [unrecorded] = found(legs=(leg(reason_code=""),))

    assert [(one.cause, one.leg_id) for one in (unflagged, unrecorded)] == [("refused", 1), ("window_missed", 1)]


@pytest.mark.parametrize("flags", [{}, {"AgentId": "B1"}])
def test_what_was_withheld_in_shadow_mode_is_compared_elsewhere(flags: dict[str, Any]) -> None:
    """By the outcome of the leg, whose withheld values may be gone by then, or by these."""
    withheld = {"R1": WriteFacts({}, withheld=frozenset({"AgentId"}))}

    assert found(recording(**flags), legs=(leg(guid="R1", outcome="shadow"),)) == []
    assert found(recording(**flags), legs=(leg(guid="R1"),), writes=withheld) == []


@pytest.mark.parametrize(
    ("taken", "sent", "grade"), [({"AgentId": "A1"}, {}, Grade.CRITICAL), ({}, {"AgentId": "A1"}, Grade.MAJOR)]
)
def test_what_was_written_beside_what_was_withheld_is_compared(
    taken: dict[str, str], sent: dict[str, str], grade: Grade
) -> None:
    """Another gateway wrote QueueName, which was withheld; AgentId, which was not, is missing."""
    write = WriteFacts(taken, "Unclear" if sent else "", sent, withheld=frozenset({"QueueName"}))
    [one] = found(recording(QueueName="Sales"), legs=(leg(guid="R1"),), writes={"R1": write})

    assert (one.kind, one.grade) == (FindingKind.UNFLAGGED, grade)


@pytest.mark.parametrize(
    ("in_qms", "names"),
    [
        ({"AgentId": "A2", "QueueName": "Sales"}, ("AgentId",)),
        ({"AgentId": "A1"}, ("QueueName",)),
        ({"AgentId": "", "QueueName": "sales"}, ("AgentId", "QueueName")),
    ],
)
def test_each_value_that_differs_is_named(in_qms: dict[str, str], names: tuple[str, ...]) -> None:
    [one] = found(
        recording(**dict[str, Any](in_qms)), legs=(leg(guid="R1"),), writes=taken(AgentId="A1", QueueName="Sales")
    )
    assert (one.kind, one.grade, one.names, one.leg_id) == (FindingKind.DIFFERENT, Grade.CRITICAL, names, 1)


def test_a_flag_that_nobody_wrote_for_the_leg_differs_too() -> None:
    [one] = found(recording(AgentId="A1", QueueName="x"), legs=(leg(guid="R1"),), writes=taken(AgentId="A1"))
    assert one.names == ("QueueName",)


def test_an_erased_value_is_not_compared() -> None:
    assert found(recording(AgentId="A1"), legs=(leg(guid="R1"),), writes=taken(AgentId=None)) == []


def test_flags_that_were_taken_though_no_answer_came_are_named_as_that() -> None:
    writes = {"R1": WriteFacts({}, "Unclear", {"AgentId": "A1"})}
    [one] = found(recording(AgentId="A1"), legs=(leg(guid="R1", outcome="write_unknown"),), writes=writes)
    assert (one.kind, one.grade, one.cause) == (FindingKind.DIFFERENT, Grade.MINOR, "taken_but_not_confirmed")


@pytest.mark.parametrize("writes", [{"R1": WriteFacts({}, "Unclear", {"AgentId": "A1"})}, {}])
def test_values_that_were_never_sent_are_somebody_elses(writes: dict[str, WriteFacts]) -> None:
    [one] = found(recording(AgentId="A2"), legs=(leg(guid="R1", outcome="write_unknown"),), writes=writes)
    assert (one.kind, one.grade, one.cause) == (FindingKind.DIFFERENT, Grade.CRITICAL, "written_by_another")


def test_a_wrap_up_without_an_answer_does_not_hide_what_another_wrote() -> None:
    writes = {"R1": WriteFacts({"AgentId": "A1"}, "Unclear", {"QueueName": "Sales"})}
    [unconfirmed] = found(recording(AgentId="A1", QueueName="Sales"), legs=(leg(guid="R1"),), writes=writes)
    [wrong] = found(recording(AgentId="A2", QueueName="Sales"), legs=(leg(guid="R1"),), writes=writes)

    assert (unconfirmed.cause, unconfirmed.names) == ("taken_but_not_confirmed", ("QueueName",))
    assert (wrong.cause, wrong.names) == ("written_by_another", ("AgentId",))


def test_a_flag_that_is_switched_off_by_now_is_compared_as_it_was_written() -> None:
    legs, writes = (leg(guid="R1"),), taken(AgentId="A1", OldFlag="x")
    assert found(recording(AgentId="A1", OldFlag="x"), legs=legs, writes=writes) == []
    [lost] = found(recording(AgentId="A1"), legs=legs, writes=writes)
    assert (lost.cause, lost.names) == ("lost_in_qms", ("OldFlag",))


def test_flags_that_qms_never_took_can_be_sent_again() -> None:
    legs = (leg(guid="R1", outcome="given_up"),)
    ended = {"R1": WriteFacts({}, "Unavailable", {"AgentId": "A1"}, can_retry=True)}
    waits = {"R1": WriteFacts({}, "write_queued", {"AgentId": "A1"})}

    assert [one.is_repairable for one in found(recording(), legs=legs, writes=ended)] == [True]
    assert [one.is_repairable for one in found(recording(), legs=legs, writes=waits)] == [False]


@pytest.mark.parametrize("outcome", ["joined_late", "agent_unknown", "user_unmatched", "user_unlicensed"])
def test_a_leg_that_was_not_to_be_flagged_is_the_cause_and_never_repaired(outcome: str) -> None:
    [one] = found(recording(), legs=(leg(outcome=outcome, reason_code=""),))
    assert (one.cause, one.candidates, one.is_repairable) == (outcome, (1,), False)


def test_a_call_seen_while_it_was_recorded_is_the_recordings_cause() -> None:
    [one] = found(recording(), legs=(leg(second=40, outcome="joined_late", reason_code=""),))
    assert one.cause == "joined_late"
    [late] = found(recording(), legs=(leg(second=70, outcome="joined_late", reason_code=""),))
    assert late.cause == "no_event"


def test_a_recording_within_a_leg_is_not_given_to_it_beside_the_one_that_began_with_it() -> None:
    first, second = found(recording(second=1), recording("R2", 30), legs=(leg(),))
    assert (first.is_repairable, second.is_repairable) == (True, False)


def test_a_write_that_failed_is_the_cause_of_missing_flags() -> None:
    writes = {"R1": WriteFacts({}, "UnknownFlag")}
    [one] = found(recording(), legs=(leg(guid="R1", outcome="refused"),), writes=writes)
    assert (one.kind, one.grade, one.cause) == (FindingKind.UNFLAGGED, Grade.MAJOR, "UnknownFlag")


def test_flags_of_our_names_without_a_leg_are_somebody_elses() -> None:
    [one] = found(recording(AgentId="A1", Else="x"))
    assert (one.kind, one.cause, one.names) == (FindingKind.FOREIGN, "written_by_another", ("AgentId",))


def test_the_only_leg_for_the_only_recording_can_be_repaired() -> None:
    [one] = found(recording(second=2), legs=(leg(),))
    assert (one.kind, one.cause, one.candidates, one.is_repairable) == (
        FindingKind.UNFLAGGED,
        "unreachable",
        (1,),
        True,
    )


@pytest.mark.parametrize(
    ("recordings", "legs"),
    [
        ((recording(second=2),), (leg(), leg(2, 4))),  # Two legs, one recording.
        ((recording(second=2), recording("R2", 4)), (leg(),)),  # Two recordings, one leg.
        ((recording(second=2),), (leg(disconnected_at=None),)),  # A leg that goes on.
        ((recording(second=2),), (leg(has_write=True),)),  # Flags were queued for it.
        ((recording(second=5.1),), (leg(),)),  # Not when the leg was connected.
        ((recording(second=2),), (leg(guid="R9"),)),  # The leg has another recording.
    ],
)
def test_where_it_could_be_a_guess_nothing_can_be_repaired(
    recordings: tuple[FlaggedRecording, ...], legs: tuple[ComparedLeg, ...]
) -> None:
    findings = [one for one in found(*recordings, legs=legs) if one.kind is FindingKind.UNFLAGGED]
    assert len(findings) == len(recordings)
    assert not any(one.is_repairable for one in findings)


def test_two_legs_that_it_may_be_are_both_named() -> None:
    [one] = found(recording(second=2), legs=(leg(), leg(2, 4)))
    assert (one.cause, one.candidates) == ("several_candidates", (1, 2))


def test_a_recording_that_began_within_a_leg_is_that_legs_second_one() -> None:
    [one, _] = found(recording(second=30), recording("R1x", 0), legs=(leg(guid="R1x"),), writes={"R1x": WriteFacts({})})
    assert (one.cause, one.candidates) == ("second_recording_of_leg", (1,))


@pytest.mark.parametrize(
    ("extension", "gaps", "grade", "cause"),
    [
        ("2001", (GapFacts(at(-10), at(10)),), Grade.MAJOR, "gap"),
        ("2001", (GapFacts(at(-10), None),), Grade.MAJOR, "gap"),
        ("2001", (GapFacts(at(-60), at(-10)),), Grade.MAJOR, "no_event"),
        ("2001", (GapFacts(at(-10), at(60), {"2001": at(60)}),), Grade.MAJOR, "extension_gap"),
        ("2001", (GapFacts(at(-10), at(60), {"2001": at(-7), "2002": at(60)}),), Grade.MAJOR, "no_event"),
        ("2001", (GapFacts(at(-10), None, {"2002": None}),), Grade.MAJOR, "no_event"),
        ("2999", (), Grade.MINOR, "extension_not_followed"),
        ("2999", (GapFacts(at(-10), None),), Grade.MINOR, "extension_not_followed"),
    ],
)
def test_a_recording_without_any_leg_has_a_cause(
    extension: str, gaps: tuple[GapFacts, ...], grade: Grade, cause: str
) -> None:
    [one] = found(recording(extension=extension), gaps=gaps)
    assert (one.kind, one.grade, one.cause) == (FindingKind.UNFLAGGED, grade, cause)


LINK_LOST = 7
HEARS_ALL = SourceHearing(1, [HearingRules()])
IGNORES = SourceHearing(2, [HearingRules(ignored=frozenset({"2001"}))])
LISTS_OTHERS = SourceHearing(3, [HearingRules(devices=frozenset({"2002"}))])
NEEDS_A_LIST = SourceHearing(3, [HearingRules(needs_devices=True)])
IS_A_QUEUE = SourceHearing(4, [HearingRules(queues=frozenset({"2001"}))])


@pytest.mark.parametrize(
    ("sources", "cause", "source_id"),
    [
        ((IGNORES,), "extension_ignored", 2),
        ((LISTS_OTHERS,), "extension_not_listed", 3),
        ((NEEDS_A_LIST,), "extension_not_listed", 3),
        ((IS_A_QUEUE, LISTS_OTHERS), "extension_is_queue", 4),
        ((LISTS_OTHERS, IGNORES), "extension_ignored", 2),
        (
            (LISTS_OTHERS, replace(HEARS_ALL, source_id=LINK_LOST)),
            "gap",
            LINK_LOST,
        ),  # One was to hear it, and its link was interrupted.
        ((HEARS_ALL, replace(IGNORES, source_id=LINK_LOST)), "no_event", None),  # The other's was.
        ((), "gap", LINK_LOST),
    ],
)
def test_what_the_settings_leave_out_is_no_gap_and_no_missing_report(
    sources: tuple[SourceHearing, ...], cause: str, source_id: int | None
) -> None:
    [one] = found(recording(), sources=sources, gaps=(GapFacts(at(-10), at(10), source_id=LINK_LOST),))
    assert (one.grade, one.cause, one.source_id) == (Grade.MAJOR, cause, source_id)
    assert cause_words(one.cause) != one.cause.replace("_", " "), "it is worded"


LOST_IT = SourceHearing(5, [HearingRules(until=at(-60)), HearingRules(devices=frozenset({"2002"}))])


@pytest.mark.parametrize(
    ("sources", "source_id"),
    [
        ((LISTS_OTHERS, LOST_IT), 5),
        ((LISTS_OTHERS, replace(LISTS_OTHERS, source_id=4)), None),
        ((LOST_IT, replace(LOST_IT, source_id=6)), None),
    ],
)
def test_of_several_lists_without_the_extension_the_one_that_lost_it_is_named(
    sources: tuple[SourceHearing, ...], source_id: int | None
) -> None:
    """Before: the first of them, which had never had it, with a link to its settings."""
    [one] = found(recording(), sources=sources)
    assert (one.cause, one.source_id) == ("extension_not_listed", source_id)


@pytest.mark.parametrize("others", [(), (9,)])
@pytest.mark.parametrize(("devices", "is_off"), [(None, False), (None, True), ({"2001": None}, False)])
def test_the_source_of_a_gap_is_named_where_it_is_the_only_one(
    others: tuple[int, ...], devices: dict[str, datetime | None] | None, *, is_off: bool
) -> None:
    """Before: none, so that nobody knew which source was off, or whose gaps to look at."""
    gaps = [GapFacts(at(-10), None, devices, one, is_off) for one in (1, *others)]
    [one] = found(recording(), gaps=tuple(gaps))
    assert one.source_id == (None if others else 1)


def test_a_leg_that_was_received_as_the_recording_began_is_shown_with_it_and_never_repaired() -> None:
    """The clock of who posts is 30 s behind. Before: no CTI source reported a call, though one did in that second."""
    late = leg(second=-30, reason_code="heard_late", received_at=at(0.1))
    [one] = found(recording(), legs=(late,))
    assert (one.cause, one.candidates, one.is_repairable) == ("heard_late", (1,), False)


@pytest.mark.parametrize(("second", "received"), [(-3600, 0.1), (-130, 0.1), (-70, 6)])
def test_a_leg_that_was_sent_long_after_it_is_no_candidate(second: float, received: float) -> None:
    late = leg(second=second, reason_code="heard_late", received_at=at(received))
    [one] = found(recording(), legs=(late,))
    assert (one.cause, one.candidates) == ("no_event", ())


@pytest.mark.parametrize(
    ("sources", "more", "cause"),
    [
        ((HEARS_ALL,), (), "source_off"),
        ((HEARS_ALL, LISTS_OTHERS), (), "source_off"),
        ((HEARS_ALL, replace(HEARS_ALL, source_id=9)), (), "no_event"),  # The other was to hear it too.
        ((LISTS_OTHERS, replace(HEARS_ALL, source_id=9)), (), "no_event"),
        ((HEARS_ALL, replace(HEARS_ALL, source_id=9)), (GapFacts(at(-10), None, source_id=9),), "gap"),
        (
            (HEARS_ALL, replace(HEARS_ALL, source_id=9)),
            (GapFacts(at(-10), None, source_id=9, is_off=True),),
            "source_off",
        ),
    ],
)
def test_a_source_that_is_switched_off_explains_what_it_alone_was_to_hear(
    sources: tuple[SourceHearing, ...], more: tuple[GapFacts, ...], cause: str
) -> None:
    """Before: it was the cause of each recording of its service without end, in the words of an interrupted link."""
    off = GapFacts(at(-10), None, source_id=1, is_off=True)
    [one] = found(recording(), sources=sources, gaps=(off, *more))
    assert (one.grade, one.cause) == (Grade.MAJOR, cause)
    assert cause_words("source_off") == "the CTI source was switched off"


@pytest.mark.parametrize(("is_enabled", "cause"), [(True, "gap"), (False, "source_off")])
def test_the_gap_of_a_listener_that_ended_because_its_source_was_switched_off_is_no_lost_link(
    is_enabled: bool, cause: str
) -> None:
    source = SourceHearing(1, [HearingRules(is_enabled=is_enabled)])
    gap = GapFacts(at(-10), None, source_id=1)

    assert [one.cause for one in found(recording(), sources=(source,), gaps=(gap,))] == [cause]


def test_the_settings_count_that_held_when_the_recording_began() -> None:
    """A change made since then, and taken back, is the cause of that time alone; what is not known blames nothing."""
    rules = [
        HearingRules(until=at(10)),
        HearingRules(until=at(20), ignored=frozenset({"2001"})),
        HearingRules(until=at(30), is_known=False),
        HearingRules(),
    ]
    begun = [recording("R1", 5), recording("R2", 15), recording("R3", 25), recording("R4", 40)]
    causes = [one.cause for one in found(*begun, sources=(SourceHearing(1, rules),))]
    assert causes == ["no_event", "extension_ignored", "no_event", "no_event"]


def test_flags_that_qms_refused_beside_a_wrap_up_that_it_took_are_missing() -> None:
    writes = {"R1": WriteFacts({"CTIWrapup": "Sold"}, "UnknownFlag", {"QueueName": "Sales", "AgentId": "A1"})}
    names = frozenset({"AgentId", "QueueName", "CTIWrapup"})
    [one] = found(recording(CTIWrapup="Sold"), legs=(leg(guid="R1"),), writes=writes, flag_names=names)

    assert (one.kind, one.grade, one.cause) == (FindingKind.PARTLY, Grade.MAJOR, "UnknownFlag")
    assert (one.names, one.is_repairable) == (("AgentId", "QueueName"), False)
    assert one.kind.is_of_a_recording
    ended = {"R1": replace(writes["R1"], can_retry=True)}
    [one] = found(recording(CTIWrapup="Sold"), legs=(leg(guid="R1"),), writes=ended, flag_names=names)
    assert one.is_repairable


def test_a_leg_whose_recording_is_not_listed_and_one_without_any_are_findings() -> None:
    missing, without = found(legs=(leg(guid="R1"), leg(2, 600)))
    assert (missing.kind, missing.guid) == (FindingKind.NOT_LISTED, "R1")
    assert (without.kind, without.grade, without.cause) == (FindingKind.NOT_RECORDED, Grade.MINOR, "unreachable")


def test_a_leg_that_is_a_candidate_is_not_listed_a_second_time() -> None:
    assert [one.kind for one in found(recording(), legs=(leg(),))] == [FindingKind.UNFLAGGED]


def test_what_lies_at_the_edge_of_a_span_is_found_in_one_of_the_two() -> None:
    before, after = recording(second=-0.5), recording("R2", 3600)
    assert found(before, after, legs=(leg(),)) == []  # The leg is the candidate of the recording of the span before.
