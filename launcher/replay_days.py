"""``./gateway replay_days``: days of the demo's traffic, played and replayed; the release gate of the replay."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Play and replay days; see ``./gateway replay_days --help``."""
    command = [sys.executable, "-m", "devtools.replay_days", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment(), check=False).returncode
