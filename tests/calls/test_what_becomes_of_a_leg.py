"""What becomes of a leg at a moment: its flags are written, it waits, or it ends with a reason.

2001 was connected at 5 and left at 10; its flags may be written from 11 on, and QMS had named its recording G.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.commands import WriteFlags
from calls.core.outcome_rules import concluded
from calls.core.outcomes import Outcome
from calls.core.source_state import SourceState
from calls.core.state import LegData, LegPhase, LegState, PendingTransfer, SearchStatus, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from tests.calls.leg_states import leg as leg_of_2001
from tests.calls.leg_states import over
from tests.calls.switchboard import moment, with_site

pytestmark = pytest.mark.core

LEG = over(leg_of_2001(5), 10, base_due=11, match_reason="matched", search=SearchStatus.FOUND, searches=0, guid="G")
PENDING = PendingTransfer(
    at=moment(9),
    gateway_at=moment(9),
    call_id="C0",
    incarnation=0,
    facts=LegData(),
    search=2,
    new_segment=False,
)
OPEN = {"phase": LegPhase.OPEN, "disconnected_source_at": None, "disconnected_gateway_at": None, "base_due": None}
SOUGHT: dict[str, Any] = {"guid": "", "search": SearchStatus.OPEN}
MISSED: dict[str, Any] = {"guid": "", "search": SearchStatus.MISSED}
WRITTEN: dict[str, Any] = {"base": WriteStatus.WRITTEN}
WAITING = Outcome.WAITING
STALE = 5 + 12 * 3600.0
WRAPUP = {"wrapup_wait_seconds": 5.0}


def taken_as_far(leg: LegState, at: float, **site: Any) -> tuple[LegState, list[str]]:
    """Return the leg at a moment, and the parts of its flags that are sent to QMS then."""
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), with_site(**site))
    leg = concluded(work, leg, moment(at))
    return leg, [one.part for one in work.commands if isinstance(one, WriteFlags)]


@pytest.mark.parametrize(
    ("leg", "at", "site", "sent", "outcome", "phase", "due"),
    [
        # Flags wait until late events had their time, and for whatever may still take the recording away.
        ({}, 10.999, {}, [], WAITING, LegPhase.CLOSED, 11),
        ({}, 11, {}, ["base"], WAITING, LegPhase.DELIVERING, None),
        ({"base_due": None}, 12, {}, [], WAITING, LegPhase.CLOSED, None),
        ({"pending_transfer": PENDING}, 12, {}, [], WAITING, LegPhase.CLOSED, None),
        ({"contested_by": 2}, 10.5, {}, [], WAITING, LegPhase.CLOSED, 26),
        ({"contested_by": 2}, 12, {}, [], WAITING, LegPhase.CLOSED, 27),
        (SOUGHT, 10.5, {}, [], WAITING, LegPhase.CLOSED, 11),
        (SOUGHT, 12, {}, [], WAITING, LegPhase.CLOSED, None),
        ({"search": SearchStatus.OPEN}, 12, {}, [], WAITING, LegPhase.CLOSED, None),
        # While the extension is connected nothing is written.
        (OPEN, 12, {}, [], WAITING, LegPhase.OPEN, STALE),
        ({**OPEN, "base_due": moment(11)}, 12, {}, [], WAITING, LegPhase.OPEN, STALE),
        ({**OPEN, **SOUGHT}, 12, {}, [], WAITING, LegPhase.OPEN, STALE),
        ({**OPEN, **MISSED}, 12, {"stale_hours": 1.0}, [], Outcome.NOT_RECORDED, LegPhase.OPEN, 3605),
        # What is missed ends the leg, when late events had their time.
        (MISSED, 10.999, {}, [], Outcome.NOT_RECORDED, LegPhase.CLOSED, 11),
        (MISSED, 11, {}, [], Outcome.NOT_RECORDED, LegPhase.SETTLED, None),
        ({**MISSED, "pending_transfer": PENDING}, 12, {}, [], Outcome.NOT_RECORDED, LegPhase.CLOSED, None),
        # Flags are written once.
        (WRITTEN, 12, {}, [], Outcome.FLAGGED, LegPhase.SETTLED, None),
        ({"base": WriteStatus.QUEUED}, 12, {}, [], WAITING, LegPhase.DELIVERING, None),
        ({"base": WriteStatus.REFUSED}, 12, {}, [], Outcome.REFUSED, LegPhase.SETTLED, None),
        # The wrap-up is awaited from the end on, where it is wanted.
        ({}, 11, WRAPUP, ["base"], WAITING, LegPhase.CLOSED, 15),
        ({"disconnected_gateway_at": moment(8)}, 11, WRAPUP, ["base"], WAITING, LegPhase.CLOSED, 13),
        ({**WRITTEN, "wrapup_due": moment(15)}, 14.999, WRAPUP, [], WAITING, LegPhase.CLOSED, 15),
        ({**WRITTEN, "wrapup_due": moment(15)}, 15, WRAPUP, [], Outcome.FLAGGED, LegPhase.SETTLED, None),
        ({"base": WriteStatus.QUEUED, "wrapup_due": moment(15)}, 15, WRAPUP, [], WAITING, LegPhase.DELIVERING, None),
    ],
)
def test_a_leg_is_taken_as_far_as_it_goes_at_a_moment(
    leg: dict[str, Any],
    at: float,
    site: dict[str, Any],
    sent: list[str],
    outcome: Outcome,
    phase: LegPhase,
    due: float | None,
) -> None:
    after, parts = taken_as_far(replace(LEG, **leg), at, **site)

    assert (parts, after.outcome, after.phase) == (sent, outcome, phase)
    assert after.due == (None if due is None else moment(due))


@pytest.mark.parametrize(
    ("leg", "sent"),
    [
        (WRITTEN, ["wrapup"]),
        ({"base": WriteStatus.QUEUED}, ["wrapup"]),
        ({}, ["base", "wrapup"]),
        (SOUGHT, []),
        ({**WRITTEN, "wrapup_due": None}, []),
        ({**WRITTEN, "wrapup": WriteStatus.WRITTEN}, []),
    ],
)
def test_a_wrap_up_that_came_follows_the_other_flags(leg: dict[str, Any], sent: list[str]) -> None:
    waiting = replace(LEG, **{"wrapup_due": moment(15), "wrapup_result": "sold", **leg})

    after, parts = taken_as_far(waiting, 12, **WRAPUP)

    assert parts == sent
    if "wrapup" in sent:
        assert (after.wrapup, after.outcome, after.phase) == (WriteStatus.QUEUED, WAITING, LegPhase.DELIVERING)
        assert after.trace[-1].text == "The wrap-up came."


def test_flags_whose_wrap_up_did_not_come_say_so() -> None:
    after, _ = taken_as_far(replace(LEG, **WRITTEN, wrapup_due=moment(15)), 15)

    assert (after.trace[-1].what, after.trace[-1].at) == ("wrapup", moment(15))
    assert "omitted" in after.trace[-1].text


@pytest.mark.parametrize(
    ("leg", "site", "outcome", "code", "reason"),
    [
        ({"match": MatchKind.UNMATCHED}, {}, Outcome.USER_UNMATCHED, "", "matched"),
        ({"match": MatchKind.CONFLICT}, {}, Outcome.EXTENSION_CONFLICT, "", "matched"),
        ({"match": MatchKind.INACTIVE}, {}, Outcome.USER_INACTIVE, "", "matched"),
        ({"match": MatchKind.UNLICENSED}, {}, Outcome.USER_UNLICENSED, "", "matched"),
        ({"match": MatchKind.UNMATCHED, "is_joined_late": True}, {}, Outcome.USER_UNMATCHED, "", "matched"),
        ({**MISSED, "is_joined_late": True}, {}, Outcome.JOINED_LATE, "", "in progress"),
        (MISSED, {"agents_calls_only": True}, Outcome.AGENT_UNKNOWN, "", "Nobody was logged on"),
        ({**MISSED, "agent_id": "9101"}, {"agents_calls_only": True}, Outcome.NOT_RECORDED, "none", "no recording"),
        ({**MISSED, "is_canary": True}, {"agents_calls_only": True}, Outcome.NOT_RECORDED, "none", "no recording"),
        (MISSED, {}, Outcome.NOT_RECORDED, "none", "no recording"),
        ({**MISSED, "missed": "several"}, {}, Outcome.NOT_RECORDED, "several", "more than one"),
        ({**MISSED, "missed": "unheard of"}, {}, Outcome.NOT_RECORDED, "unheard of", "no recording"),
        *(
            ({**MISSED, "missed": one}, {}, Outcome.WINDOW_MISSED, one, text)
            for one, text in {
                "late": "after the window",
                "heard_late": "reported so late",
                "unreachable": "did not answer",
                "next_call": "next call",
                "began_late": "over 1.5 s",
                "transfer": "was transferred",
                "undecided": "did not say",
                "end_unreported": "before its end was reported",
            }.items()
        ),
        ({"base": WriteStatus.REFUSED, "base_code": "Locked"}, {}, Outcome.REFUSED, "Locked", "why"),
        ({"base": WriteStatus.REFUSED}, {}, Outcome.REFUSED, "refused", "why"),
        ({"base": WriteStatus.CONFLICT}, {}, Outcome.REFUSED, "conflict", "why"),
        ({"base": WriteStatus.GONE}, {}, Outcome.RECORDING_GONE, "gone", "why"),
        ({"base": WriteStatus.GIVEN_UP}, {}, Outcome.GIVEN_UP, "given_up", "why"),
        ({"base": WriteStatus.GIVEN_UP, "base_code": "Unclear"}, {}, Outcome.WRITE_UNKNOWN, "Unclear", "why"),
        ({"base": WriteStatus.REFUSED, "base_code": "Unclear"}, {}, Outcome.REFUSED, "Unclear", "why"),
        ({"base": WriteStatus.SHADOW}, {}, Outcome.SHADOW, "", "why"),
        ({**WRITTEN, "wrapup": WriteStatus.WRITTEN}, {}, Outcome.FLAGGED, "", ""),
        ({**WRITTEN, "wrapup": WriteStatus.SHADOW}, {}, Outcome.SHADOW, "", "all but the wrap-up: late"),
        ({**WRITTEN, "wrapup": WriteStatus.REFUSED}, {}, Outcome.PARTLY_FLAGGED, "refused", "late"),
        ({**WRITTEN, "wrapup": WriteStatus.GIVEN_UP}, {}, Outcome.PARTLY_FLAGGED, "given_up", "late"),
    ],
)
def test_a_leg_that_is_over_ends_with_its_reason(
    leg: dict[str, Any], site: dict[str, Any], outcome: Outcome, code: str, reason: str
) -> None:
    after, _ = taken_as_far(replace(LEG, base_error="why", wrapup_error="late", **leg), 12, **site)

    assert (after.outcome, after.reason_code, after.phase) == (outcome, code, LegPhase.SETTLED)
    assert reason.rpartition(": ")[2] in after.reason


@pytest.mark.parametrize(
    ("leg", "reason"),
    [
        ({**OPEN, **SOUGHT}, "Waiting for QMS to name the recording."),
        (OPEN, "Waiting for the extension to disconnect."),
        (SOUGHT, "Waiting for QMS to name the recording."),
        ({"contested_by": 2}, "Waiting for QMS to name the recording."),
        ({}, "Waiting for the flags to be delivered to QMS."),
        ({**WRITTEN, "wrapup_due": moment(15)}, "The flags are written; waiting for the wrap-up."),
        (
            {"base": WriteStatus.SHADOW, "wrapup_due": moment(15)},
            "The flags are withheld (shadow mode); waiting for the wrap-up.",
        ),
        (
            {**WRITTEN, "wrapup": WriteStatus.QUEUED},
            "The flags are written; the wrap-up is on its way to QMS.",
        ),
    ],
)
def test_a_leg_says_what_it_waits_for(leg: dict[str, Any], reason: str) -> None:
    after, _ = taken_as_far(replace(LEG, **leg), 12)

    assert (after.outcome, after.reason, after.reason_code) == (WAITING, reason, "")
