"""Why was a recording not flagged? A leg's answer in one paragraph: the cause, the decisive steps, what to do. Pure."""

from datetime import datetime, tzinfo
from enum import StrEnum

import msgspec

from agents.core.matching import MatchKind, MatchVerdict
from calls.core.flag_origins import flag_origins
from calls.core.outcomes import Outcome
from calls.core.state import LegPhase, LegState, SearchStatus, WriteStatus
from calls.explain.texts.causes import GIVEN_UP, MISSED, REFUSED, Cause, named_sources

#: Maximum of steps shown; the last ones count.
MAXIMUM_STEPS = 6


class Mood(StrEnum):
    """Whether something is wrong with a leg."""

    WELL = "well"
    WAITING = "waiting"
    BROKEN = "broken"


class GapCase(msgspec.Struct, frozen=True):
    """A time in which a source may have missed events; ``extension``: of this one alone, while its link stood.

    ``is_off``: because the source was switched off.
    """

    source: str
    began_at: datetime
    ended_at: datetime | None
    reason: str
    extension: str = ""
    is_off: bool = False


class WriteCase(msgspec.Struct, frozen=True, kw_only=True):
    """A flag write on its way."""

    part: str
    attempts: int
    error: str = ""
    not_before: datetime | None = None


class LegCase(msgspec.Struct, frozen=True, kw_only=True):
    """A leg with all that its answer needs. ``verdict_now``: how its extension would be matched at this moment."""

    key: int
    leg: LegState
    source: str
    service: str = ""
    deadline: datetime | None = None
    gap: GapCase | None = None
    verdict_now: MatchVerdict | None = None
    writes: tuple[WriteCase, ...] = ()


class Evidence(msgspec.Struct, frozen=True):
    """A decisive step with its time of day."""

    clock: str
    text: str


class LegLink(msgspec.Struct, frozen=True):
    """A leg to look at."""

    key: int
    text: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a recording was not flagged: the cause, what shows it, what to do, and where to look."""

    mood: Mood
    heading: str
    said: str
    evidence: tuple[Evidence, ...] = ()
    todo: str
    links: tuple[LegLink, ...] = ()
    #: The leg that is answered for; None: no leg is known.
    key: int | None = None
    #: Where each flag's value is from: its label and a sentence.
    origins: tuple[tuple[str, str], ...] = ()

    @property
    def paragraph(self) -> str:
        """Return it all in one paragraph."""
        steps = " ".join(f"{one.clock} {one.text}" for one in self.evidence)
        return " ".join(part for part in (self.said, steps, f"What to do: {self.todo}") if part)


#: The steps of the decision trace that decided, by outcome.
DECISIVE = {
    Outcome.FLAGGED: ("found", "assigned", "disconnected", "write", "written"),
    Outcome.PARTLY_FLAGGED: ("written", "wrapup", "refused", "gone", "conflict", "given_up"),
    Outcome.WAITING: ("search", "found", "transfer", "disconnected", "write", "written", "wrapup"),
    Outcome.JOINED_LATE: ("connected",),
    Outcome.AGENT_UNKNOWN: ("connected", "agent"),
    Outcome.USER_UNMATCHED: ("match",),
    Outcome.EXTENSION_CONFLICT: ("match",),
    Outcome.USER_INACTIVE: ("match",),
    Outcome.USER_UNLICENSED: ("match",),
    Outcome.NOT_RECORDED: ("search", "missed", "transfer"),
    Outcome.WINDOW_MISSED: ("search", "missed", "transfer"),
    Outcome.RECORDING_GONE: ("found", "write", "gone"),
    Outcome.REFUSED: ("found", "write", "refused", "conflict"),
    Outcome.WRITE_UNKNOWN: ("found", "write", "given_up"),
    Outcome.GIVEN_UP: ("found", "write", "given_up"),
    Outcome.SHADOW: ("found", "write", "shadow"),
}

#: What to do about a user that does not fit; later calls are flagged then.
USERS = {
    Outcome.USER_UNMATCHED: "Create the user in QMS with exactly this extension, or correct its extension there.",
    Outcome.EXTENSION_CONFLICT: "Leave one active user in QMS with this extension.",
    Outcome.USER_INACTIVE: "Activate the user in QMS.",
    Outcome.USER_UNLICENSED: "Give the user a recording licence in QMS.",
}


def date_and_time(at: datetime, zone: tzinfo) -> str:
    """Return a moment as people read it, with its date."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def clock(at: datetime, zone: tzinfo) -> str:
    """Return a time of day."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def explain(case: LegCase, zone: tzinfo) -> Explanation:
    """Answer for one leg, in the words of its outcome and reason; times are in ``zone``."""
    cause = _cause(case, zone)
    outcome = case.leg.outcome
    moods = {Outcome.FLAGGED: Mood.WELL, Outcome.SHADOW: Mood.WELL, Outcome.WAITING: Mood.WAITING}
    mood = moods.get(outcome, Mood.BROKEN)
    return Explanation(
        mood=mood,
        key=case.key,
        heading=cause.heading,
        said=f"{_subject(case.leg, zone)} {cause.said}",
        todo=cause.todo,
        evidence=_evidence(case.leg, zone),
        origins=_origins(case.leg, zone),
        links=(LegLink(case.key, f"The leg of extension {case.leg.device_id} in call {case.leg.call_id}"),),
    )


def _subject(leg: LegState, zone: tzinfo) -> str:
    at = date_and_time(leg.connected_source_at, zone)
    begun = f"Extension {leg.device_id} was connected in call {leg.call_id} on {at}"
    if leg.is_end_unknown:
        return f"{begun}; when it ended is not known."
    if leg.disconnected_source_at is None:
        return f"{begun} and still is."
    return f"{begun} and disconnected at {clock(leg.disconnected_source_at, zone)}."


def _evidence(leg: LegState, zone: tzinfo) -> tuple[Evidence, ...]:
    decisive = [step for step in leg.trace if step.what in DECISIVE[leg.outcome]]
    return tuple(Evidence(clock(step.at, zone), step.text) for step in decisive[-MAXIMUM_STEPS:])


def _origins(leg: LegState, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    """Say where the values are from of a leg whose flags were written or are to be."""
    found = flag_origins(leg) if leg.outcome in WRITING else []
    return tuple((one.label, one.sentence(clock(one.origin.at, zone) if one.origin else "")) for one in found)


def _cause(case: LegCase, zone: tzinfo) -> Cause:
    outcome = case.leg.outcome
    if outcome in USERS:
        return _user(case)
    if outcome in (Outcome.NOT_RECORDED, Outcome.WINDOW_MISSED):
        return _missed(case)
    if outcome is Outcome.WAITING:
        return _waiting(case, zone)
    if outcome is Outcome.JOINED_LATE:
        return _joined_late(case, zone)
    return _written(case) if outcome in WRITING else _agent_unknown()


def _user(case: LegCase) -> Cause:
    leg, now = case.leg, case.verdict_now
    headings = {
        Outcome.USER_UNMATCHED: "Not flagged: no QMS user has this extension",
        Outcome.EXTENSION_CONFLICT: "Not flagged: two QMS users have this extension",
        Outcome.USER_INACTIVE: "Not flagged: the QMS user is not active",
        Outcome.USER_UNLICENSED: "Not flagged: the QMS user has no recording licence",
    }
    said = f"When it was connected, its recording could be matched with no QMS user: {leg.reason}"
    if now is not None and now.kind is MatchKind.MATCHED:
        said = f"{said} By now it is matched: {now.reason}"
        todo = "Nothing more: later calls are flagged. This call's recording can no longer be asked for."
        return Cause(headings[leg.outcome], said, todo)
    still = "" if now is None else " It is still so." if now.reason == leg.reason else f" Now: {now.reason}"
    todo = f"{USERS[leg.outcome]} Then press Refresh QMS users; later calls are flagged, this one cannot be any more."
    return Cause(headings[leg.outcome], said + still, todo)


def _missed(case: LegCase) -> Cause:
    leg = case.leg
    if leg.missed in MISSED:
        return MISSED[leg.missed].on(case.service, source=named_sources({case.source: 1}))
    return Cause("Not flagged: the recording was not found", leg.reason, MISSED["none"].todo).on(case.service)


def _joined_late(case: LegCase, zone: tzinfo) -> Cause:
    said = (
        "The call was already in progress when the gateway first saw it. QMS gives a recording's GUID only within "
        "seconds of the start, so it was not asked for."
    )
    heading = "Not flagged: the call was in progress when it was first seen"
    if case.gap is None:
        why = "No gap in the ledger explains it: the start was not reported, or the extension was "
        todo = (
            f"Nothing for this call. If it happens again, see whether the CTI source {case.source} monitors the "
            "extension all the time."
        )
        return Cause(heading, f"{said} {why}monitored only from then on.", todo)
    keep = f"leave {case.source} switched on" if case.gap.is_off else f"keep the link of {case.source} up: see its gaps"
    todo = f"Nothing for this call. So that it does not happen again, {keep}."
    return Cause(heading, f"{said} It began in a gap: {gap_text(case.gap, zone)}", todo)


def gap_text(gap: GapCase, zone: tzinfo) -> str:
    """Describe a gap in one sentence."""
    since = f"from {date_and_time(gap.began_at, zone)}"
    until = f"to {date_and_time(gap.ended_at, zone)}" if gap.ended_at else "until now"
    if gap.is_off:
        return f"{gap.source} was switched off {since} {until}."
    reason = f" ({gap.reason.rstrip('.')})" if gap.reason else ""
    what = (
        f"events of {gap.extension} were missed by {gap.source}"
        if gap.extension
        else f"the link of {gap.source} was lost"
    )
    return f"{what} {since} {until}{reason}."


def _agent_unknown() -> Cause:
    return Cause(
        "Not flagged: nobody was logged on at the extension",
        "Nobody was logged on there, and this gateway flags only agents' calls (AGENTS_CALLS_ONLY).",
        "Nothing, if that is wanted. Else let the agent log on before the call, or switch AGENTS_CALLS_ONLY off.",
    )


def _waiting(case: LegCase, zone: tzinfo) -> Cause:
    leg = case.leg
    is_asking = leg.search is SearchStatus.OPEN or leg.pending_transfer is not None
    if is_asking:
        until = f" until {clock(case.deadline, zone)}" if case.deadline else ""
        return Cause(
            "Not yet: the recording is being sought",
            f"QMS is being asked for its recording{until}.",
            "Look again in a few seconds.",
        )
    if leg.phase is LegPhase.OPEN:
        return Cause(
            "Not yet: the call goes on",
            f"Its recording {leg.guid} is known; the flags are written when the extension disconnects.",
            "Look again when the call is over. If it is over already, the PBX has not said so: see the link of "
            f"{case.source}.",
        )
    return _under_way(case, zone)


def _under_way(case: LegCase, zone: tzinfo) -> Cause:
    leg = case.leg
    if leg.base is WriteStatus.NONE:
        said = "The flags are sent in a moment: late events of other monitors are awaited."
        return Cause("Not yet: the call has just ended", said, "Look again in a few seconds.")
    if leg.base is WriteStatus.QUEUED:
        return _delivery(case, "base", "The flags", zone)
    if leg.wrapup is WriteStatus.QUEUED:
        return _delivery(case, "wrapup", "The flags are written; the wrap-up", zone)
    until = f" until {clock(leg.wrapup_due, zone)}" if leg.wrapup_due else ""
    return Cause(
        "Flagged; the wrap-up is awaited",
        f"The flags are written to {leg.guid}; the wrap-up is awaited{until}.",
        "Nothing: without a wrap-up the leg then ends as flagged.",
    )


def _delivery(case: LegCase, part: str, what: str, zone: tzinfo) -> Cause:
    write = next((one for one in case.writes if one.part == part), None)
    service = case.service or "the Recording Service"
    if write is None or not write.error:
        verb = "wait" if part == "base" else "waits"
        todo = "Look again in a minute. If it lasts, see on the dashboard whether the worker for writes runs."
        return Cause("Not yet: on its way to QMS", f"{what} {verb} to be sent to {service}.", todo)
    again = f"; the next try is at {clock(write.not_before, zone)}" if write.not_before else ""
    said = (
        f"{what} could not be delivered to {service} yet. {_attempts(write.attempts)}, the last answer: {write.error}"
    )
    todo = f"Press Test connection on the page of {service}; the gateway goes on trying by itself."
    return Cause("Not yet: QMS did not take the flags", f"{said.rstrip('.')}{again}.", todo)


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _flagged(case: LegCase) -> Cause:
    leg = case.leg
    on = f" on {case.service}" if case.service else ""
    return Cause(
        "Flagged",
        f"QMS took the flags of its recording {leg.guid}{on}.",
        f"Nothing, unless a comparison with QMS found something since. If QMS does not show them at this GUID, they "
        "were taken away there: see the findings. A recording with another GUID is another recording: search there for "
        f"the call reference {leg.call_id}.",
    )


def _partly(case: LegCase) -> Cause:
    return Cause(
        "Flagged, but for the wrap-up",
        f"The flags of the call stand in QMS, the wrap-up's does not: {case.leg.wrapup_error or case.leg.reason}",
        "Correct what QMS reported, then retry the flag write.",
    )


def _gone(case: LegCase) -> Cause:
    return Cause(
        "Not flagged: QMS no longer has the recording",
        f"QMS named its recording {case.leg.guid}, but no longer had it when the flags were sent.",
        "Nothing for this call. QMS often keeps no recording that is shorter than a set length: see its settings.",
    )


def _unclear(case: LegCase) -> Cause:
    return Cause(
        "Not known whether it is flagged",
        f"The flags were sent to recording {case.leg.guid}; QMS gave no clear answer, and reading back settled "
        f"nothing: {case.leg.base_error}",
        f"Look at recording {case.leg.guid} in QMS. If it carries no flags, retry the flag write: it is read "
        "back first.",
    )


def _refused(case: LegCase) -> Cause:
    leg = case.leg
    code = "conflict" if leg.base is WriteStatus.CONFLICT else leg.base_code
    return REFUSED.get(code, REFUSED[""]).on(case.service, leg.base_error)


def _given_up(case: LegCase) -> Cause:
    return GIVEN_UP.get(case.leg.base_code, GIVEN_UP[""]).on(case.service, case.leg.base_error)


def _shadow(case: LegCase) -> Cause:
    if case.leg.base is WriteStatus.WRITTEN:
        return Cause(
            "Flagged before shadow mode, but for the wrap-up",
            f"The flags of the call stand in QMS: they were written before Recording Service {case.service} was put "
            "into shadow mode. Its wrap-up came after that and was withheld: another gateway writes now.",
            "Nothing for this call: a wrap-up that was withheld is never written later.",
        )
    return Cause(
        "Not written: shadow mode",
        f"Recording Service {case.service} was in shadow mode: another gateway writes the flags of its recordings, and "
        f"this one only compares. Recording {case.leg.guid} would have got the flags that stand on the leg's page.",
        "Nothing for this call: flags that were withheld are never written later. The page Shadow comparison shows how "
        "far both gateways agree.",
    )


WRITING = {
    Outcome.FLAGGED: _flagged,
    Outcome.PARTLY_FLAGGED: _partly,
    Outcome.RECORDING_GONE: _gone,
    Outcome.REFUSED: _refused,
    Outcome.WRITE_UNKNOWN: _unclear,
    Outcome.GIVEN_UP: _given_up,
    Outcome.SHADOW: _shadow,
}


def _written(case: LegCase) -> Cause:
    return WRITING[case.leg.outcome](case)
