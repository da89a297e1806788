"""What QMS holds, compared with what the gateway wrote."""

from typing import Any

import pytest
from msgspec.structs import replace

from gateway_site.reconciliation.compare import FindingKind, Grade, WriteFacts
from tests.gateway_site.reconciliation.comparing import at, found, leg, recording, taken


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


def test_a_write_that_failed_is_the_cause_of_missing_flags() -> None:
    writes = {"R1": WriteFacts({}, "UnknownFlag")}
    [one] = found(recording(), legs=(leg(guid="R1", outcome="refused"),), writes=writes)
    assert (one.kind, one.grade, one.cause) == (FindingKind.UNFLAGGED, Grade.MAJOR, "UnknownFlag")


def test_flags_of_our_names_without_a_leg_are_somebody_elses() -> None:
    [one] = found(recording(AgentId="A1", Else="x"))
    assert (one.kind, one.cause, one.names) == (FindingKind.FOREIGN, "written_by_another", ("AgentId",))


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
