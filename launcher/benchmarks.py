"""``./gateway bench``: the benchmarks, on a real Redis and PostgreSQL of their own."""

import subprocess
import sys

from launcher.paths import ROOT, sealed_environment
from launcher.run_tests import has_postgresql


def run(words: list[str]) -> int:
    """Run the benchmarks; on SQLite where PostgreSQL is not installed."""
    environment = sealed_environment() | ({"GATEWAY_TEST_POSTGRESQL": "1"} if has_postgresql() else {})
    return subprocess.run(
        [sys.executable, "-m", "devtools.bench", *words], cwd=ROOT, env=environment, check=False
    ).returncode
