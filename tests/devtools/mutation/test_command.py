"""The command on a tiny project: what is killed, what survives, what hangs."""

import json
from pathlib import Path
from typing import Any

import pytest

from devtools.mutation.__main__ import BELOW_FLOOR, CANNOT_RUN, main
from devtools.mutation.tables import read_survivors
from tests.devtools.mutation.sample import Project, make


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project in a folder of its own."""
    return make(tmp_path)


def mutate(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    """Run the command on the project and return its status and its JSON."""
    reported = project.root.parent / f"{project.root.name}.json"
    place = ["--root", str(project.root), "--tables", str(project.root), "--json", str(reported)]
    status = main(["shop", *place, "--seconds", "1.5", *words])
    return status, json.loads(reported.read_bytes()) if reported.exists() else {}


def fates(reported: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the fate of each mutant by its changed line and its kind."""
    return {(one["mutation"], one["kind"]): one["fate"] for one in reported["mutants"]}


@pytest.mark.nightly
def test_a_whole_project_is_tried_and_not_touched(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = project.content()

    status, reported = mutate(project)

    fate = fates(reported)
    assert status == 0
    assert fate["return amount > LIMIT", "boundary"] == "killed"
    assert fate["LIMIT = 11", "constant"] == "killed", "what runs at import is tried too"
    assert fate['return {"one": 2}', "constant"] == "killed", "what was cached before is computed again"
    assert fate["number += 1", "arithmetic"] == "timeout"
    assert fate["pass", "removed statement"] == "timeout"
    assert fate["return amount * 2 - 1 if is_friend and amount >= 3 else amount * 2", "boundary"] == "survived"
    assert fate["return None", "returned None"] == "survived"
    assert not [line for line, _ in fate if "log.info" in line]
    servers = {one["mutation"]: one["server"] for one in reported["mutants"]}
    assert (servers["return amount > LIMIT"], servers["LIMIT = 11"]) == ("warm", "cold")
    assert before == project.content()
    shown = capsys.readouterr().out
    assert "-     return name + name\n+     return name - name\n  (no test executes it)" in shown
    assert "shop/prices.py" in shown


@pytest.mark.nightly
def test_a_known_equivalent_is_not_run_and_reported_apart(project: Project) -> None:
    project.write(
        "equivalents.toml",
        """
        [[equivalent]]
        path = "shop/prices.py"
        line = "return   name + name"
        mutation = "return name - name"
        reason = "nobody greets"

        [[equivalent]]
        path = "shop/prices.py"
        line = "return gone"
        mutation = "return None"
        reason = "the line is gone"
        """,
    )

    _, reported = mutate(project, "--quick", "--count", "40")

    assert fates(reported)["return name - name", "arithmetic"] == "equivalent"
    assert reported["total"]["equivalent"] == 1
    assert [one["line"] for one in reported["outdated"]] == ["return gone"]


def test_an_equivalent_without_a_reason_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("equivalents.toml", '[[equivalent]]\npath = "a"\nline = "b"\nmutation = "c"\nreason = " "\n')

    status, _ = mutate(project)

    assert status == CANNOT_RUN
    assert "no reason is given" in capsys.readouterr().err


@pytest.mark.nightly
def test_below_the_floor_the_command_fails(project: Project) -> None:
    status, reported = mutate(project, "--quick", "--count", "8", "--floor", "100", "--tests", "tests -k ten_is_large")

    assert status == BELOW_FLOOR
    assert reported["total"]["percent"] < 100


@pytest.mark.nightly
def test_the_tests_may_be_named_at_the_prompt(project: Project) -> None:
    _, reported = mutate(project, "--quick", "--tests", "tests -k ten_is_large")

    assert fates(reported)["return amount > LIMIT", "boundary"] == "killed"
    assert fates(reported)["number += 1", "arithmetic"] == "survived", "that test was not wanted"


@pytest.mark.nightly
def test_what_survived_is_tried_again_alone(project: Project) -> None:
    """By its text: meanwhile lines were added above it. What nobody could notice then, another test notices now."""
    former = project.root.parent / "former.json"
    row = {"path": "shop/prices.py", "within": "price", "mutation": "return None"}
    line = "return amount * 2 - 1 if is_friend and amount > 3 else amount * 2"
    killed = {"path": "shop/prices.py", "within": "is_large", "line": "return amount >= LIMIT", "fate": "killed"}
    mutants = [{**row, "line": line, "fate": "survived"}, {**killed, "mutation": "return amount > LIMIT"}]
    former.write_text(json.dumps({"mutants": mutants}))
    source = project.root / "shop" / "prices.py"
    source.write_text(source.read_text().replace("LIMIT = 10", "LIMIT = 10\n\nMORE = 11"))

    _, reported = mutate(project, "--quick", "--again", str(former))

    (again,) = reported["mutants"]
    assert (again["mutation"], again["fate"]) == ("return None", "killed")
    assert again["noticed_by"] == "tests/test_prices.py::test_friends_pay_less"


@pytest.mark.parametrize(("fate", "count"), [("survived", 1), ("timeout", 1), ("killed", 0), ("equivalent", 0)])
def test_what_is_tried_again_was_noticed_by_no_test_or_found_no_end(tmp_path: Path, fate: str, count: int) -> None:
    """On a busy machine a change seems to find no end that nobody notices."""
    row = {"path": "shop/prices.py", "within": "price", "line": "return 1", "mutation": "return None", "fate": fate}
    former = tmp_path / "former.json"
    former.write_text(json.dumps({"mutants": [row]}))

    assert len(read_survivors(former)) == count


def test_a_file_that_json_did_not_write_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate(project, "--again", str(project.root / "tests.toml"))[0] == CANNOT_RUN
    assert "not what --json writes" in capsys.readouterr().err


@pytest.mark.nightly
def test_tests_that_fail_anyway_say_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("tests/test_prices.py", "from shop.prices import price\n\ndef test_it():\n    assert price(1) == 1\n")

    status, _ = mutate(project)

    assert status == CANNOT_RUN
    assert "no test is left that passes" in capsys.readouterr().err


def test_a_path_without_tests_is_an_error(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("tests.toml", '[[tests]]\npath = "shops"\nrun = "tests"\n')

    status, _ = mutate(project)

    assert status == CANNOT_RUN
    assert "no tests are named for shop/prices.py" in capsys.readouterr().err


def test_a_folder_elsewhere_is_refused(project: Project) -> None:
    assert main(["/usr/lib", "--root", str(project.root), "--tables", str(project.root)]) == CANNOT_RUN


@pytest.mark.nightly
@pytest.mark.parametrize(("floor", "status"), [("10", 0), ("100", BELOW_FLOOR)])
def test_a_night_runs_a_sample_of_each_part_and_fails_below_the_floor(
    project: Project, floor: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    table = (project.root / "tests.toml").read_text()
    project.write("tests.toml", table + '\n[[nightly]]\npath = "shop/prices.py"\ncount = 6\n')

    assert mutate(project, "--nightly", "--seed", "4", "--floor", floor, "--quick")[0] == status
    assert ("the floor is 100" in capsys.readouterr().err) is (status == BELOW_FLOOR)


def test_a_night_of_which_nothing_is_said_cannot_run(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate(project, "--nightly")[0] == CANNOT_RUN
    assert "[[nightly]]" in capsys.readouterr().err
