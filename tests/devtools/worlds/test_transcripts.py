"""The known hard cases in the world's words: the judge's right answers must equal those of the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devtools.worlds.judge.expect import expectations
from devtools.worlds.judge.judge import judge
from devtools.worlds.judge.legs import right_legs
from devtools.worlds.judge.player import Leg
from devtools.worlds.judge.scenario import Scenario
from devtools.worlds.judge.transcript import dumps, loads
from devtools.worlds.judge.world import Before, Incarnation, Said, Truth, World, scenario_of
from tests.devtools.worlds.naive import Naive

FOLDER = Path(__file__).parent / "transcripts"


def truth(guid: str, leg: tuple[float, float], ref: str, calls: tuple[int, ...], kin: tuple[int, ...], contact: int,
          agent: str, **more: Any) -> dict[str, Any]:  # fmt: skip
    """Hold what is true of a recording; its place and times come from the file."""
    row: dict[str, Any] = {"guid": guid, "leg_start": leg[0], "leg_end": leg[1], "refs": (ref,), "calls": calls}
    row |= {"kin": kin, "contact": contact, "interaction": f"I{contact}", "group": 1, "agent": agent}
    return row | more


# For each file: the incarnation of which each event is (0: of none), and what is true of each recording.
CASES: dict[str, tuple[tuple[int, ...], list[dict[str, Any]]]] = {
    "reuse_75_batch": (
        (0, 0, 0, 1, 1, 1, 2, 2, 1, 3, 3, 3, 1),
        [
            truth("R1", (5, 20), "C1", (1,), (1, 2), 1, "9101", shared=True),
            truth("R2", (15, 300), "C1", (1,), (1, 2), 1, "9102", before=Before(20, ("C2",), (2,))),
            truth("R3", (95, 125), "C2", (3,), (3,), 2, "9103"),
        ],
    ),
    "reuse_after_abandoned": (
        (0, 0, 1, 1, 1, 1, 2, 2, 2),
        [truth("R3", (22, 60), "100", (2,), (2,), 2, "9102")],
    ),
    "reuse_after_blind_target_lives": (
        (0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 2),
        [
            truth("R1", (5, 20), "100", (1,), (1, 2), 1, "9101"),
            truth("R2", (22, 300), "101", (1, 2), (1, 2), 1, "9102"),
            truth("R3", (57, 70), "100", (3,), (3,), 2, "9103"),
        ],
    ),
    "reuse_after_plain": (
        (0, 0, 1, 1, 1, 2, 2, 2, 2),
        [
            truth("R1", (5, 20), "100", (1,), (1,), 1, "9101"),
            truth("R2", (45, 60), "100", (2,), (2,), 2, "9102"),
        ],
    ),
    "reuse_established_only": (
        (0, 0, 1, 1, 2, 2),
        [
            truth("R1", (5, 20), "100", (1,), (1,), 1, "9101"),
            truth("R2", (50, 60), "100", (2,), (2,), 2, "9102"),
        ],
    ),
    "transfer_qms_away": (
        (0, 0, 1, 1, 1, 2, 2, 1, 1),
        [
            truth("R1", (5, 30), "C1", (1,), (1, 2), 1, "9101", shared=True),
            truth("R2", (25, 30), "C2", (2,), (1, 2), 1, "9102"),
            truth("R3", (30, 60), "C1", (1,), (1, 2), 1, "9102", born="transfer"),
        ],
    ),
}


def world_of(name: str) -> tuple[World, Scenario, tuple[Leg, ...]]:
    """Return a file's situation as a world, its scenario, and the legs that the file expects."""
    scenario, legs = loads((FOLDER / f"{name}.toml").read_text())
    keys, rows = CASES[name]
    said = tuple(Said(e, k, 1 if k else 0) for e, k in zip(scenario.events, keys, strict=True))
    made = {x.guid: x for x in scenario.qms.recordings}
    truths = tuple(
        Truth(extension=made[x["guid"]].extension, start=made[x["guid"]].start, end=made[x["guid"]].end, **x)
        for x in rows
    )
    ids = {k: str(e.data["callId"]) for e, k in zip(scenario.events, keys, strict=True) if k and "callId" in e.data}
    lives = tuple(Incarnation(k, v, 0, 1e9, 0) for k, v in sorted(ids.items()))
    return World(0, scenario.site, said, truths, lives, scenario.qms), scenario, legs


@pytest.mark.parametrize("name", CASES)
def test_right_answers(name: str) -> None:
    world, _, legs = world_of(name)
    right = {x.truth.guid: {k: v.values[0] for k, v in x.flags.items()} for x in expectations(world)}
    found = {(x.extension, x.start): x for x in legs}
    for one in world.truths:
        leg = found[one.extension, one.leg_start]
        if leg.outcome == "flagged":
            assert right[one.guid] == leg.flags
        else:
            assert next(x.duty for x in expectations(world) if x.truth is one) == "excused"


@pytest.mark.parametrize("name", CASES)
def test_right_legs(name: str) -> None:
    world, _, legs = world_of(name)
    made = {(x.extension, x.start, x.end, x.call, x.outcome, tuple(sorted(x.flags.items()))) for x in right_legs(world)}
    wanted = {(x.extension, x.start, x.end, x.call, x.outcome, tuple(sorted(x.flags.items()))) for x in legs}
    assert made == wanted


@pytest.mark.parametrize("name", CASES)
def test_naive_player_and_no_finding(name: str) -> None:
    world, scenario, legs = world_of(name)
    observed = Naive().play(scenario, None)
    assert judge(world, observed).findings == []
    assert {(x.extension, x.start, x.outcome) for x in observed.legs} == {
        (x.extension, x.start, x.outcome) for x in legs
    }


@pytest.mark.parametrize("name", ["reuse_75_batch", "reuse_after_abandoned", "reuse_after_plain"])
def test_crossing_is_found(name: str) -> None:
    world, scenario, _ = world_of(name)
    assert any(x.kind == "wrong" for x in judge(world, Naive("crosses").play(scenario, None)).findings)


def test_silence_is_found() -> None:
    world, scenario, _ = world_of("transfer_qms_away")
    found = judge(world, Naive("silence").play(scenario, None)).findings
    assert {"CallerName", "CTICallRef"} <= {x.flag for x in found if x.kind == "wrong"}


@pytest.mark.parametrize("name", CASES)
def test_written_and_read_again(name: str) -> None:
    world, scenario, legs = world_of(name)
    again, same = loads(dumps(scenario, legs))
    assert again.events == scenario.events
    assert same == legs
    assert again.qms == scenario.qms
    assert again.site == scenario.site
    assert scenario_of(world).events == scenario.events
