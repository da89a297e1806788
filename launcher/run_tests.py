"""``./gateway test``: every test on SQLite, then the tests of storage on a real PostgreSQL."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from launcher.paths import ROOT, sealed_environment

#: pytest's status when the chosen paths hold no test of storage.
NOTHING_COLLECTED = 5
APT_GET = "/usr/bin/apt-get"


#: What a file says whose tests are of the pure core: no database, no server but the one Redis of the run.
CORE_MARK = "pytestmark = pytest.mark.core\n"
FAST = ("-m", "not storage and not slow and not browser and not nightly")
#: Three processes for the whole on two cores, for many tests wait for others; a narrow choice starts faster in one. One
#: that is done takes tests over from the others.
FULL_RUN = ("-n", "3", "--dist", "worksteal", "--durations", "25", "-m", "not nightly")


def run(words: list[str]) -> int:
    """Run pytest on SQLite, then the tests of storage on PostgreSQL; return the first status that is not 0."""
    asked, words = _parser().parse_known_args(words)
    _need_programs(may_install=not asked.no_install)
    if asked.nightly:
        return _pytest(["-m", "nightly", *words], {})
    if asked.core or asked.fast:
        return _pytest([*(core_files() if asked.core else ("-n", "2", *FAST)), *words], {})
    return _run_all(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./gateway test",
        allow_abbrev=False,
        description="Run the tests on SQLite, and those of storage again on PostgreSQL. Other arguments go to pytest.",
    )
    parser.add_argument("--core", action="store_true", help="only the pure core and the transcripts: seconds")
    parser.add_argument("--fast", action="store_true", help="only tests without database or browser: a minute")
    parser.add_argument("--nightly", action="store_true", help="only what takes minutes and the whole run leaves out")
    parser.add_argument("--no-install", action="store_true", help="install no Debian packages; say what cannot run")
    return parser


def core_files() -> list[str]:
    """Return the test files that are marked as tests of the core: pytest would read all the others to find them."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(one.relative_to(ROOT)) for one in files if CORE_MARK in one.read_text(encoding="utf-8")]


def _run_all(words: list[str]) -> int:
    words = words or list(FULL_RUN)
    on_sqlite = _pytest(words, {})
    if not has_postgresql():
        return on_sqlite
    _say("the tests of storage again, on PostgreSQL")
    on_postgresql = _pytest(_only_storage(words), {"GATEWAY_TEST_POSTGRESQL": "1"})
    return on_sqlite or (0 if on_postgresql == NOTHING_COLLECTED and words != list(FULL_RUN) else on_postgresql)


def _say(words: str) -> None:
    print(f"gateway: {words}", file=sys.stderr, flush=True)


def _pytest(words: list[str], environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, cwd=ROOT, env=sealed_environment() | environment, check=False).returncode


def _only_storage(words: list[str]) -> list[str]:
    """Narrow a choice of tests to those of storage; pytest uses the last ``-m`` alone."""
    for at, word in enumerate(words[:-1]):
        if word == "-m":
            return [*words[: at + 1], f"({words[at + 1]}) and storage", *words[at + 2 :]]
    return ["-m", "storage", *words]


def has_postgresql() -> bool:
    """Say whether a PostgreSQL server can be started here."""
    return any(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or shutil.which("postgres") is not None


@dataclass(frozen=True)
class TestProgram:
    """A program that tests drive: Debian's package, what it is for, and what cannot run without it."""

    __test__ = False
    package: str
    purpose: str
    is_there: Callable[[], bool]


def _has_any(*names: str) -> bool:
    return any(shutil.which(name) for name in names)


PROGRAMS = (
    TestProgram("postgresql", "the tests of storage run on it too", has_postgresql),
    TestProgram(
        "chromium", "tests of pages drive it", partial(_has_any, "chromium", "chromium-browser", "google-chrome")
    ),
    TestProgram("nodejs", "a second SOAP stack answers the adapter", partial(_has_any, "node", "nodejs")),
    TestProgram("pgbouncer", "a pool stands before PostgreSQL", partial(_has_any, "pgbouncer", "/usr/sbin/pgbouncer")),
    TestProgram("nginx-light", "the example of a reverse proxy stands before a server", partial(_has_any, "nginx")),
    TestProgram("redis-server", "by night a Redis with TLS answers", partial(_has_any, "redis-server")),
    TestProgram("prometheus", "its promtool tests the alert rules", partial(_has_any, "promtool")),
)


def _need_programs(*, may_install: bool) -> None:
    """Install what the tests drive and Debian has, and say which and why; elsewhere say what cannot run."""
    missing = [one for one in PROGRAMS if not one.is_there()]
    if not missing:
        return
    listed = "; ".join(f"{one.package} ({one.purpose})" for one in missing)
    if not may_install or os.geteuid() != 0 or not Path(APT_GET).exists():
        _say(f"not installed, so its tests are skipped: {listed}")
        return
    _say(f"installing Debian packages (--no-install forbids it): {listed}")
    _install([one.package for one in missing])


def _install(packages: list[str]) -> None:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [APT_GET, "-q", *command], env=quiet, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        if done.returncode != 0:
            _say(f"apt-get could not install {', '.join(packages)}; the tests that need them are skipped")
            return
