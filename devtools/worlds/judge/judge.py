"""What was wrong, missing, written twice or left unexplained in what a player did with a world."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from msgspec import Struct

from .expect import Expected, Right, Stream, expected_of, overlaps
from .player import OUTCOMES, Leg, Observed
from .world import World

Kind = Literal["wrong", "double", "missing", "unexplained", "unsettled", "untrue"]


class Finding(Struct, frozen=True):
    """Hold one failure: `got` is what was seen, `right` what would have been right, `why` the rule."""

    kind: Kind
    recording: str
    flag: str = ""
    got: str = ""
    right: str = ""
    why: str = ""


class Verdict(Struct):
    """Hold a judgement: the failures, and the counts of which the cost of caution is made.

    `knowable`: recordings whose flags a person could have known; `left`: those of them without any flag.
    """

    findings: list[Finding]
    recordings: int = 0
    flagged: int = 0
    knowable: int = 0
    left: int = 0
    flags_knowable: int = 0
    flags_left: int = 0


def standard_name(flag: str) -> str:
    """Reduce a flag's name to the one used here; QueryData is written with and without its prefix."""
    return "QueryData" if "querydata" in flag.lower().replace(" ", "") else flag


def judge(world: World, observed: Observed) -> Verdict:
    """Judge what a player did with a world."""
    stream = Stream(world)
    rows = [expected_of(stream, x) for x in world.truths]
    written: dict[str, dict[str, str]] = {}
    for write in observed.writes:
        written.setdefault(write.recording, {}).setdefault(standard_name(write.flag), write.value)
    verdict = Verdict(_doubles(observed) + _strangers(rows, written) + _legs(observed, written), recordings=len(rows))
    for row in rows:
        _one(verdict, stream, row, written.get(row.truth.guid, {}), observed)
    verdict.findings += _shared_guids(stream, rows, written)
    return verdict


def _doubles(observed: Observed) -> list[Finding]:
    counts = Counter((x.recording, standard_name(x.flag)) for x in observed.writes)
    return [Finding("double", k[0], k[1], f"{n} times", "once", "rule 1") for k, n in counts.items() if n > 1]


def _strangers(rows: list[Expected], written: dict[str, dict[str, str]]) -> list[Finding]:
    known = {x.truth.guid for x in rows}
    return [Finding("wrong", x, got="flags", right="no such recording") for x in written if x not in known]


def _legs(observed: Observed, written: dict[str, dict[str, str]]) -> list[Finding]:
    found = []
    for leg in observed.legs:
        guid = leg.recording or ""
        if leg.outcome not in OUTCOMES or leg.outcome == "waiting":
            found.append(Finding("unsettled", guid, got=leg.outcome, right="one outcome", why="rule 5"))
        if leg.outcome != "flagged" and not leg.reason:
            found.append(Finding("unsettled", guid, got=f"{leg.outcome} without a reason", why="rule 5"))
        own = {standard_name(k): v for k, v in leg.flags.items()}
        if own and {k: written.get(guid, {}).get(k) for k in own} != own:
            found.append(Finding("untrue", guid, got=str(own), right=str(written.get(guid)), why="shown, not written"))
    return found


def _one(verdict: Verdict, stream: Stream, row: Expected, flags: dict[str, str], observed: Observed) -> None:
    verdict.findings += _wrong(stream, row, flags)
    missing = [k for k, right in row.flags.items() if right.duty == "required" and not flags.get(k)]
    verdict.findings += [
        Finding("missing", row.truth.guid, k, right=shown(row.flags[k]), why="nothing excuses it") for k in missing
    ]
    verdict.flagged += bool(flags)
    could = [k for k, right in row.flags.items() if right.duty != "excused"]
    verdict.knowable += row.duty != "excused"
    verdict.left += row.duty != "excused" and not flags
    verdict.flags_knowable += len(could)
    verdict.flags_left += sum(1 for k in could if not flags.get(k))
    if not explained(stream.world, row, observed):
        verdict.findings.append(Finding("unexplained", row.truth.guid, right="a leg or an entry that says why not"))


def shown(right: Right) -> str:
    """Return what is right as text."""
    return " | ".join(right.values or right.parts)


def _wrong(stream: Stream, row: Expected, flags: dict[str, str]) -> list[Finding]:
    found = []
    for flag, value in flags.items():
        right = row.flags.get(flag)
        if right is None or not fits(stream, right, value):
            text = shown(right) if right else "no such flag"
            found.append(Finding("wrong", row.truth.guid, flag, value, text, "; ".join(row.reasons)))
    return found


def fits(stream: Stream, right: Right, value: str) -> bool:
    """Say whether a value is right."""
    if right.parts:
        others = {x for t in stream.world.truths for x in (t.wrapup, t.query) if x} - set(right.parts)
        words = value.replace("=", " ").replace(":", " ").replace(",", " ").replace(";", " ").split()
        return all(x in value for x in right.parts) and not others & set(words)
    # With no id reported, the gateway gives one of its own: right unless the source uses it, checked once more below.
    return value in right.values or (right.own and bool(value) and value not in stream.interactions)


def _shared_guids(stream: Stream, rows: list[Expected], written: dict[str, dict[str, str]]) -> list[Finding]:
    """Find an id of the gateway's own that ties two contacts together: a fact crossed from one to the other."""
    first: dict[str, int] = {}
    found = []
    for row in rows:
        value = written.get(row.truth.guid, {}).get("InteractionGuid", "")
        own = bool(value) and value not in stream.interactions
        if own and first.setdefault(value, row.truth.contact) != row.truth.contact:
            found.append(Finding("wrong", row.truth.guid, "InteractionGuid", value, "one of its own", "rule 13"))
    return found


def explained(world: World, row: Expected, observed: Observed) -> bool:
    """Say whether a recording has a leg, or something that says why it has none.

    Explained: a leg with its GUID; a note; a leg at its phone and time that says why it has no flags; for a recording
    begun at a retrieve the leg that goes on there. Nothing is owed where a lost link swallowed a part of the call.
    """
    truth = row.truth
    # Hold and retrieve keep the leg (rule 9), also where QMS makes two recordings of it: one of them names the leg.
    # By a clock of whole seconds, conversations that began within one second at a phone cannot be distinguished.
    step = 1.0 if world.whole_seconds else 0.0005
    alike = [x for x in world.truths if x.extension == truth.extension]
    own = {x.guid for x in alike if x.leg_start // step == truth.leg_start // step}
    if any(x.recording in own for x in observed.legs) or any(x.recording == truth.guid for x in observed.notes):
        return True
    slack = 1.0 if world.whole_seconds else 0.0
    at_phone = [x for x in observed.legs if x.extension == truth.extension]
    near = [x for x in at_phone if _meet(x, truth.start - slack, truth.end)]
    if any(x.outcome != "flagged" and x.reason for x in near) or (truth.born in ("retrieve", "anew") and near):
        return True
    # The ledger of the gap answers for a conversation of which a part fell into it, were it only the dialling.
    began = min((x.event.at for x in world.said if x.group == truth.group), default=truth.start)
    return overlaps(began, truth.leg_end, world.gap)


def _meet(leg: Leg, start: float, end: float) -> bool:
    return leg.start < end and (leg.end is None or leg.end >= start)
