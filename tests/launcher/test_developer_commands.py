"""The commands of the developer's loops: what ``check`` reports, what the short forms of ``test`` run and install."""

import subprocess
import sys
from pathlib import Path

import pytest

from devtools.wording import check as wording
from launcher import check, run_tests
from launcher.paths import ROOT
from launcher.run_tests import FAST, TestProgram, core_files


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collect what pytest would be given, and the programs that would be installed."""
    given: list[list[str]] = []

    def pytest_run(words: list[str], _: dict[str, str]) -> int:
        given.append(words)
        return 0

    monkeypatch.setattr(run_tests, "_pytest", pytest_run)
    monkeypatch.setattr(run_tests, "_install", lambda packages: given.append(["apt-get", *packages]))
    monkeypatch.setattr(run_tests, "has_postgresql", lambda: True)
    return given


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL be missing where root could install it."""
    monkeypatch.setattr(run_tests, "PROGRAMS", (TestProgram("postgresql", "storage", lambda: False),))
    monkeypatch.setattr(run_tests, "APT_GET", sys.executable)
    monkeypatch.setattr("os.geteuid", lambda: 0)


def test_the_core_loop_runs_the_files_that_are_marked_and_nothing_else(commands: list[list[str]]) -> None:
    assert run_tests.run(["--core", "--no-install", "-q"]) == 0

    assert commands == [[*core_files(), "-q"]]
    assert {"tests/calls/test_transfers.py", "tests/transcripts/test_transcripts.py"} < set(core_files())
    assert not [path for path in core_files() if "mark.storage" in (ROOT / path).read_text()]


def test_the_fast_loop_leaves_out_databases_and_browsers(commands: list[list[str]]) -> None:
    assert run_tests.run(["--fast", "--no-install"]) == 0

    assert commands == [["-n", "2", *FAST]]


@pytest.mark.usefixtures("missing")
def test_packages_are_installed_only_after_saying_which_and_why(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    run_tests.run(["--core"])

    assert commands[0] == ["apt-get", "postgresql"]
    assert "installing Debian packages (--no-install forbids it): postgresql (storage)" in capsys.readouterr().err


@pytest.mark.usefixtures("missing")
def test_no_install_installs_nothing_and_says_what_is_skipped(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    run_tests.run(["--core", "--no-install"])

    assert commands == [core_files()]
    assert "its tests are skipped: postgresql (storage)" in capsys.readouterr().err


def test_a_failing_check_is_named_with_its_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (sys.executable, "-c", "import sys; print('the reason'); sys.exit(1)")
    monkeypatch.setattr(check, "CHECKS", (check.Check("lint", command), check.Check("types", (sys.executable, "-V"))))

    assert check.run([]) == 1
    printed = capsys.readouterr().out
    assert "the reason" in printed
    assert "failed: lint" in printed


def test_an_unknown_check_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        check.run(["lnit"])

    assert refused.value.code == 2
    assert "there are: lint, format" in capsys.readouterr().err


def test_words_to_avoid_are_found_in_prose_but_not_in_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "page.md").write_text(f"It was {'told'}.\n`told()` is code.\n")
    (tmp_path / "code.py").write_text(f'"""Say it {"anew"}."""\n{"told"} = 1  # {"mend"} it\n')
    subprocess.run([*git, "add", "."], check=True)
    monkeypatch.setattr(wording, "ROOT", tmp_path)

    found = sorted((one.place, one.word) for one in wording.find([]))

    assert found == [("code.py:1", "anew"), ("code.py:2", "mend"), ("page.md:1", "told")]


def test_names_made_of_words_to_avoid_are_found_in_production_code_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q"], check=True)
    code = (
        "class RosterOf:\n    def _tell_all(self, hint: str, *, NAME=1) -> None:\n        self.key_aside = NAME.pump\n"
    ).replace("NAME", "told")
    for folder in ("calls", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "keeper.py").write_text(code + "agents_told = headline = outline = 1\n")
    subprocess.run([*git, "add", "."], check=True)
    monkeypatch.setattr(wording, "ROOT", tmp_path)

    found = sorted((one.place, one.word) for one in wording.find([]))

    assert found == [
        ("calls/keeper.py:1", "RosterOf"),
        ("calls/keeper.py:1", "keeper"),
        ("calls/keeper.py:2", "_tell_all"),
        ("calls/keeper.py:2", "hint"),
        ("calls/keeper.py:2", "told"),
        ("calls/keeper.py:3", "key_aside"),
    ]
