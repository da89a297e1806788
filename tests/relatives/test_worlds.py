"""Some hundred worlds of the independent judge: what its thousands find (`./gateway worlds`) is noticed here."""

import pytest

from devtools.worlds.judge.runner import Report, run
from devtools.worlds.players.core import CorePlayer, LateCorePlayer

FINDINGS = ("wrong", "double", "missing", "unexplained", "unsettled", "untrue", "partition_differences")
COUNT = 30
#: Of each thirty worlds: the recordings without flags, and the flags left out, though a person could have known them.
COSTS = [
    (0, 2, 8),
    (30, 0, 2),
    (60, 1, 3),
    (90, 0, 3),
    (120, 0, 0),
    (150, 2, 9),
    (180, 2, 13),
    (210, 0, 0),
    (240, 1, 6),
    (270, 0, 1),
    (300, 1, 3),
    (330, 0, 2),
    (360, 3, 12),
    (390, 2, 12),
    (420, 1, 3),
    (450, 3, 13),
]


def _found(report: Report) -> dict[str, int]:
    return {name: count for name in FINDINGS if (count := getattr(report, name))}


@pytest.mark.parametrize(("seed", "recordings", "flags"), COSTS)
def test_worlds_come_to_the_right_flags_and_caution_costs_no_more_than_it_did(
    seed: int, recordings: int, flags: int
) -> None:
    report = run(CorePlayer(), seed=seed, count=COUNT, cut=False)

    assert _found(report) == {}
    assert (report.left, report.flags_left) <= (recordings, flags)


def test_worlds_come_to_the_same_however_the_journal_is_cut_into_batches() -> None:
    assert _found(run(CorePlayer(), seed=0, count=40)) == {}


def test_worlds_that_are_folded_late_come_to_no_wrong_flag() -> None:
    report = run(LateCorePlayer(), seed=0, count=40, cut=False, excused=("missing",))

    assert report.flagged > 80
    assert _found(report) == {}
