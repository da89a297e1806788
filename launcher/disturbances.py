"""``./gateway disturb``: recorded traces of Asterisk with cut links and lost, doubled or late events."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Disturb the traces; see ``./gateway disturb --help``."""
    return subprocess.run(
        [sys.executable, "-m", "devtools.disturb", *words], cwd=ROOT, env=sealed_environment(), check=False
    ).returncode
