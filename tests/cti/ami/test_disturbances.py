"""No disturbance of the link or of an event gives a recording a wrong flag; a missing one can be explained."""

import random

import pytest

from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.port import Stamp
from devtools.disturb.__main__ import FOLDER, main, run
from devtools.disturb.disturbances import Disturbed, disturbed, undisturbed
from devtools.disturb.judge import DisturbanceJudge
from devtools.disturb.pbx_model import PbxModel
from devtools.disturb.trace import load, names
from tests.cti.ami.scenarios import SCENARIOS
from tests.cti.ami.traces import source

EVENTS = PbxState(source(), Stamp("pbx", "0")).events
QUICK = [name for name in names(FOLDER) if name not in ("m-busy-hour-15", "q-strange-names")]


def judge_of(name: str) -> DisturbanceJudge:
    return DisturbanceJudge(SCENARIOS[name]().trace(name))


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_undisturbed_scenario_flags_every_conversation_rightly(name: str) -> None:
    judge = judge_of(name)

    assert judge.learn(undisturbed(judge.trace)) == []
    assert len(judge.right) == len(judge.trace.truth["conversations"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_disturbed_scenario_gives_no_wrong_flag(name: str) -> None:
    """Every cut that begins while something is said of a call, and every event."""
    judge = judge_of(name)
    judge.learn(undisturbed(judge.trace))
    every = list(disturbed(judge.trace, EVENTS))
    some = random.Random(16).sample(every, len(every) // 3)
    wrong = [(one.name, found) for one in some if (found := judge.wrong(one)[0])]

    assert wrong == []


@pytest.mark.nightly
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_disturbance_of_a_scenario_gives_a_wrong_flag(name: str) -> None:
    judge = judge_of(name)
    judge.learn(undisturbed(judge.trace))

    assert [(one.name, found) for one in disturbed(judge.trace, EVENTS) if (found := judge.wrong(one)[0])] == []


@pytest.mark.parametrize("name", QUICK)
def test_a_sample_of_a_recorded_trace_gives_no_wrong_flag(name: str) -> None:
    assert [(disturbance, wrong) for disturbance, wrong, _ in run(FOLDER, name, 60) if wrong] == []


def test_a_transfer_of_which_the_consultation_was_not_heard_keeps_the_customers_interaction() -> None:
    """Bob takes Alice's place in the bridge microseconds after she left it."""
    trace = load(FOLDER, "h-attended-transfer")
    judge = DisturbanceJudge(trace)
    judge.learn(undisturbed(trace))
    (one,) = [one for one in disturbed(trace, EVENTS) if one.name == "Newchannel at message 113 dropped"]

    assert judge.wrong(one)[0] == []


def cuts(name: str, *, seconds: str, within: tuple[float, float]) -> list[Disturbed]:
    trace = SCENARIOS[name]().trace(name)
    every = [one for one in disturbed(trace, frozenset()) if one.name.endswith(f"for {seconds} s")]
    return [one for one in every if within[0] <= float(one.name.split()[2]) <= within[1]]


@pytest.mark.parametrize("name", ["feature_code_transfer", "feature_code_cancelled", "feature_code_unanswered"])
def test_the_customers_leg_survives_a_cut_while_a_consultation_rings(name: str) -> None:
    """Alice consults from 4 s on; Bob's phone rings until 5.5 s."""
    judge = judge_of(name)
    judge.learn(undisturbed(judge.trace))
    some = cuts(name, seconds="0.5", within=(4.1, 4.8))

    assert len(some) == 8
    assert [judge.wrong(one) for one in some] == [([], 0)] * 8


def test_the_model_of_the_pbx_ends_as_the_recorded_one_did() -> None:
    trace = load(FOLDER, "h-attended-transfer")
    model = PbxModel(trace.answers)
    for sent in trace.messages:
        model.hear(sent.raw)

    assert (model.channels, model.entries) == ({}, {})
    assert {member["Location"]: member["Name"] for member in model.members.values()} == {"PJSIP/2001": "Alice Archer"}


def test_the_command_counts_and_fails_when_a_flag_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--trace", "e-ring-no-answer", "--count", "5"]) == 0
    assert "disturb: 5 disturbances in" in capsys.readouterr().out
