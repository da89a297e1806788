"""The spool keeps events in order over crashes, and says when it can take no more."""

import resource
from pathlib import Path

import pytest

from cti.journal.stream import Entry
from cti.listener.spool import RESERVE_BYTES, Spool, SpoolFull


def entries(*numbers: int) -> list[Entry]:
    return [Entry(f"5000-{number}", b'{"n":"%d"}' % number) for number in numbers]


def open_spool(folder: Path, max_bytes: int = 1_000_000) -> Spool:
    return Spool(folder / "spool" / "pbx", max_bytes)


def test_entries_come_back_in_order_and_are_forgotten_when_dropped(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(entries(1, 2))
    spool.append(entries(3))

    assert spool.peek(2) == entries(1, 2)
    spool.drop(2)
    assert spool.peek(9) == entries(3)
    spool.append(entries(4))
    spool.drop(2)
    assert (spool.count, spool.peek(9), spool.path.stat().st_size) == (0, [], 0)


def test_a_new_life_finds_what_the_last_one_left(tmp_path: Path) -> None:
    open_spool(tmp_path).append(entries(1, 2))

    spool = open_spool(tmp_path)

    assert (spool.count, spool.last_id) == (2, "5000-2")
    spool.append(entries(3))
    assert spool.peek(9) == entries(1, 2, 3)


@pytest.mark.parametrize("torn", range(1, 30))
def test_a_line_that_a_crash_tore_is_left_out(tmp_path: Path, torn: int) -> None:
    spool = open_spool(tmp_path)
    spool.append(entries(1))
    whole = spool.path.read_bytes()
    spool.append(entries(2))
    spool.path.write_bytes(spool.path.read_bytes()[: len(whole) + torn])

    spool = open_spool(tmp_path)
    is_whole = torn >= len(whole)
    spool.append(entries(3))

    assert spool.peek(9) == (entries(1, 2, 3) if is_whole else entries(1, 3))


def test_a_damaged_line_does_not_hide_the_others(tmp_path: Path) -> None:
    open_spool(tmp_path).append(entries(1, 2, 3))
    path = tmp_path / "spool" / "pbx" / "events"
    path.write_bytes(path.read_bytes().replace(b'"2"', b'"7"'))

    assert open_spool(tmp_path).peek(9) == entries(1, 3)


def test_a_full_spool_takes_nothing_but_the_last_word(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, max_bytes=100)
    spool.append(entries(1, 2))
    before = spool.path.read_bytes()

    with pytest.raises(SpoolFull) as refusal:
        spool.append(entries(*range(3, 9)))
    assert refusal.value.retryable
    assert spool.path.read_bytes() == before
    spool.append(entries(*range(3, 9)), is_last_word=True)
    assert spool.count == 8
    assert RESERVE_BYTES > 1000


def test_a_full_disk_leaves_the_spool_as_it_was(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(entries(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
    try:
        with pytest.raises(SpoolFull):
            spool.append(entries(*range(2, 9)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert open_spool(tmp_path).peek(9) == entries(1)
    spool.append(entries(2))
    assert spool.peek(9) == entries(1, 2)


def test_what_came_too_late_is_kept_apart_for_a_person(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.append(entries(1, 2))

    aside = spool.retire()

    assert aside.read_bytes().count(b"\n") == 2
    assert (spool.count, open_spool(tmp_path).count) == (0, 0)
    spool.append(entries(3))
    assert spool.peek(9) == entries(3)
