"""``./gateway faults``: break the running gateway on purpose, on a real Redis and PostgreSQL of its own."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment
from launcher.run_tests import has_postgresql
from launcher.supervisor import say


def run(words: list[str]) -> int:
    """Run the harness; on SQLite where PostgreSQL is not installed."""
    if not has_postgresql() and "--sqlite" not in words:
        say("PostgreSQL is not installed: the faults run on SQLite")
        words = [*words, "--sqlite"]
    command = [sys.executable, "-m", "devtools.faults", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment(), check=False).returncode
