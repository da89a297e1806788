"""Play several days in a database of their own, and say what came of each."""

import shutil
from collections.abc import Sequence
from datetime import timedelta

from cti.archive.archiver import archive_folder
from devtools.replay_days.days import ReplayedDay, play_day
from devtools.simulation.gateway import Database
from gateway_site.config.declaration import Declaration
from gateway_site.replays.results import kept_result
from gateway_site.replays.texts import example_lines, group_line


def replay_days(seeds: Sequence[int], length: timedelta, calls_per_second: float) -> int:
    """Play and replay a day for each seed; return 1 where anything is different."""
    database, are_right = Database(Declaration()), True
    for seed in seeds:
        database.reset()
        shutil.rmtree(archive_folder(), ignore_errors=True)
        day = play_day(seed, length, calls_per_second)
        are_right = are_right and day.is_right
        _say(day)
    return 0 if are_right else 1


def _say(day: ReplayedDay) -> None:
    found = day.found
    print(
        f"seed {day.seed}: {day.events:,} events, {day.legs:,} legs, {day.flagged:,} flagged, played in"
        f" {day.played_seconds:.0f} s; {found.compared:,} compared, {found.different:,} different;"
        f" the archive has {day.archive_bytes / day.events:,.0f} bytes an event",
        flush=True,
    )
    for why, number in [*found.apart.items(), ("gaps", found.gaps), ("failures", found.failures)]:
        if number:
            print(f"  {number:,}: {why}")
    for group in kept_result("demo", 0.0, found).groups:
        print(f"  {group_line(group)}")
        for line in example_lines(group):
            print(f"           {line}")
