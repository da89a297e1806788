"""``./gateway check``: the fast half of the checks: lint, format, types, imports, migrations, wording."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from launcher.paths import ROOT, sealed_environment
from launcher.supervisor import say


@dataclass(frozen=True)
class Check:
    """A check by name, and the command that fails where something is wrong."""

    name: str
    command: tuple[str, ...]


_PYTHON = sys.executable
CHECKS = (
    Check("lint", (_PYTHON, "-m", "ruff", "check", ".")),
    Check("format", (_PYTHON, "-m", "ruff", "format", "--check", ".")),
    Check("wording", (_PYTHON, "-m", "devtools.wording.check")),
    Check("imports", (str(Path(_PYTHON).with_name("lint-imports")),)),
    Check("migrations", (_PYTHON, "manage.py", "makemigrations", "--check", "--dry-run")),
    Check("types", (_PYTHON, "-m", "mypy", ".")),
)


def run(words: list[str]) -> int:
    """Run the checks that the words name (none: all); return 1 when one fails."""
    parser = argparse.ArgumentParser(prog="./gateway check", description=__doc__, allow_abbrev=False)
    known = [one.name for one in CHECKS]
    parser.add_argument("names", nargs="*", metavar="NAME", type=_known, help=f"{', '.join(known)}; default: all")
    words = parser.parse_args(words).names
    failed = [one.name for one in CHECKS if (not words or one.name in words) and not _passes(one)]
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _known(name: str) -> str:
    if name not in [one.name for one in CHECKS]:
        raise argparse.ArgumentTypeError(f"unknown check {name}; there are: {', '.join(one.name for one in CHECKS)}")
    return name


def _passes(check: Check) -> bool:
    """Run one check and print its output only where it fails."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gateway-check-") as folder:
        environment = sealed_environment() | {"GATEWAY_VAR": folder, "PYTHONPATH": os.fspath(ROOT)}
        done = subprocess.run(check.command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    say(f"{check.name:<11} {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - begin:.1f} s")
    if done.returncode != 0:
        say(done.stdout + done.stderr)
    return done.returncode == 0
