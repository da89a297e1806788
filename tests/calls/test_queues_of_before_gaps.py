"""A call that only waited before a gap: callers are led from queue to queue, so its queue is known no more after it."""

from typing import Any

import pytest

from tests.relatives.case import KNOWN, Case, Event, cleared, established, other, played, queued, rings

pytestmark = pytest.mark.core

RECORDINGS = [("R1", "2001", 30.1, 40.0)]


def gap(seconds: float, *, has_snapshot: bool) -> list[Event]:
    ends = [other(10 + seconds, "link.Restored")]
    if has_snapshot:
        ends += [other(10.01 + seconds, "snapshot.Began"), other(10.02 + seconds, "snapshot.Ended")]
    return [other(10, "link.Lost"), *ends]


def queue_of(events: list[Event], **site: Any) -> str | None:
    replay = played(Case("", events, [], RECORDINGS, site={"queues": ["5000", "5001"], **site}))
    found = [replay.flags[leg.number] for leg in replay.legs if leg.guid == "R1" and leg.number in replay.flags]
    return found[0].get("QueueName", "") if found and found[0]["CallerName"] == "Jo" else None


WAITS = [queued(5, "100", "5000", queue="Sales", **KNOWN)]
ANSWERED = [established(30, "100", "2001", interaction="I1"), cleared(40, "100", "2001")]


@pytest.mark.parametrize("has_source_times", [True, False])
@pytest.mark.parametrize("has_snapshot", [True, False])
@pytest.mark.parametrize(("seconds", "queue"), [(3, "Sales"), (3.1, ""), (12, "")])
@pytest.mark.parametrize("rung", [[], [rings(6, "100", "2001")]], ids=["waits", "rings"])
def test_a_call_that_nobody_had_answered_keeps_all_but_its_queue_through_a_gap_of_over_three_seconds(
    rung: list[Event], seconds: float, queue: str, has_snapshot: bool, has_source_times: bool
) -> None:
    events = [*WAITS, *rung, *gap(seconds, has_snapshot=has_snapshot), *ANSWERED]

    assert queue_of(events, has_source_times=has_source_times) == queue


@pytest.mark.parametrize(
    "stated",
    [
        [queued(20, "100", "5001", queue="Orders", interaction="I1"), *ANSWERED],
        [established(30, "100", "2001", interaction="I1", queue="Orders"), ANSWERED[1]],
    ],
    ids=["as it is queued", "as it is answered"],
)
def test_a_queue_that_is_stated_after_the_gap_counts(stated: list[Event]) -> None:
    assert queue_of([*WAITS, *gap(5, has_snapshot=True), *stated]) == "Orders"


def test_a_call_in_which_somebody_talked_before_the_gap_keeps_its_queue() -> None:
    talks = [*WAITS, established(8, "100", "2002"), *gap(5, has_snapshot=False)]
    snapshot = [other(15.01, "snapshot.Began"), established(15.02, "100", "2002"), other(15.03, "snapshot.Ended")]
    after = [other(25, "Transferred", primaryOldCallId="100", resultingCallId="100", transferringDeviceId="2002")]
    after[0]["transferredToDeviceId"] = "2001"

    assert queue_of([*talks, *snapshot, *after, *ANSWERED]) == "Sales"
