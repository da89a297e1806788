"""How fast a day is replayed from the archive, by the command as a person runs it, in how much memory.

The day of ``devtools.bench.day`` is folded first, and archived as it goes; that is not measured. The replay must find
that nothing would be different. PostgreSQL vacuums and analyses every two seconds, as in the day's own bench, for the
minute of a real day: without statistics it reads whole tables for each ten minutes of the replay.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from calls.privacy.subject import ErasureSubject, SubjectKind, pattern_of
from cti.api import ArchivedFrame, archive_journals, erase_from_archives, source_archive
from cti.archive.files import lines_of
from devtools.bench.day import MIDNIGHT, VACUUM_SECONDS, BenchDay
from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.bench.table_sizes import vacuum_every
from launcher.paths import ROOT

#: The part of the day's calls: 290,000 calls, two million events, is 0.5.
SCALE, QUICK_SCALE = 0.05, 0.0005
#: Aim, in events a second of the whole command.
AIM = 20_000
KIB, MIB = 1024, 2**20
_SAID = re.compile(r"([\d,]+) events in ([\d.,]+) s")


class ArchivedDay(BenchDay):
    """A day of which the journal is archived before it is trimmed."""

    def _trim(self) -> None:
        archive_journals(lambda: self.traffic.now)
        super()._trim()


class CommandRun(NamedTuple):
    """A run of the command: what it printed, its CPU seconds, its memory at the peak in bytes."""

    text: str
    cpu: float
    peak: int


def replay(load: Load) -> list[Result]:
    """Fold and archive a day, replay it, and judge what the command says."""
    vacuum_every(VACUUM_SECONDS)
    day = ArchivedDay(load.scale or (QUICK_SCALE if load.is_quick else SCALE))
    day.go()
    archive_journals(lambda: day.traffic.now)
    run = _command()
    said = _SAID.search(run.text)
    assert said is not None, run.text
    events, seconds = int(said[1].replace(",", "")), float(said[2].replace(",", ""))
    size = source_archive(day.traffic.source.slug).size()
    searched = _search_rate(day.traffic.source.slug)
    is_right = f"Nothing would be different: {day.calls:,} legs were compared." in run.text
    return [
        Result(
            bench="replay",
            what=f"{events:,} events, {day.calls:,} legs",
            rate=events / max(seconds, 0.1),
            unit="events/s",
            cpu_seconds=run.cpu,
            notes=[
                f"{seconds:,.1f} s; {events / run.cpu:,.0f} events a CPU second, Django's start included (aim {AIM:,})",
                f"memory at its peak: {run.peak / MIB:,.0f} MiB",
                f"archive: {size / MIB:,.1f} MiB, {size / events:,.0f} bytes an event",
                f"an erasure that finds nothing searches {searched / MIB:,.0f} MiB of events a CPU second",
                *([] if is_right else run.text.splitlines()),
            ],
            is_broken=not is_right,
        )
    ]


def _search_rate(slug: str) -> float:
    """Return how many bytes of events a second an erasure unpacks and searches."""
    frames = [one for one in source_archive(slug).frames() if isinstance(one, ArchivedFrame)]
    size = sum(len(lines_of(one)) for one in frames)
    began = time.process_time()
    erased = erase_from_archives(pattern_of(ErasureSubject(SubjectKind.NUMBER, "+4999999999999")))
    assert erased == 0
    return size / (time.process_time() - began)


def _command() -> CommandRun:
    """Run the command in a process of its own."""
    begin, end = MIDNIGHT, MIDNIGHT + timedelta(days=1)
    words: Sequence[str] = ("replay", "--from", begin.isoformat(), "--to", end.isoformat())
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return CommandRun(text, used.ru_utime + used.ru_stime, used.ru_maxrss * KIB)
