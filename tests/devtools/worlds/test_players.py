"""The judge catches every broken player, and asks nothing that a plain one cannot do."""

from __future__ import annotations

from time import process_time

import pytest

from devtools.worlds.judge.emit import FAULTS
from devtools.worlds.judge.generate import KINDS, generate
from devtools.worlds.judge.runner import minimal, run
from devtools.worlds.judge.transcript import loads
from devtools.worlds.judge.world import scenario_of
from tests.devtools.worlds.naive import Naive

# The rule that is broken, and what the judge must find of it.
BROKEN = {
    "crosses": "wrong",  # facts of an id's last life
    "twice": "double",
    "silence": "wrong",  # no answer after a transfer is taken for "the same recording"
    "agent": "wrong",  # the last of two who overlap at a phone
    "colleague": "wrong",  # whoever calls an agent with a customer on hold inherits the customer
    "owner": "wrong",  # whatever is recorded there is this leg's
    "order": "unexplained",  # events as heard, not as they happened
    "offered": "wrong",  # the phone that was offered is taken for the one that answered
    "queue": "wrong",  # a queue that was left unanswered stays
    "digits": "wrong",  # "0100" is taken for "100"
    "wrapup": "wrong",  # a wrap-up goes to the first life that fits
    "short": "missing",
    "batch": "partition_differences",
    "unexplained": "unexplained",
    "reasonless": "unsettled",
    "shown": "untrue",
}


#: The plain player knows no stories.
PLAIN = (*KINDS, *FAULTS)


def test_a_plain_player_passes() -> None:
    report = run(Naive(), seed=0, count=1500, kinds=PLAIN)
    assert report.failures == []
    assert report.cost_of_caution < 0.01
    assert report.flagged > 5000
    assert set(report.kinds) == set(KINDS)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_player_is_caught(fault: str) -> None:
    report = run(Naive(fault), seed=0, count=600, kinds=PLAIN)
    assert getattr(report, BROKEN[fault]) > 0


@pytest.mark.parametrize("fault", ["crosses", "silence", "colleague", "agent"])
def test_a_failure_becomes_a_small_transcript(fault: str) -> None:
    report = run(Naive(fault), seed=0, count=600, kinds=PLAIN, cut=False)
    failure = next(x for x in report.failures if any(y.kind == BROKEN[fault] for y in x.findings))
    small, text = minimal(Naive(fault), failure, PLAIN)
    scenario, legs = loads(text)
    assert scenario.events == scenario_of(small).events
    assert len([x for x in small.said if x.call and not x.lost]) <= 16
    assert len(small.truths) <= 2
    assert legs


def test_the_seed_decides() -> None:
    for seed in range(50):
        assert generate(seed) == generate(seed)
    assert generate(1) != generate(2)


def test_thousands_of_worlds_are_judged_in_a_minute_of_one_core() -> None:
    began = process_time()
    report = run(Naive(), seed=0, count=300, kinds=PLAIN, cut=False)
    assert report.worlds / (process_time() - began) > 50
