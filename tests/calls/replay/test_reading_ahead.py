"""Slices come from another process as from this one: in any order, with their errors, and it ends with its asker."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError

from calls.replay.reading_ahead import ReaderEnded, reading_ahead
from calls.replay.recorded import RecordedSlice
from devtools.servers import wait_until

BROKEN, DEADLY = 7, 13


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})


def read(number: int) -> RecordedSlice:
    """Stand for the database: a slice says its number, and which process read it."""
    if number == DEADLY:
        os._exit(1)
    if number == BROKEN:
        raise OperationalError("the database is away") from ConnectionError("no route")
    return RecordedSlice(apart={number: str(os.getpid())})


def test_slices_come_from_another_process_in_whatever_order_they_are_asked_for() -> None:
    with reading_ahead(read) as ahead:
        found = [ahead(number) for number in (3, 4, 5, 4, 3, 5, 90, 91, 2)]

    assert [list(one.apart) for one in found] == [[3], [4], [5], [4], [3], [5], [90], [91], [2]]
    readers = {text for one in found for text in one.apart.values()}
    assert len(readers) == 1
    assert str(os.getpid()) not in readers
    assert multiprocessing.active_children() == []


def test_an_error_comes_with_the_slice_that_has_it_and_not_before() -> None:
    with reading_ahead(read) as ahead:
        assert list(ahead(BROKEN - 1).apart) == [BROKEN - 1]
        with pytest.raises(OperationalError, match="the database is away") as raised:
            ahead(BROKEN)
        assert list(ahead(BROKEN + 1).apart) == [BROKEN + 1]

    assert isinstance(raised.value.__cause__, ConnectionError)


def test_a_reader_that_dies_ends_the_replay_with_a_sentence() -> None:
    with reading_ahead(read) as ahead, pytest.raises(ReaderEnded, match="see the machine's memory"):
        ahead(DEADLY)


def test_an_error_of_who_asks_ends_the_reader() -> None:
    with pytest.raises(ZeroDivisionError), reading_ahead(read) as ahead:
        ahead(len(ahead(1).apart) // 0)

    assert multiprocessing.active_children() == []


def test_the_reader_ends_where_who_asks_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "reader"
    asker = multiprocessing.get_context("fork").Process(target=_ask_and_die, args=(said,))
    asker.start()
    asker.join()
    assert asker.exitcode == -signal.SIGKILL
    reader = int(said.read_text())

    wait_until(_is_gone(reader), "the end of the reader")


def _ask_and_die(said: Path) -> None:
    with reading_ahead(read) as ahead:
        said.write_text(ahead(1).apart[1])
        os.kill(os.getpid(), signal.SIGKILL)


def _is_gone(process: int) -> Callable[[], bool]:
    stat = Path(f"/proc/{process}/stat")
    return lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_on_one_core_a_process_reads_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})

    with reading_ahead(read) as ahead:
        assert ahead(3).apart == {3: str(os.getpid())}
