"""The programs of one machine, as the Procfile lists them; honcho reads the same file."""

from pathlib import Path

from honcho.environ import parse_procfile

from launcher.paths import ROOT
from launcher.supervisor import Program

REDIS = "redis"


def programs(environment: dict[str, str], logs: Path | None = None) -> list[Program]:
    """Return the Procfile's programs, each writing to its own file in ``logs`` (None: to the terminal)."""
    listed = parse_procfile((ROOT / "Procfile").read_text()).processes
    return [
        Program(
            name=name,
            # exec: the process that is started is the program itself, and a signal reaches it.
            command=["/bin/sh", "-c", f"exec {command}"],
            environment=environment,
            folder=ROOT,
            log=logs / f"{name}.log" if logs else None,
            rank=0 if name == REDIS else 2,
        )
        for name, command in listed.items()
    ]
