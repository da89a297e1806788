"""``./gateway test``: every test on SQLite, then the tests of storage on a real PostgreSQL."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.paths import ROOT, sealed_environment

#: pytest's status when the chosen paths hold no test of storage.
NOTHING_COLLECTED = 5
APT_GET = "/usr/bin/apt-get"


def run(words: list[str]) -> int:
    """Run pytest twice, pass ``words`` through, and return the first status that is not 0."""
    _install_programs()
    # Two processes for the whole; a narrow choice starts faster in one.
    several = [] if words else ["-n", "2"]
    on_sqlite = _pytest([*several, *words], {})
    if not has_postgresql():
        _say(
            "PostgreSQL is not installed: the tests of storage ran on SQLite only (Debian: apt-get install postgresql)"
        )
        return on_sqlite
    _say("the tests of storage again, on PostgreSQL")
    on_postgresql = _pytest([*several, *_only_storage(words)], {"GATEWAY_TEST_POSTGRESQL": "1"})
    return on_sqlite or (0 if on_postgresql == NOTHING_COLLECTED and words else on_postgresql)


def _say(words: str) -> None:
    print(f"gateway: {words}", file=sys.stderr, flush=True)


def _pytest(words: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment() | environment, check=False).returncode


def _only_storage(words: list[str]) -> list[str]:
    """Narrow a choice of tests to those of storage; pytest heeds the last ``-m`` alone."""
    for at, word in enumerate(words[:-1]):
        if word == "-m":
            return [*words[: at + 1], f"({words[at + 1]}) and storage", *words[at + 2 :]]
    return ["-m", "storage", *words]


def has_postgresql() -> bool:
    """Say whether a PostgreSQL server can be started here."""
    return any(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or shutil.which("postgres") is not None


def _has_browser() -> bool:
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def _install_programs() -> None:
    """Install what the tests drive and Debian has; elsewhere, or without the right, say what will not be covered."""
    checks = {"postgresql": has_postgresql(), "chromium": _has_browser()}
    missing = [package for package, is_there in checks.items() if not is_there]
    if not missing:
        return
    if os.geteuid() != 0 or not Path(APT_GET).exists():
        _say(f"not installed, and what needs it is not covered: {', '.join(missing)}")
        return
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            [APT_GET, "-q", *command], env=quiet, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        if done.returncode != 0:
            _say(f"apt-get could not install {', '.join(missing)}; what needs it is not covered")
            return
