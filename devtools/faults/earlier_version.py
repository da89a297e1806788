"""An earlier version of the gateway beside today's, on one database and one journal."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from honcho.environ import parse_procfile

from launcher.paths import ROOT
from launcher.procfile import REDIS
from launcher.supervisor import Program

EARLIER = " of the earlier version"


class EarlierVersion:
    """A commit's own files in a folder, run by this checkout's Python and packages."""

    def __init__(self, commit: str, folder: Path, logs: Path) -> None:
        self._root, self._logs = folder / "earlier", logs
        self._root.mkdir()
        pack, unpack = ["git", "archive", commit], ["tar", "-x", "-C", str(self._root)]
        archive = subprocess.Popen(pack, cwd=ROOT, stdout=subprocess.PIPE)
        subprocess.run(unpack, stdin=archive.stdout, check=True)
        if archive.wait():
            raise SystemExit(f"./gateway faults: there is no commit {commit} here")
        (self._root / ".venv").symlink_to((ROOT / ".venv").resolve())

    def manage(self, *words: str) -> str:
        """Run one of its commands and return what it said. Raises ``CalledProcessError``."""
        command = [sys.executable, str(self._root / "manage.py"), *words]
        found = subprocess.run(
            command, cwd=self._root, env=dict(os.environ), check=True, capture_output=True, text=True
        )
        return found.stdout + found.stderr

    def programs(self, environment: dict[str, str]) -> list[Program]:
        """Return the programs of its own Procfile but for Redis."""
        listed = parse_procfile((self._root / "Procfile").read_text()).processes
        return [
            Program(
                name=f"{name}{EARLIER}",
                command=["/bin/sh", "-c", f"exec {command}"],
                environment=environment,
                folder=self._root,
                log=self._logs / f"{name}-earlier.log",
                rank=2,
            )
            for name, command in listed.items()
            if name != REDIS
        ]


def beside(programs: list[Program], folder: Path, port: int) -> list[Program]:
    """Return today's programs with a folder and an address of their own, so that both versions run on one machine."""
    own = {
        "GATEWAY_VAR": str(folder / "var-today"),
        "SPOOL_DIR": str(folder / "spool-today"),
        "BIND": f"127.0.0.1:{port}",
    }
    return [replace(one, environment={**one.environment, **own}) for one in programs if one.name != REDIS]
