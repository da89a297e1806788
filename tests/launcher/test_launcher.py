"""``./gateway`` says what it can, seals demo and tests off from the real gateway, and passes words through."""

import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from devtools.servers import stopped
from launcher import demo_options, locks, manage, run_tests
from launcher.__main__ import WORDS, main
from launcher.paths import ROOT, sealed_environment


def test_without_a_word_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    reported = capsys.readouterr().out

    for name in ("demo", "up", "manage", "test", "bench"):
        assert f"./gateway {name}" in reported


def test_an_unknown_word_is_refused_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dmeo"]) == 2

    assert "there is no command 'dmeo'" in capsys.readouterr().err


def test_every_word_leads_to_a_module_that_is_there() -> None:
    for word in WORDS.values():
        for name in filter(None, (word.module, word.prepare)):
            assert (ROOT / Path(*name.split("."))).with_suffix(".py").exists()


def test_a_demo_and_the_tests_never_see_the_real_gateways_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://production")
    monkeypatch.setenv("SECRET_KEY_FILE", "/run/secrets/key")

    sealed = sealed_environment()

    assert not {"DATABASE_URL", "REDIS_URL", "SECRET_KEY_FILE"} & set(sealed)
    assert sealed["GATEWAY_ENV_FILE"] == os.devnull
    assert sealed["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("words", "narrowed"),
    [
        (["cti"], ["-m", "storage", "cti"]),
        (["-m", "slow", "-q"], ["-m", "(slow) and storage", "-q"]),
        (["-n", "2", "-m", "not nightly"], ["-n", "2", "-m", "(not nightly) and storage"]),
    ],
)
def test_the_second_run_is_narrowed_to_storage(words: list[str], narrowed: list[str]) -> None:
    assert run_tests._only_storage(words) == narrowed


def test_a_failure_of_either_run_is_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_tests, "_need_programs", lambda **_: None)
    monkeypatch.setattr(run_tests, "has_postgresql", lambda: True)

    def statuses(first: int, second: int, words: list[str]) -> int:
        given = iter((first, second))
        monkeypatch.setattr(run_tests, "_pytest", lambda *_: next(given))
        return run_tests.run(words)

    assert statuses(0, 0, []) == 0
    assert statuses(1, 0, []) == 1
    assert statuses(0, 1, []) == 1
    assert statuses(0, run_tests.NOTHING_COLLECTED, ["tests/launcher/test_supervisor.py"]) == 0
    assert statuses(0, run_tests.NOTHING_COLLECTED, []) == run_tests.NOTHING_COLLECTED


@pytest.mark.parametrize("line", ["DATABASE_URL=postgres://x", " export DATABASE_URL_FILE=/run/x"])
def test_a_database_named_in_env_is_never_touched_by_a_first_start(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("GATEWAY_ENV_FILE", str(tmp_path / "env"))

    (tmp_path / "env").write_text("#DATABASE_URL=x\n")
    assert manage._is_embedded()
    (tmp_path / "env").write_text(line)
    assert not manage._is_embedded()


def test_a_database_that_was_only_asked_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "gateway.sqlite3"
    assert not manage._has_tables(file)

    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        assert not manage._has_tables(file)
        database.execute("CREATE TABLE one (a)")

    assert manage._has_tables(file)


def test_a_database_without_tables_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(_: list[str]) -> int:
        raise OperationalError("no such table: calls_checkpoint")

    monkeypatch.setattr("launcher.backup.run", ask)

    assert main(["backup", "x"]) == 1
    assert "./gateway manage migrate" in capsys.readouterr().err


def test_a_second_demo_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_options, "LOCK", tmp_path / "demo.lock")
    assert not demo_options.is_running()

    demo_options._lock()

    assert demo_options.is_running()
    with pytest.raises(SystemExit):
        demo_options._lock()
    locks.release(tmp_path / "demo.lock")


def test_a_folder_that_has_a_running_demo_and_no_gateway_means_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[dict[str, str]] = []
    (tmp_path / "demo").mkdir()
    monkeypatch.setattr(manage, "ROOT", tmp_path)  # Without .env.
    monkeypatch.setattr(demo_options, "LOCK", tmp_path / "demo.lock")
    monkeypatch.setattr(demo_options, "FOLDER", tmp_path / "demo")
    monkeypatch.setattr(demo_options, "ENVIRONMENT", tmp_path / "demo" / "env")
    environment = {"PATH": os.environ["PATH"], "GATEWAY_VAR": str(tmp_path), "BIND": "1.2.3.4:80"}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(os, "execv", lambda *_: started.append(dict(environment)))
    locks.hold(tmp_path / "demo.lock", "a demo")

    manage.run(["reconcile"])

    assert started[0]["GATEWAY_ENV_FILE"] == str(tmp_path / "demo" / "env")
    assert started[0]["GATEWAY_VAR"] == str(tmp_path / "demo")
    assert started[0]["TYPED_COMMAND"] == "./gateway manage"
    assert "BIND" not in started[0]
    assert "this speaks to the demo" in capsys.readouterr().err
    assert not (tmp_path / "gateway.sqlite3").exists()

    with closing(sqlite3.connect(tmp_path / "gateway.sqlite3")) as database:
        database.execute("CREATE TABLE one (a)")
    assert not manage._is_of_the_demo(), "it has a gateway of its own"
    locks.release(tmp_path / "demo.lock")


@pytest.mark.parametrize("words", [["--for", "0"], ["--for", "x"], ["--calls-per-second", "-1"], ["--fro", "3"]])
def test_a_demo_refuses_what_it_does_not_understand(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        demo_options.options(words)

    assert ended.value.code == 2


@pytest.mark.slow
def test_two_first_starts_at_once_make_one_database(tmp_path: Path) -> None:
    unset = ("DATABASE_URL", "REDIS_URL", "GATEWAY_ENV_FILE")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [str(ROOT / "gateway"), "manage", "export_config"]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with ExitStack() as running:
        both = [
            running.enter_context(
                stopped(subprocess.Popen(command, env=environment | {"GATEWAY_VAR": str(tmp_path)}, **options))
            )
            for _ in range(2)
        ]
        reported = [one.communicate(timeout=120)[0] for one in both]

    assert [one.returncode for one in both] == [0, 0], reported


@pytest.mark.slow
def test_the_launcher_works_from_any_folder_whatever_lies_there(tmp_path: Path) -> None:
    (tmp_path / "calls.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "gateway_site").mkdir()

    done = subprocess.run(
        [ROOT / "gateway", "manage", "check"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        timeout=120,
        check=False,
    )

    assert "no issues" in done.stdout, done.stderr
