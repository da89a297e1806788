"""The gateway's time while the machine's is stepped."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from clock import RATE, SteadyClock

NOON = 1_800_000_000.0


@dataclass
class Machine:
    """A machine's two clocks."""

    wall: float = NOON
    tick: float = 5_000.0

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.wall, self.tick = self.wall + seconds, self.tick + seconds

    def clock(self, file: Path, boot: str = "first") -> SteadyClock:
        """Start a process that reads both."""
        return SteadyClock(file, boot, lambda: self.wall, lambda: self.tick)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the processes agree."""
    return tmp_path / "var" / "clock"


def test_it_says_the_machines_time_while_nobody_steps_it(file: Path) -> None:
    machine = Machine()
    clock = machine.clock(file)
    machine.passes(3600)

    assert clock.now().timestamp() == NOON + 3600


@pytest.mark.parametrize("step", [-600.0, -180.0, 180.0, 600.0])
def test_a_step_of_minutes_is_made_good_slowly_and_never_backwards(file: Path, step: float) -> None:
    machine = Machine()
    clock = machine.clock(file)
    before = clock.now().timestamp()
    machine.wall += step
    at_once = clock.now().timestamp()
    machine.passes(100)
    later = clock.now().timestamp()
    machine.passes(abs(step) / RATE)

    assert at_once == before
    assert later - at_once == pytest.approx(100 * (1 + (RATE if step > 0 else -RATE)))
    assert clock.now().timestamp() == pytest.approx(machine.wall)


def test_processes_that_notice_a_step_one_after_the_other_say_the_same_time(file: Path) -> None:
    machine = Machine()
    first, second = machine.clock(file), machine.clock(file)
    first.now()
    second.now()
    machine.wall -= 180
    first.now()
    machine.passes(60)

    assert second.now() == first.now() == machine.clock(file).now()


def test_a_step_and_its_undoing_leave_no_trace(file: Path) -> None:
    machine = Machine()
    clock = machine.clock(file)
    for step in (-180, 180):
        clock.now()
        machine.wall += step

    assert clock.now().timestamp() == machine.wall


def test_a_clock_that_was_simply_wrong_is_believed_at_once_when_it_is_set(file: Path) -> None:
    machine = Machine()
    clock = machine.clock(file)
    clock.now()
    machine.wall += 86_400

    assert clock.now().timestamp() == machine.wall


def test_a_machine_that_starts_again_forgets_what_was_agreed(file: Path) -> None:
    machine = Machine()
    machine.clock(file).now()
    machine.wall, machine.tick = NOON + 500, 3.0

    assert machine.clock(file, boot="second").now().timestamp() == machine.wall


def test_a_file_that_makes_no_sense_is_written_again(file: Path) -> None:
    machine = Machine()
    file.parent.mkdir()
    file.write_bytes(b"torn")

    assert machine.clock(file).now().timestamp() == NOON
    assert machine.clock(file).now().timestamp() == NOON


def test_a_process_that_cannot_write_the_file_goes_on_by_itself(tmp_path: Path) -> None:
    machine = Machine()
    (tmp_path / "var").write_text("a file where the folder should be")
    clock = machine.clock(tmp_path / "var" / "clock")
    clock.now()
    machine.wall -= 180

    assert clock.now().timestamp() == NOON
