"""What programs hold is counted, and growth is seen."""

import os
import tempfile

import pytest

from devtools.bench.meter import Taken, taken
from devtools.faults.resource_growth import held, most


def test_an_open_file_counts_among_what_a_process_holds() -> None:
    before = taken({"me": os.getpid()})["me"].files

    with tempfile.TemporaryFile():
        assert taken({"me": os.getpid()})["me"].files == before + 1


@pytest.mark.parametrize(("late", "has_grown"), [(40, False), (110, False), (111, True)])
def test_a_program_that_opens_more_and_more_has_grown(late: int, has_grown: bool) -> None:
    (one,) = held({"writes": Taken(files=40)}, {"writes": Taken(files=late)})

    assert one.has_grown is has_grown


def test_a_program_that_was_not_running_early_is_not_judged() -> None:
    assert held({"writes": Taken()}, {"writes": Taken(files=500)}) == []


def test_what_postgresql_keeps_open_is_shown_and_not_judged() -> None:
    (one,) = held({"database": Taken(files=500)}, {"database": Taken(files=2000)})

    assert not one.has_grown
    assert "2000 descriptors" in str(one)


def test_a_program_weighed_as_it_started_is_judged_by_what_it_held_a_moment_later() -> None:
    starting, running = {"events": Taken(files=3)}, {"events": Taken(files=40)}

    (one,) = held(most(most({}, starting), running), {"events": Taken(files=43)})

    assert not one.has_grown
    assert most(running, starting) == running
