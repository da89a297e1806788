"""Judge a run: what the PBX truly did, against what QMS holds and what the gateway believes. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from calls.core.result_events import WHY
from devtools.faults.gap_ledger import LEEWAY, judge_gaps, overlap
from devtools.faults.observations import Injected, LinkGap, QmsRecording, SeenLeg
from flags.catalogue.values import FlagSpec, LegFacts, flag_texts
from simulators.pbx.truth_log import LegLine

GUID_WINDOW = timedelta(seconds=10)
WRAPUP_FLAG = "CTIWrapup"
#: Faults in which the line keeps back what the PBX says.
STALLS = ("slow link", "hold link")
#: Faults for which what happens is stamped late, by a source that states no times.
STAMPED_LATE = (*STALLS, "freeze listener")
#: Faults in which QMS itself answers late, wrongly or not at all.
OF_QMS = ("QMS down", "QMS slow", "QMS faulty", "kill -9 QMS")
#: Outcomes that mean: the GUID was not learnt in time.
UNLEARNT = ("window_missed", "not_recorded")
#: Reasons that mean: QMS could not be asked in time whether a recording went on.
UNANSWERED = (WHY["late"], WHY["unreachable"], WHY["undecided"])


@dataclass
class OracleVerdict:
    """What was found. Each of the four lists must be empty."""

    legs: int = 0
    flagged: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    written_twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Say whether all four numbers are 0."""
        return not (self.lost or self.written_twice or self.wrong or self.unexplained)


@dataclass(frozen=True)
class RunEvidence:
    """All that is known after a run."""

    truth: Sequence[LegLine]
    recordings: Sequence[QmsRecording]
    legs: Sequence[SeenLeg]
    gaps: Sequence[LinkGap]
    injected: Sequence[Injected]
    specs: Sequence[FlagSpec]
    wrapup_wait: timedelta = timedelta(seconds=15)


class Judge:
    """Compares leg by leg."""

    def __init__(self, evidence: RunEvidence) -> None:
        self._evidence = evidence
        self._verdict = OracleVerdict()
        self._gaps = stretched(evidence.gaps, evidence.injected)
        self._recordings = {(one.extension, one.started_at): one for one in evidence.recordings}
        self._seen: defaultdict[str, list[SeenLeg]] = defaultdict(list)
        for leg in evidence.legs:
            self._seen[leg.device_id].append(leg)
        self._lines: defaultdict[tuple[str, str], list[LegLine]] = defaultdict(list)
        for line in evidence.truth:
            for reference in line.call_refs:
                self._lines[line.extension, reference].append(line)

    def judge(self) -> OracleVerdict:
        """Return the verdict."""
        for line in self._evidence.truth:
            self._verdict.legs += 1
            self._judge_leg(line)
        self._judge_strangers()
        self._verdict.unexplained += judge_gaps(self._evidence.truth, self._evidence.gaps, self._evidence.injected)
        return self._verdict

    def _judge_leg(self, line: LegLine) -> None:
        recording = self._recordings.get((line.extension, line.connected_at))
        seen = self._seen_as(line, recording)
        if recording is not None and recording.flags:
            self._verdict.flagged += 1
            self._judge_flags(line, recording)
        elif seen is None:
            self._judge_unseen(line)
        else:
            self._judge_outcome(line, recording, seen)

    # A recording with flags.

    def _judge_flags(self, line: LegLine, recording: QmsRecording) -> None:
        name = _name(line)
        parts = 1 + (WRAPUP_FLAG in recording.flags)
        if recording.writes > parts:
            self._verdict.written_twice.append(f"{name}: {recording.writes} writes of {parts} parts")
        due = _due(line, self._evidence.specs)
        for flag, value in recording.flags.items():
            is_right = value == due.get(flag) or self._is_earlier_ref(line, value)
            if not is_right and due.get(flag) == line.call_ref and self._is_of_first_part(line, recording, value):
                self._verdict.explained["reference of before a transfer of which QMS said nothing"] += 1
            elif not is_right:
                self._verdict.wrong.append(f"{name}: {flag} is {value!r}, not {due.get(flag)!r}")
        if missing := due.keys() - recording.flags.keys():
            self._judge_missing(line, recording, missing)

    def _judge_missing(self, line: LegLine, recording: QmsRecording, missing: Set[str]) -> None:
        said = f"{_name(line)}: without {', '.join(sorted(missing))}"
        second = self._unanswered_part(line, recording)
        if self._gap_over(line.connected_at, self._end(line) + self._evidence.wrapup_wait):
            self._verdict.explained["flags that were reported in a gap of the link"] += 1
        elif second is None or missing & _due_of_both_parts(line, self._evidence.specs):
            self._verdict.lost.append(said)
        elif self._fault_over(second.connected_at) is None:
            self._verdict.unexplained.append(f"{said}: QMS was not asked in time after a transfer")
        else:
            self._verdict.explained["flags of after a transfer that QMS could not judge"] += 1

    def _is_earlier_ref(self, line: LegLine, value: str) -> bool:
        """Say whether this is a reference that the leg had before a transfer that nobody could hear."""
        return value in line.call_refs and self._gap_over(line.connected_at, self._end(line))

    def _is_of_first_part(self, line: LegLine, recording: QmsRecording, value: str) -> bool:
        """Say whether this is the reference before a transfer after which QMS itself was kept from saying what went on.

        The gateway then divides the leg, and the recording keeps what is its first part's. Where the gateway or its
        link was late, it is to be left without a reference.
        """
        second = self._unanswered_part(line, recording)
        first = any(one.guid == recording.guid and one.call_id == value for one in self._seen[line.extension])
        return (
            first and second is not None and any(one.kind in OF_QMS for one in self._faults_over(second.connected_at))
        )

    def _unanswered_part(self, line: LegLine, recording: QmsRecording) -> SeenLeg | None:
        """Return the part of a leg after an attended transfer after which QMS could not be asked in time, if any.

        The gateway then divides the leg, and its first part keeps the recording (docs/reliability.md, "Not promised").
        """
        here = self._seen[line.extension]
        first = next((one for one in here if one.guid == recording.guid and one.call_id in line.call_refs[:-1]), None)
        if first is None:
            return None
        later = line.call_refs[line.call_refs.index(first.call_id) + 1 :]
        return next((one for one in here if one.call_id in later and self._is_unanswered(line, one)), None)

    def _is_unanswered(self, line: LegLine, second: SeenLeg) -> bool:
        """Say whether the second part of a leg has no recording because QMS was not asked in time.

        An answer that may be the next call's is none: the line brought the transfer and the next call at once.
        """
        is_within = line.connected_at < second.connected_at < self._stamped_end(line)
        unanswered = (*UNANSWERED, WHY["next_call"]) if self._is_stamped_late(second.connected_at) else UNANSWERED
        is_missed = second.guid is None and second.outcome == "window_missed" and second.reason.startswith(unanswered)
        return is_within and is_missed

    def _is_stamped_late(self, moment: datetime) -> bool:
        late = [one for one in self._evidence.injected if one.kind in STAMPED_LATE]
        return any(one.began <= moment <= one.ended + LEEWAY for one in late)

    def _stamped_end(self, line: LegLine) -> datetime:
        """Return by when the end of a leg was stamped at the latest."""
        end = self._end(line)
        late = [one for one in self._evidence.injected if one.kind in STAMPED_LATE and one.began <= end <= one.ended]
        return max([end, *(one.ended + LEEWAY for one in late)])

    # No flags: is there a reason?

    def _judge_unseen(self, line: LegLine) -> None:
        if self._gap_over(line.connected_at, self._end(line)):
            self._verdict.explained["lived within a gap of the link"] += 1
        else:
            self._verdict.lost.append(f"{_name(line)}: the gateway has no such leg")

    def _judge_outcome(self, line: LegLine, recording: QmsRecording | None, seen: SeenLeg) -> None:
        if seen.outcome in ("waiting", "flagged", "partly_flagged"):
            self._verdict.lost.append(f"{_name(line)}: is {seen.outcome}, and QMS has no flags ({seen.reason})")
        elif (why := self._reason(line, recording, seen)) is not None:
            self._verdict.explained[why] += 1
        else:
            self._verdict.unexplained.append(f"{_name(line)}: {seen.outcome} ({seen.reason})")

    def _reason(self, line: LegLine, recording: QmsRecording | None, seen: SeenLeg) -> str | None:
        """Return why the leg carries no flags; None where there is no good reason."""
        if not line.is_in_qms:
            return "no user of QMS" if seen.outcome == "user_unmatched" else None
        if seen.outcome == "joined_late":
            is_late = self._gap_over(line.connected_at, line.connected_at)
            return "connected in a gap of the link" if is_late else None
        if seen.outcome not in UNLEARNT:
            return None
        if recording is None:
            return "QMS was dead and did not record"
        if self._gap_over(line.connected_at, line.connected_at):
            return "connected in a gap of the link"  # It rang before; that it was connected was reported after.
        if (fault := self._fault_over(line.connected_at)) is not None:
            return f"{seen.outcome} while: {fault}"
        if seen.reason.startswith(WHY["end_unreported"]) and self._gap_over(self._end(line), self._end(line)):
            return "its end was reported in a gap of the link, and its id used again"
        return self._caution(line, seen)

    def _caution(self, line: LegLine, seen: SeenLeg) -> str | None:
        """Return why the gateway doubted whose the recording was, though no fault kept it from being learnt.

        Where the link was just broken, calls are reported late; decision 13 then gives up what may be another call's.
        """
        is_given_up = seen.reason.startswith(WHY["next_call"])
        broken = [one for one in self._evidence.injected if one.breaks_link and self._reaches(one, line.connected_at)]
        return f"given up as doubtful after: {broken[-1].kind}" if is_given_up and broken else None

    # Flags where none belong.

    def _judge_strangers(self) -> None:
        known = {(line.extension, line.connected_at) for line in self._evidence.truth if line.is_in_qms}
        for key, recording in self._recordings.items():
            if recording.flags and key not in known:
                self._verdict.wrong.append(f"recording {recording.guid} at {recording.extension}: flags of no leg")

    # Who is meant, and when.

    def _seen_as(self, line: LegLine, recording: QmsRecording | None) -> SeenLeg | None:
        mine = [one for one in self._seen[line.extension] if one.call_id in line.call_refs and self._is_of(one, line)]
        if recording is not None and (by_guid := [one for one in mine if one.guid == recording.guid]):
            return by_guid[0]
        return min(mine, key=lambda one: abs(one.connected_at - line.connected_at), default=None)

    def _is_of(self, seen: SeenLeg, line: LegLine) -> bool:
        """Say whether a leg is of this line and not of another that had the same reference at the same extension."""
        alike = self._lines[line.extension, seen.call_id]
        return len(alike) == 1 or min(alike, key=lambda one: self._distance(seen, one)) is line

    def _distance(self, seen: SeenLeg, line: LegLine) -> timedelta:
        """Return how far the beginning of a leg lies outside a line's time."""
        return max(line.connected_at - seen.connected_at, seen.connected_at - self._end(line), timedelta(0))

    def _end(self, line: LegLine) -> datetime:
        return line.disconnected_at or datetime.max.replace(tzinfo=line.connected_at.tzinfo) - timedelta(days=1)

    def _gap_over(self, began: datetime, ended: datetime) -> bool:
        return any(overlap(began, ended, gap.began_at, gap.ended_at) for gap in self._gaps)

    def _fault_over(self, connected: datetime) -> str | None:
        """Return the last fault that reached the time in which QMS reported the GUID."""
        reaching = self._faults_over(connected)
        return max(reaching, key=lambda one: one.began).kind if reaching else None

    def _faults_over(self, connected: datetime) -> list[Injected]:
        return [one for one in self._evidence.injected if one.hurts_searches and self._reaches(one, connected)]

    def _reaches(self, one: Injected, connected: datetime) -> bool:
        return overlap(connected, connected + GUID_WINDOW, one.began, one.ended + one.reach)


def stretched(gaps: Sequence[LinkGap], injected: Sequence[Injected]) -> list[LinkGap]:
    """Return the gaps as the line knows them: what it still carried when it broke was reported since it had stalled."""
    stalls = [one for one in injected if one.kind in STALLS]
    return [
        _stretched(gap, [one.began for one in stalls if one.began <= gap.began_at <= one.ended + LEEWAY])
        for gap in gaps
    ]


def _stretched(gap: LinkGap, since: Sequence[datetime]) -> LinkGap:
    return replace(gap, began_at=min([gap.began_at, *since]))


def _name(line: LegLine) -> str:
    return f"leg {line.number} at {line.extension} {line.connected_at:%H:%M:%S} calls {'/'.join(line.call_refs)}"


def _due_of_both_parts(line: LegLine, specs: Iterable[FlagSpec]) -> Set[str]:
    """Return the flags that a recording has to carry whether it ended at the leg's last transfer or went on."""
    both = replace(
        line,
        call_ref="",
        queue_name=None,
        caller_name=None,
        query_data={},
        wrapup_template=None,
        wrapup_result=None,
    )
    return _due(both, specs).keys()


def _due(line: LegLine, specs: Iterable[FlagSpec]) -> dict[str, str]:
    """Return the flags that a recording of the leg has to carry."""
    facts = LegFacts(
        call_id=line.call_ref,
        device_id=line.extension,
        interaction_id=line.interaction_id,
        agent_id=line.agent_id,
        agent_name=line.agent_name,
        queue_name=line.queue_name or "",
        caller_name=line.caller_name or "",
        wrapup_template=line.wrapup_template or "",
        wrapup_result=line.wrapup_result or "",
        query_data=line.query_data,
    )
    specs = list(specs)
    return {one.name: one.value for part in ("base", "wrapup") for one in flag_texts(specs, facts, part)}
