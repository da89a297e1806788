"""Another user of the machine reads the gateway's files: sessions, logs, keys."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from gateway_site.config.private_files import exposed, keep_private
from gateway_site.installation.steps import StepState, files_step
from launcher.paths import ROOT

OTHERS = 0o077


def _run_with_the_usual_umask(folder: Path, words: str) -> None:
    environment = os.environ | {"GATEWAY_VAR": str(folder), "GATEWAY_ENV_FILE": os.devnull, "DATABASE_URL": ""}
    command = f"umask 022; ulimit -S -c unlimited; exec timeout 60 {sys.executable} {words}"
    subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def test_the_embedded_database_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    """Before: var/ had mode 0755 and gateway.sqlite3 0644, so any local user could steal a session."""
    folder = tmp_path / "var"

    program = (
        "import gateway_site.wsgi, resource; from django.db import connection; connection.ensure_connection();"
        "assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0, 'a crash would write keys into a file'"
    )
    _run_with_the_usual_umask(folder, f'-c "{program}"')

    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert "gateway.sqlite3" in found
    assert {name: oct(mode) for name, mode in found.items() if mode & OTHERS} == {}


def test_the_launcher_closes_the_folder_before_it_writes_a_log(tmp_path: Path) -> None:
    """Before: ``./gateway up`` made var/ and its logs with the caller's umask."""
    folder = tmp_path / "var"
    _run_with_the_usual_umask(folder, "-m launcher manage help")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_an_older_version_left_open_is_closed(tmp_path: Path) -> None:
    """Before: an existing var/ stayed as it was."""
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    (folder / "gateway.sqlite3-wal").touch(mode=0o644)
    was = os.umask(0o022)
    try:
        keep_private(folder)
    finally:
        os.umask(was)

    assert exposed(folder) == ""
    assert stat.S_IMODE((folder / "gateway.sqlite3-wal").stat().st_mode) == 0o600


@pytest.mark.parametrize(("mode", "state"), [(0o700, StepState.PASS), (0o750, StepState.FAIL)])
def test_the_installation_test_says_whether_others_can_enter(
    mode: int, state: StepState, tmp_path: Path, settings: Settings
) -> None:
    """Before: check_installation said nothing of it."""
    tmp_path.chmod(mode)
    settings.VAR_DIR = tmp_path

    step = files_step()

    assert step.state is state
    assert ("chmod 700" in step.todo) is (state is StepState.FAIL)
