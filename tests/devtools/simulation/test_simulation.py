"""The simulation of the whole gateway: its clock and crashes, and a few worlds played twice."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from devtools.simulation.clock import LOOK, SimulatedClock
from devtools.simulation.crashes import Crash, Crashes
from devtools.simulation.recording_service import SimulatedRecordingService
from devtools.worlds.judge.scenario import Qms, Recording
from devtools.worlds.players.recorder import BEGIN, WorldRecorder
from launcher.paths import ROOT
from qms.port import Flag, QmsUnclear

FLAGS = [Flag("AgentId", "9101"), Flag("CTICallRef", "100")]


def service(qms: Qms, crashes: Crashes | None = None) -> SimulatedRecordingService:
    """Return a QMS at second 0."""
    guids = frozenset(one.guid for one in qms.recordings)
    return SimulatedRecordingService(WorldRecorder(qms), guids, SimulatedClock(BEGIN), crashes or Crashes(), 5.0)


def test_the_clock_stands_but_for_looks_at_it() -> None:
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    clock = SimulatedClock(begin)
    assert clock.now() - begin == LOOK
    clock.pass_to(begin + timedelta(hours=3))
    assert clock.now() == begin + timedelta(hours=3) + LOOK


def test_a_dead_process_does_nothing_more_until_it_is_started_again() -> None:
    crashes, done = Crashes(), list[str]()

    def statement(sql: str) -> None:
        crashes.around_statement(lambda *_: done.append(sql), sql, None, False, None)

    crashes.arm(1)
    statement("first")
    for _ in range(2):
        with pytest.raises(Crash):
            statement("after the crash")
    crashes.revive()
    statement("second life")
    assert done == ["first", "second life"]


def test_a_write_that_exceeds_the_time_out_takes_effect_later_and_once() -> None:
    qms = service(Qms(recordings=(Recording("R1", "2001", 0, 60),), late_writes=((0, 5),), late_seconds=40))
    with pytest.raises(QmsUnclear):
        qms.write_flags("R1", FLAGS)
    assert qms.flags("R1") == []
    qms.catch_up(BEGIN + timedelta(seconds=41))
    assert qms.flags("R1") == FLAGS
    assert [one.flag for one in qms.writes] == ["AgentId", "CTICallRef"]


def test_a_second_write_of_the_same_flags_is_seen_though_qms_takes_it() -> None:
    qms = service(Qms(recordings=(Recording("R1", "2001", 0, 60),)))
    assert qms.write_flags("R1", FLAGS) == 2
    assert qms.write_flags("R1", FLAGS) == 0
    assert len(qms.writes) == 4


def test_a_process_may_die_after_qms_has_carried_out_its_write() -> None:
    crashes = Crashes()
    qms = service(Qms(recordings=(Recording("R1", "2001", 0, 60),)), crashes)
    crashes.arm(1)
    with pytest.raises(Crash):
        qms.write_flags("R1", FLAGS)
    assert len(qms.writes) == 2


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_with_crashes_and_without_a_double_write() -> None:
    words = [sys.executable, "-m", "devtools.simulation", "--count", "4", "--seed", "40"]
    reported = [subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout for _ in range(2)]
    first, second = ([line for line in one.splitlines() if "hours" not in line] for one in reported)
    assert first[0].startswith("4 worlds")
    assert first == second
    assert not any("double" in line for line in first)
