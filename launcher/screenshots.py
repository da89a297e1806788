"""``./gateway screenshots [FOLDER]``: the manual's pictures, taken of the running demo, so that they stay true."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Take the pictures into the folder; needs Chromium."""
    command = [sys.executable, "-m", "tests.browser.screenshots", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment(), check=False).returncode
