"""Beat starts whatever its file holds."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_site.broker.schedule import LenientScheduler
from gateway_site.celery import app
from launcher.paths import ROOT, sealed_environment


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


def test_a_schedule_whose_end_a_power_loss_took_is_made_new(tmp_path: Path) -> None:
    """Before: the old file's memory was written over the new one when it was collected, and beat had no task."""
    LenientScheduler(app, schedule_filename=str(tmp_path / "schedule")).close()
    whole = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    (data,) = [name for name in whole if not name.endswith((".dir", ".bak"))]
    for kept in range(0, len(whole[data]), 97):
        folder = tmp_path / str(kept)
        folder.mkdir()
        for name, content in whole.items():
            (folder / name).write_bytes(content)
        (folder / data).write_bytes(whole[data][:kept] + bytes(len(whole[data]) - kept))

    # A program of its own: what keeps a log for a test keeps the old file from being collected, too.
    found = subprocess.run(
        [sys.executable, "-c", COUNT_TASKS, str(tmp_path)],
        cwd=ROOT,
        env=sealed_environment() | {"DJANGO_SETTINGS_MODULE": "gateway_site.settings", "GATEWAY_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    counts = found.stdout.strip().splitlines()[-1].split()
    assert len(counts) == len(range(0, len(whole[data]), 97))
    assert set(counts) == {str(len(due(tmp_path / "schedule")))}


#: Starts beat with the schedule of each folder, and prints how many tasks it knows.
COUNT_TASKS = """
import pathlib, sys
import django
django.setup()
from gateway_site.broker.schedule import LenientScheduler
from gateway_site.celery import app
folders = [one for one in sorted(pathlib.Path(sys.argv[1]).iterdir()) if one.name.isdigit()]
print(*[len(LenientScheduler(app, schedule_filename=str(one / "schedule")).schedule) for one in folders])
"""


def test_beat_goes_on_in_memory_where_its_file_cannot_be_made(tmp_path: Path) -> None:
    for suffix in ("", ".db", ".dat", ".bak", ".dir"):
        (tmp_path / f"schedule{suffix}").mkdir()

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
