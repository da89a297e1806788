"""What the programs hold early in a run and at its end: descriptors (files, connections) and memory do not grow."""

from collections.abc import Mapping
from dataclasses import dataclass

from devtools.bench.meter import Taken, taken
from launcher.supervisor import Supervisor

#: Threads and their connections begin as they are needed, so that a program that has just started holds less.
MORE_FILES, TIMES_FILES = 30, 2
#: A session of PostgreSQL keeps open what files of tables it has touched: its number says nothing.
NOT_OURS = ("database", "redis", "simulated QMS", "simulated PBX")
MIB = 2**20


@dataclass(frozen=True)
class HeldResources:
    """What a program and all that it started held, early and at the end."""

    program: str
    early: Taken
    late: Taken

    @property
    def has_grown(self) -> bool:
        """Say whether the descriptors grew beyond what a program opens by and by."""
        return self.program not in NOT_OURS and self.late.files > self.early.files * TIMES_FILES + MORE_FILES

    def __str__(self) -> str:
        files = f"{self.early.files} and {self.late.files} descriptors"
        return f"{files}, {self.early.bytes / MIB:.0f} and {self.late.bytes / MIB:.0f} MiB"


def weigh(supervisor: Supervisor) -> dict[str, Taken]:
    """Return what each program holds now."""
    return taken({name: supervisor.pid(name) for name in supervisor.names})


def most(one: Mapping[str, Taken], other: Mapping[str, Taken]) -> dict[str, Taken]:
    """Return, for each program, the weighing with more descriptors."""
    both = (one, other)
    return {name: max((each.get(name, Taken()) for each in both), key=_files) for name in {**one, **other}}


def _files(one: Taken) -> int:
    return one.files


def held(early: Mapping[str, Taken], late: Mapping[str, Taken]) -> list[HeldResources]:
    """Return the programs that were there both times, by name."""
    running = sorted(name for name in early if early[name].files and name in late and late[name].files)
    return [HeldResources(name, early[name], late[name]) for name in running]
