"""``./gateway worlds``: judge the core by worlds that are made by chance, from seeds."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Play worlds; see ``./gateway worlds --help``."""
    command = [sys.executable, "-m", "devtools.worlds", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment(), check=False).returncode
