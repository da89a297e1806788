"""What becomes of a leg: write its flags, wait, or end with a reason.

``concluded`` is called after each change of a leg; it is idempotent. It decides by the leg alone, but for how long one
without recording counts beside others of its extension.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.clocks import began_near_end
from calls.core.commands import WriteFlags
from calls.core.outcomes import Outcome
from calls.core.result_events import WHY
from calls.core.state import LegPhase, LegState, SearchStatus, TraceStep, WriteStatus
from calls.core.unit_of_work import UnitOfWork

#: Interval at which a leg checks whether the search that decides whose its recording is has ended unreported.
CONTEST = timedelta(seconds=15)
#: Maximum time after the window of a search until its end is heard of: a question may wait for its timeout.
UNSETTLED = timedelta(seconds=5)
_UNMATCHED = {
    MatchKind.UNMATCHED: Outcome.USER_UNMATCHED,
    MatchKind.CONFLICT: Outcome.EXTENSION_CONFLICT,
    MatchKind.INACTIVE: Outcome.USER_INACTIVE,
    MatchKind.UNLICENSED: Outcome.USER_UNLICENSED,
}

_REFUSED = {
    WriteStatus.REFUSED: Outcome.REFUSED,
    WriteStatus.CONFLICT: Outcome.REFUSED,
    WriteStatus.GONE: Outcome.RECORDING_GONE,
    WriteStatus.GIVEN_UP: Outcome.GIVEN_UP,
}

#: The outcomes of which a failed write is the reason.
_OF_WRITE = (*_REFUSED.values(), Outcome.WRITE_UNKNOWN)

#: Why a recording that QMS may have is not taken.
_UNCERTAIN = (
    *("late", "heard_late", "unreachable", "next_call", "repeat", "began_late"),
    *("transfer", "undecided", "end_unreported"),
)
#: What is reported of a leg that has only the flags that hold before and after a transfer.
WITHHELD = (
    "QMS did not say in time whether the recording went on after the transfer or conference: only what was the same "
    "before and after it is written."
)
_JOINED_LATE = "The call was already in progress when it was first seen; QMS no longer names its recording."
_NOBODY = "Nobody was logged on at the extension, and only agents' calls are flagged here."


def concluded(work: UnitOfWork, leg: LegState, at: datetime) -> LegState:
    """Take the leg as far as it goes at this moment."""
    leg = _write_base(work, leg, at)
    leg = _write_wrapup(work, leg, at)
    outcome, reason = _outcome(work, leg, at)
    code = _reason_code(leg, outcome)
    counts_until = _counts_until(work, leg)
    phase = _phase(leg, outcome, at, counts_until)
    due = _due(work, leg, phase, at, counts_until)
    return replace(leg, outcome=outcome, reason=reason, reason_code=code, phase=phase, due=due)


def traced(leg: LegState, at: datetime, what: str, text: str) -> LegState:
    """Add a step to a leg's decision trace."""
    return replace(leg, trace=(*leg.trace, TraceStep(at, what, text)))


def without_recording(leg: LegState, at: datetime, text: str, missed: str = "next_call") -> LegState:
    """Take a leg's recording from it."""
    # Also after a transfer: what it was to decide cannot be known any more, and a leg must not wait for it without end.
    leg = replace(
        leg,
        search=SearchStatus.MISSED,
        missed=missed,
        pending_transfer=None,
        guid="",
        service=None,
        contested_by=None,
    )
    return traced(leg, at, "missed", text)


def _is_searching(leg: LegState) -> bool:
    return leg.search is SearchStatus.OPEN or leg.pending_transfer is not None or leg.contested_by is not None


def _write_base(work: UnitOfWork, leg: LegState, at: datetime) -> LegState:
    is_due = leg.base_due is not None and at >= leg.base_due
    if leg.phase is not LegPhase.CLOSED or not leg.guid or not is_due or _is_searching(leg):
        return leg
    if leg.base is not WriteStatus.NONE:
        return leg
    if began_near_end(work, leg):
        text = f"Recording {leg.guid} began late in a leg that ended just after: it may be another call's."
        return without_recording(leg, at, text, "began_late")
    work.do(WriteFlags(leg.number, "base", at))
    wait = work.site.wrapup_wait_seconds
    ended = leg.disconnected_gateway_at or at
    due = ended + timedelta(seconds=wait) if wait is not None and not leg.withheld else None
    return traced(replace(leg, base=WriteStatus.QUEUED, wrapup_due=due), at, "write", "The flags go to QMS.")


def _write_wrapup(work: UnitOfWork, leg: LegState, at: datetime) -> LegState:
    if leg.wrapup is not WriteStatus.NONE or leg.wrapup_due is None or leg.base is WriteStatus.NONE:
        return leg
    if leg.wrapup_result:
        work.do(WriteFlags(leg.number, "wrapup", at))
        return traced(replace(leg, wrapup=WriteStatus.QUEUED, wrapup_due=None), at, "wrapup", "The wrap-up came.")
    if at >= leg.wrapup_due:
        return traced(replace(leg, wrapup_due=None), at, "wrapup", "No wrap-up came in time; the flag is omitted.")
    return leg


def _outcome(work: UnitOfWork, leg: LegState, at: datetime) -> tuple[Outcome, str]:
    if leg.match is not MatchKind.MATCHED:
        return _UNMATCHED[leg.match], leg.match_reason
    if leg.is_joined_late:
        return Outcome.JOINED_LATE, _JOINED_LATE
    if work.site.agents_calls_only and not leg.agent_id and not leg.is_canary:
        return Outcome.AGENT_UNKNOWN, _NOBODY
    if leg.base is WriteStatus.GIVEN_UP and leg.base_code == "Unclear":
        return Outcome.WRITE_UNKNOWN, leg.base_error
    if leg.base in _REFUSED:
        return _REFUSED[leg.base], leg.base_error
    if leg.guid or leg.search is SearchStatus.OPEN:
        return _with_recording(leg, at)
    return _missed(leg)


def _with_recording(leg: LegState, at: datetime) -> tuple[Outcome, str]:
    if leg.phase is LegPhase.OPEN:
        waits = "QMS to name the recording" if not leg.guid else "the extension to disconnect"
        return Outcome.WAITING, f"Waiting for {waits}."
    if _is_searching(leg):
        return Outcome.WAITING, "Waiting for QMS to name the recording."
    if leg.base not in (WriteStatus.WRITTEN, WriteStatus.SHADOW):
        return Outcome.WAITING, "Waiting for the flags to be delivered to QMS."
    if leg.wrapup_due is not None and at < leg.wrapup_due:
        return Outcome.WAITING, f"The flags are {_done(leg)}; waiting for the wrap-up."
    if leg.wrapup is WriteStatus.QUEUED:
        return Outcome.WAITING, f"The flags are {_done(leg)}; the wrap-up is on its way to QMS."
    if leg.base is WriteStatus.SHADOW:
        return Outcome.SHADOW, leg.base_error
    if leg.wrapup is WriteStatus.SHADOW:
        # Nothing failed: it counts in no share, and another gateway writes the wrap-up.
        return Outcome.SHADOW, f"All flags but the wrap-up were written before: {leg.wrapup_error}"
    if leg.wrapup in _REFUSED:
        return Outcome.PARTLY_FLAGGED, f"All flags but the wrap-up are written: {leg.wrapup_error}"
    return Outcome.FLAGGED, WITHHELD if leg.withheld else ""


def _done(leg: LegState) -> str:
    return "withheld (shadow mode)" if leg.base is WriteStatus.SHADOW else "written"


def _missed(leg: LegState) -> tuple[Outcome, str]:
    if leg.missed in _UNCERTAIN:
        return Outcome.WINDOW_MISSED, WHY[leg.missed]
    return Outcome.NOT_RECORDED, WHY.get(leg.missed, WHY["none"])


def _reason_code(leg: LegState, outcome: Outcome) -> str:
    """Return the reason in one word, for counting; empty where the outcome says it all."""
    if outcome in (Outcome.NOT_RECORDED, Outcome.WINDOW_MISSED):
        return leg.missed or "none"
    if outcome in _OF_WRITE:
        return leg.base_code or leg.base.value
    return leg.wrapup.value if outcome is Outcome.PARTLY_FLAGGED else ""


def _counts_until(work: UnitOfWork, leg: LegState) -> datetime | None:
    """Return until when a leg without recording counts among those whose a recording may be; None: no other is sought.

    While a recording is sought for other legs of its extension, connected until late events of it had their time.
    Example: 2001 consults from 10.1 until a conference at 11.0, and QMS is asked at 11.9: what it names may be that of
    the customer's call, and is not taken. Nor may it be for that call, for which QMS is asked at 12.4.
    """
    if leg.guid or leg.base_due is None or leg.search is SearchStatus.OPEN:
        return None
    others = [one for one in work.legs_at(leg.device_id) if one.number != leg.number]
    sought = [one for one in others if one.search is SearchStatus.OPEN and one.connected_gateway_at <= leg.base_due]
    return max((searched_until(work, one) for one in sought), default=None)


def searched_until(work: UnitOfWork, leg: LegState) -> datetime:
    """Return when a leg's search is over at the latest, as is heard of by then, unless its worker stands still."""
    since = leg.pending_transfer.gateway_at if leg.pending_transfer is not None else leg.connected_gateway_at
    return since + timedelta(seconds=work.site.guid_window_seconds) + UNSETTLED


def _phase(leg: LegState, outcome: Outcome, at: datetime, counts_until: datetime | None) -> LegPhase:
    if leg.phase is LegPhase.OPEN:
        return LegPhase.OPEN
    is_fresh = leg.base_due is not None and at < leg.base_due
    if is_fresh or leg.pending_transfer is not None:
        return LegPhase.CLOSED
    if outcome is not Outcome.WAITING:
        return LegPhase.CLOSED if counts_until is not None and at < counts_until else LegPhase.SETTLED
    return LegPhase.CLOSED if leg.base is WriteStatus.NONE or leg.wrapup_due is not None else LegPhase.DELIVERING


def _due(
    work: UnitOfWork, leg: LegState, phase: LegPhase, at: datetime, counts_until: datetime | None
) -> datetime | None:
    if phase is LegPhase.OPEN:
        return leg.connected_gateway_at + timedelta(hours=work.site.stale_hours)
    if phase is LegPhase.SETTLED:
        return None
    if leg.contested_by is not None:
        return max(leg.base_due or at, at) + CONTEST
    return leg.base_due if leg.base_due is not None and at < leg.base_due else leg.wrapup_due or counts_until
