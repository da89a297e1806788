"""``./gateway mutate PATH``: change the code at random, one place at a time, and see whether a test notices."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Run the mutation tool on the repository; its exit status is 1 below the floor."""
    command = [sys.executable, "-m", "devtools.mutation", *words, "--root", str(ROOT)]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment(), check=False).returncode
