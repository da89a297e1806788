"""The oracle sees each kind of harm: a harness that cannot fail proves nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from calls.core.result_events import WHY
from devtools.faults.gap_ledger import judge_gaps
from devtools.faults.kinds import EVERYWHERE
from devtools.faults.observations import Injected, LinkGap, QmsRecording, SeenLeg
from devtools.faults.oracle import OF_QMS, Judge, OracleVerdict, RunEvidence, stretched
from devtools.faults.people import made_cast
from devtools.faults.schedule import schedule
from devtools.faults.stepped_clock import true_times
from flags.catalogue.values import FIELDS
from simulators.pbx.truth_log import LegLine

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
END = NOON + timedelta(seconds=6)
FLAGS = {"AgentId": "9101", "AgentName": "Alice Archer", "CTICallRef": "C1", "InteractionGuid": "I1"}
LEG = LegLine(
    number=1,
    extension="2001",
    agent_id="9101",
    agent_name="Alice Archer",
    is_in_qms=True,
    queue_name=None,
    caller_name=None,
    calling_number="",
    called_number="",
    direction="inbound",
    call_ref="C1",
    call_refs=["C1"],
    interaction_id="I1",
    connected_at=NOON,
    disconnected_at=END,
    wrapup_template=None,
    wrapup_result=None,
    query_data={},
    ended="agent_left",
    heard=True,
)
SEEN = SeenLeg("2001", "C1", NOON, "G1", "flagged", "")
MISSED = SeenLeg("2001", "C1", NOON, None, "window_missed", "late")
RECORDING = QmsRecording("G1", "2001", NOON, FLAGS, 1)
BARE = QmsRecording("G1", "2001", NOON)
GAP = LinkGap(NOON - timedelta(seconds=5), NOON + timedelta(seconds=1))
FAULT = Injected("kill", NOON, NOON, timedelta(seconds=5), hurts_searches=True)


def judged(recording: QmsRecording | None = RECORDING, seen: SeenLeg | None = SEEN, **more: Any) -> OracleVerdict:
    evidence: dict[str, Any] = {"gaps": [], "injected": [], "truth": [LEG]} | more
    recordings = [recording] if recording else []
    return Judge(RunEvidence(recordings=recordings, legs=[seen] if seen else [], specs=FIELDS, **evidence)).judge()


def counts(verdict: OracleVerdict) -> tuple[int, int, int, int]:
    return len(verdict.lost), len(verdict.written_twice), len(verdict.wrong), len(verdict.unexplained)


def test_a_leg_with_its_own_flags_is_clean() -> None:
    assert judged().is_clean
    assert judged().flagged == 1


@pytest.mark.parametrize(
    ("recording", "seen", "expected"),
    [
        (BARE, SEEN, (1, 0, 0, 0)),  # said to be flagged, and is not
        (BARE, None, (1, 0, 0, 0)),  # unknown without a gap
        (BARE, msgspec.structs.replace(MISSED, outcome="waiting"), (1, 0, 0, 0)),
        (msgspec.structs.replace(RECORDING, writes=2), SEEN, (0, 1, 0, 0)),
        (msgspec.structs.replace(RECORDING, flags=FLAGS | {"AgentId": "9102"}), SEEN, (0, 0, 1, 0)),
        (msgspec.structs.replace(RECORDING, flags=FLAGS | {"QueueName": "Sales"}), SEEN, (0, 0, 1, 0)),
        (msgspec.structs.replace(RECORDING, flags={"AgentId": "9101"}), SEEN, (1, 0, 0, 0)),
        (msgspec.structs.replace(RECORDING, extension="2002"), SEEN, (1, 0, 1, 0)),
        (BARE, MISSED, (0, 0, 0, 1)),  # no fault at that time
        (BARE, msgspec.structs.replace(MISSED, outcome="joined_late"), (0, 0, 0, 1)),
    ],
)
def test_each_harm_is_counted(recording: QmsRecording, seen: SeenLeg | None, expected: tuple[int, ...]) -> None:
    assert counts(judged(recording, seen)) == expected


def test_what_a_gap_or_a_fault_did_is_explained() -> None:
    cut = [msgspec.structs.replace(FAULT, hurts_searches=False)]
    assert judged(BARE, None, gaps=[GAP], injected=cut).is_clean
    assert judged(BARE, msgspec.structs.replace(MISSED, outcome="joined_late"), gaps=[GAP], injected=cut).is_clean
    assert judged(BARE, MISSED, injected=[FAULT]).is_clean
    assert not judged(BARE, MISSED, injected=[msgspec.structs.replace(FAULT, hurts_searches=False)]).is_clean


def test_a_leg_that_was_given_up_as_doubtful_is_explained_by_a_link_that_was_just_broken_alone() -> None:
    doubted = msgspec.structs.replace(MISSED, reason=WHY["next_call"])

    def broken(seconds_ago: int) -> dict[str, Any]:
        at = NOON - timedelta(seconds=seconds_ago)
        link = Injected("cut", at, at, timedelta(seconds=12), hurts_searches=False, breaks_link=True)
        return {"injected": [link], "gaps": [LinkGap(at, at + timedelta(seconds=1))]}

    assert judged(BARE, doubted, **broken(seconds_ago=10)).is_clean
    assert judged(BARE, MISSED, **broken(seconds_ago=10)).unexplained
    assert judged(BARE, doubted, **broken(seconds_ago=60)).unexplained


MOVED = NOON + timedelta(seconds=3)
#: A leg of a consultation, C1, that an attended transfer moved to the customer's call, C2; its recording went on.
TRANSFERRED = msgspec.structs.replace(LEG, call_ref="C2", call_refs=["C1", "C2"])
FIRST_PART = SEEN
OF_BOTH_PARTS = {name: value for name, value in FLAGS.items() if name != "CTICallRef"}
SECOND_PART = SeenLeg("2001", "C2", MOVED, None, "window_missed", WHY["unreachable"])


def divided(
    first: SeenLeg = FIRST_PART,
    second: SeenLeg | None = SECOND_PART,
    fault: Injected | None = FAULT,
    line: LegLine = TRANSFERRED,
    **flags: str,
) -> OracleVerdict:
    """Judge a transferred leg that the gateway divided, with the flags of both its parts and ``flags``."""
    return Judge(
        RunEvidence(
            truth=[line],
            recordings=[msgspec.structs.replace(RECORDING, flags=OF_BOTH_PARTS | flags)],
            legs=[first, second] if second else [first],
            gaps=[],
            injected=[fault] if fault else [],
            specs=FIELDS,
        )
    ).judge()


@pytest.mark.parametrize("why", ["late", "unreachable", "undecided"])
def test_a_reference_may_be_missing_where_qms_could_not_be_asked_in_time_after_a_transfer(why: str) -> None:
    assert divided(second=msgspec.structs.replace(SECOND_PART, reason=WHY[why])).is_clean


def test_where_no_fault_kept_qms_from_being_asked_in_time_a_missing_reference_has_no_reason() -> None:
    verdict = divided(fault=None)

    assert counts(verdict) == (0, 0, 0, 1)
    assert "without CTICallRef: QMS was not asked in time" in verdict.unexplained[0]


def test_the_reference_before_a_transfer_is_excused_by_a_fault_of_qms_alone() -> None:
    of_qms = [divided(CTICallRef="C1", fault=msgspec.structs.replace(FAULT, kind=kind)) for kind in OF_QMS]
    others = [
        divided(CTICallRef="C1", fault=fault) for fault in (None, msgspec.structs.replace(FAULT, kind="slow link"))
    ]

    assert [counts(one) for one in of_qms] == [(0, 0, 0, 0)] * len(OF_QMS)
    assert {*OF_QMS} <= {one.name for one in EVERYWHERE}
    assert of_qms[0].explained["reference of before a transfer of which QMS said nothing"] == 1
    assert [len(one.wrong) for one in others] == [1, 1]


def test_an_answer_that_may_be_the_next_calls_is_none_where_the_line_had_stalled() -> None:
    second = msgspec.structs.replace(SECOND_PART, reason=WHY["next_call"])
    stalled = msgspec.structs.replace(FAULT, kind="hold link", ended=MOVED)

    assert divided(second=second, fault=stalled).is_clean
    assert not divided(second=second, fault=msgspec.structs.replace(stalled, kind="kill -9 web")).is_clean
    ended = msgspec.structs.replace(stalled, ended=MOVED - timedelta(seconds=30), reach=timedelta(minutes=1))
    assert not divided(second=second, fault=ended).is_clean


def test_an_end_in_a_gap_explains_that_the_id_was_used_again_before_it_was_reported() -> None:
    unreported = msgspec.structs.replace(MISSED, reason=WHY["end_unreported"])
    cut = [msgspec.structs.replace(FAULT, hurts_searches=False)]

    def gap(at: datetime) -> list[LinkGap]:
        return [LinkGap(at - timedelta(seconds=1), at + timedelta(seconds=1))]

    assert judged(BARE, unreported, gaps=gap(END), injected=cut).is_clean
    assert judged(BARE, unreported, gaps=gap(END + timedelta(seconds=9)), injected=cut).unexplained
    assert judged(BARE, MISSED, gaps=gap(END), injected=cut).unexplained


def test_a_transfer_may_be_stamped_after_the_end_of_its_leg_where_a_fault_held_both_back() -> None:
    second = msgspec.structs.replace(SECOND_PART, connected_at=END + timedelta(seconds=1))
    frozen = msgspec.structs.replace(FAULT, kind="freeze listener", ended=END + timedelta(seconds=1))

    assert divided(second=second, fault=frozen).is_clean
    assert not divided(second=second, fault=msgspec.structs.replace(frozen, kind="kill -9 web")).is_clean
    assert not divided(second=second, fault=msgspec.structs.replace(frozen, ended=END - timedelta(seconds=1))).is_clean


def test_what_only_the_part_after_such_a_transfer_has_may_be_missing() -> None:
    line = msgspec.structs.replace(TRANSFERRED, queue_name="Sales", caller_name="Meyer")

    assert divided(line=line).is_clean
    assert len(divided(line=line, second=None).lost) == 1
    assert len(divided(line=line, fault=None).unexplained) == 1


def test_what_the_part_before_such_a_transfer_has_may_not_be_missing() -> None:
    recording = msgspec.structs.replace(RECORDING, flags={k: v for k, v in OF_BOTH_PARTS.items() if k != "AgentId"})
    evidence = RunEvidence(
        truth=[TRANSFERRED],
        recordings=[recording],
        legs=[FIRST_PART, SECOND_PART],
        gaps=[],
        injected=[FAULT],
        specs=FIELDS,
    )

    assert len(Judge(evidence).judge().lost) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"second": None},  # the gateway never divided the leg
        {"second": msgspec.structs.replace(SECOND_PART, reason=WHY["none"])},  # QMS did answer
        {"second": msgspec.structs.replace(SECOND_PART, guid="G2", outcome="flagged", reason="")},
        {"second": msgspec.structs.replace(SECOND_PART, call_id="C3")},  # another call's leg
        {"second": msgspec.structs.replace(SECOND_PART, device_id="2002")},
        {"second": msgspec.structs.replace(SECOND_PART, connected_at=END + timedelta(seconds=1))},
        {"first": msgspec.structs.replace(FIRST_PART, guid="G9")},  # the recording is not the first part's
        {"fault": None},  # nothing kept QMS from being asked
        {"fault": msgspec.structs.replace(FAULT, hurts_searches=False)},
        {"fault": msgspec.structs.replace(FAULT, began=NOON - timedelta(minutes=1), ended=NOON - timedelta(minutes=1))},
    ],
)
def test_a_missing_reference_is_excused_for_nothing_else(changed: dict[str, Any]) -> None:
    verdict = divided(**changed)

    assert len(verdict.lost) + len(verdict.unexplained) == 1


@pytest.mark.parametrize(
    "stated",
    [
        {"CTICallRef": "C3"},  # a reference that the leg never had
        {"AgentId": "C1"},  # the earlier reference in another flag
        {"AgentName": "Bob Baker"},
        {"QueueName": "Sales"},
    ],
)
def test_anything_else_after_such_a_transfer_is_still_counted_as_wrong(stated: dict[str, Any]) -> None:
    assert len(divided(**stated).wrong) == 1


@pytest.mark.parametrize(
    ("gaps", "breaks_link", "expected"),
    [
        ([], True, 1),  # the ledger keeps silent about a broken link
        ([], False, 0),
        ([GAP], True, 0),
        ([LinkGap(NOON - timedelta(minutes=2), NOON - timedelta(minutes=1))], False, 1),  # a gap that nothing made
        ([LinkGap(NOON - timedelta(minutes=2), None)], False, 1),  # and one that never ended
        ([LinkGap(NOON - timedelta(minutes=1), None)], False, 0),
        ([LinkGap(END + timedelta(minutes=1), None)], False, 0),  # the PBX itself has ended
    ],
)
def test_the_ledger_has_every_broken_link_and_nothing_else(
    gaps: list[LinkGap], breaks_link: bool, expected: int
) -> None:
    fault = msgspec.structs.replace(FAULT, breaks_link=breaks_link)

    assert counts(judged(gaps=gaps, injected=[fault])) == (0, 0, 0, expected)


def open_legs(number: int) -> list[LegLine]:
    """Legs that are open from a minute before noon to a minute after it."""
    began, ended = NOON - timedelta(minutes=1), NOON + timedelta(minutes=1)
    return [msgspec.structs.replace(LEG, number=n, connected_at=began, disconnected_at=ended) for n in range(number)]


@pytest.mark.parametrize(
    ("gap", "others", "expected"),
    [
        (LinkGap(NOON, NOON + timedelta(seconds=10), legs_saved=3), [], []),
        (LinkGap(NOON, NOON + timedelta(seconds=10), legs_saved=2, legs_lost=1), [], ["2 legs saved, but 3 went on"]),
        (LinkGap(NOON, NOON + timedelta(seconds=10), legs_saved=3, legs_lost=1), [], ["there were only 3"]),
        (LinkGap(NOON, NOON + timedelta(seconds=10)), [LinkGap(NOON - timedelta(seconds=30), NOON)], []),
        (LinkGap(NOON, NOON + timedelta(seconds=50), legs_saved=3), [], ["it went on until 12:00:50"]),
    ],
)
def test_the_ledger_states_true_edges_and_legs(gap: LinkGap, others: list[LinkGap], expected: list[str]) -> None:
    fault = msgspec.structs.replace(FAULT, breaks_link=True)
    found = judge_gaps(open_legs(3), [gap, *others], [fault])

    assert len(found) == len(expected), found
    assert all(what in said for what, said in zip(expected, found, strict=True))


@pytest.mark.parametrize(("seconds", "expected"), [(7, 0), (25, 1)])
def test_legs_are_counted_by_the_next_gap_where_the_link_is_lost_again_before_its_snapshot_ended(
    seconds: int, expected: int
) -> None:
    ended = NOON + timedelta(seconds=10)
    again = ended + timedelta(seconds=seconds)
    faults = [msgspec.structs.replace(FAULT, breaks_link=True)]
    faults.append(msgspec.structs.replace(FAULT, began=again, ended=again))

    found = judge_gaps(open_legs(3), [LinkGap(NOON, ended), LinkGap(again, again, legs_saved=3)], faults)

    assert [what for what in found if "0 legs saved, but 3 went on" in what] == found
    assert len(found) == expected


def test_a_leg_of_the_next_call_with_the_same_reference_is_not_taken_for_one_that_is_missing() -> None:
    later = NOON + timedelta(seconds=8)
    again = msgspec.structs.replace(LEG, number=2, connected_at=later, disconnected_at=later + timedelta(seconds=6))
    recordings = [BARE, msgspec.structs.replace(RECORDING, guid="G2", started_at=later)]
    seen = msgspec.structs.replace(SEEN, connected_at=later, guid="G2")
    evidence = RunEvidence([LEG, again], recordings, [seen], gaps=[], injected=[], specs=FIELDS)
    assert Judge(evidence).judge().lost == ["leg 1 at 2001 12:00:00 calls C1: the gateway has no such leg"]


def test_the_people_of_a_run_look_alike_and_are_others() -> None:
    cast = made_cast(60, 1)
    extensions = [one.extension for one in cast.agents]
    assert len(set(extensions)) == 60
    assert {f"0{one}" for one in extensions} & set(extensions)
    assert {one.lower() for one in cast.calls if one.endswith("A")} & set(cast.calls)
    assert len(set(cast.calls)) == len(cast.calls)
    assert {one.source for one in cast.contacts} >= {"isdn", "personal", None}
    assert made_cast(60, 1) == cast != made_cast(60, 2)


def test_flags_for_a_leg_of_nobody_in_qms_are_wrong() -> None:
    stranger = msgspec.structs.replace(LEG, is_in_qms=False)
    assert judged(truth=[stranger]).wrong


def test_a_seed_repeats_its_schedule_and_no_kind_comes_twice_before_each_came_once() -> None:
    kinds = [str(number) for number in range(8)]
    planned = schedule(kinds, 300, 7)

    assert planned == schedule(kinds, 300, 7)
    assert planned != schedule(kinds, 300, 8)
    assert sorted(one.kind for one in planned[:8]) == kinds
    assert len(schedule(kinds, 3000, 7, every_seconds=100)) in range(25, 36)


def test_what_a_stepped_clock_reported_is_traced_back_to_every_moment_that_it_may_mean() -> None:
    """The clock was right, then three minutes behind from noon on."""
    moves = [(NOON - timedelta(hours=1), 0.0), (NOON, -180.0)]

    assert true_times(moves, NOON + timedelta(minutes=1)) == (NOON + timedelta(minutes=4),) * 2
    assert true_times(moves, NOON - timedelta(minutes=1)) == (NOON - timedelta(minutes=1), NOON + timedelta(minutes=2))


@pytest.mark.parametrize(("kind", "is_explained"), [("slow link", True), ("kill", False)])
def test_what_a_stalled_line_still_carried_when_it_broke_counts_as_lost_with_it(kind: str, is_explained: bool) -> None:
    stall = Injected(kind, NOON - timedelta(seconds=20), NOON + timedelta(seconds=28), timedelta(0), True)
    late = LinkGap(NOON + timedelta(seconds=30), NOON + timedelta(seconds=33))

    (gap,) = stretched([late], [stall])

    assert (gap.began_at < NOON) is is_explained
