"""``./gateway simulate``: the whole gateway by a simulated clock, with crashes between any two statements."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Simulate worlds; see ``./gateway simulate --help``."""
    command = [sys.executable, "-m", "devtools.simulation", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment(), check=False).returncode
