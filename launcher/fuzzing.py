"""``./gateway fuzz``: the decoders under a fuzzer that sees which code an input reaches."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment


def run(words: list[str]) -> int:
    """Fuzz; see ``./gateway fuzz --help``."""
    return subprocess.run(
        [sys.executable, "-m", "devtools.fuzz", *words], cwd=ROOT, env=sealed_environment(), check=False
    ).returncode
