"""Which leg a recording without Flags may be of, and which legs have no recording."""

import pytest

from gateway_site.reconciliation.candidates import ComparedLeg
from gateway_site.reconciliation.compare import FindingKind, Grade, WriteFacts
from qms.port import FlaggedRecording, Recording
from tests.gateway_site.reconciliation.comparing import at, found, leg, recording


def recorded(begin: float, end: float | None) -> FlaggedRecording:
    return FlaggedRecording(Recording("R1", "2001", at(begin), None if end is None else at(end)), ())


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


def test_a_clock_that_is_some_seconds_off_leaves_a_repair() -> None:
    [one] = found(recorded(4.5, 64.5), legs=(leg(),))
    assert one.is_repairable


def test_a_leg_that_has_its_recording_at_another_service_is_the_cause_and_no_finding_here() -> None:
    """Before: no CTI source reported a call, though one did in that second."""
    there = leg(guid="R9", is_filed_elsewhere=True)
    [one] = found(recording(second=1), legs=(there,), holders={})
    assert (one.cause, one.candidates, one.is_repairable) == ("second_recording_of_leg", (1,), False)
    assert found(legs=(there,), holders={}) == []


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
        ((recording(second=2),), (leg(disconnected_at=at(68)),)),  # The leg went on after the recording.
        ((recording(second=6),), (leg(second=10, disconnected_at=at(58)),)),  # The recording went on after the leg.
        ((recorded(6.4, 8.4),), (leg(second=10, disconnected_at=at(14)),)),  # It was over before the leg was connected.
        ((recorded(3, 5),), (leg(disconnected_at=at(2)),)),  # It began when the leg was over.
        ((recorded(8, 11),), (leg(second=10, disconnected_at=at(14)),)),  # Two short calls that overlap.
        ((recorded(0, None),), (leg(),)),  # Nobody knows when it ended.
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


def test_a_leg_whose_recording_is_not_listed_and_one_without_any_are_findings() -> None:
    missing, without = found(legs=(leg(guid="R1"), leg(2, 600)))
    assert (missing.kind, missing.guid) == (FindingKind.NOT_LISTED, "R1")
    assert (without.kind, without.grade, without.cause) == (FindingKind.NOT_RECORDED, Grade.MINOR, "unreachable")


def test_a_leg_that_is_a_candidate_is_not_listed_a_second_time() -> None:
    assert [one.kind for one in found(recording(), legs=(leg(),))] == [FindingKind.UNFLAGGED]


def test_what_lies_at_the_edge_of_a_span_is_found_in_one_of_the_two() -> None:
    before, after = recording(second=-0.5), recording("R2", 3600)
    assert found(before, after, legs=(leg(),)) == []  # The leg is the candidate of the recording of the span before.
