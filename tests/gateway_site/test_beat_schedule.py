"""Beat starts whatever its file holds."""

import pickle
from pathlib import Path

import pytest

from gateway_site.broker.schedule import LenientScheduler
from gateway_site.celery import app


def due(file: Path) -> set[str]:
    """Return the tasks that beat knows when it has started with the file."""
    scheduler = LenientScheduler(app, schedule_filename=str(file))
    try:
        return set(scheduler.schedule)
    finally:
        scheduler.close()


@pytest.mark.parametrize("values", [b"", pickle.dumps({"entries": 1})[:-2], b"not a pickle"])
def test_a_schedule_that_was_cut_off_is_made_new(tmp_path: Path, values: bytes) -> None:
    """Before: beat that was killed while it wrote ended with status 1 at every start."""
    (tmp_path / "schedule.dir").write_text("'entries', (0, 40)\n")
    (tmp_path / "schedule.dat").write_bytes(values)

    assert due(tmp_path / "schedule") >= set(app.conf.beat_schedule)


def test_a_whole_schedule_is_kept(tmp_path: Path) -> None:
    scheduler = LenientScheduler(app, schedule_filename=str(tmp_path / "schedule"))
    name = next(iter(app.conf.beat_schedule))
    scheduler.schedule[name] = next(scheduler.schedule[name])  # It ran once.
    scheduler.close()

    again = LenientScheduler(app, schedule_filename=str(tmp_path / "schedule"))

    assert again.schedule[name].total_run_count == 1
    again.close()


def test_beat_uses_it() -> None:
    assert app.conf.beat_scheduler == "gateway_site.broker.schedule:LenientScheduler"
