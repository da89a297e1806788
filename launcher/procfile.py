"""The programs of one machine, as the Procfile lists them; honcho reads the same file."""

import subprocess
from dataclasses import replace
from pathlib import Path

from honcho.environ import parse_procfile

from launcher.forks import Forked
from launcher.paths import ROOT
from launcher.supervisor import Program

REDIS = "redis"
#: What begins the line of a program that can be a fork.
PYTHON = [".venv/bin/python", "-m"]


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


def as_fork(program: Program) -> Program:
    """Return a program of ours as a fork of the process that has loaded everything; its environment must be ours."""
    # The shell itself replaces what the line has of variables, as it would at the start.
    command = program.command[-1].removeprefix("exec ")
    shell = ["/bin/sh", "-c", f"printf '%s\\n' {command}"]
    printed = subprocess.run(shell, env=program.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    words = printed.stdout.split("\n")
    return replace(program, fork=Forked(words[2:-1])) if words[:2] == PYTHON else program
