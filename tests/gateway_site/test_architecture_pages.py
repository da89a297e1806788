"""The pages that lead through the code are true: each folder and function that they name exists, none is left out."""

import re
from pathlib import Path

import pytest

from launcher.paths import ROOT

PAGES = ROOT / "docs"
APPS = ("gateway_site", "calls", "agents", "flags", "cti", "qms")
NOT_ROOMS = {"migrations", "management", "templatetags", "static", "templates", "__pycache__", "schema", "wsdl"}
MAXIMUM_STOPS = 25
MAXIMUM_TERMS = 40


def tree() -> str:
    """Return the drawing of the repository."""
    text = (PAGES / "architecture.md").read_text()
    return str(re.findall(r"```\n(gateway .*?)```", text, re.DOTALL)[0])


def drawn(app: str) -> set[str]:
    """Return the rooms that the drawing shows below an app."""
    lines = tree().split(f"\n{app}/", 1)[1].split("\n")[1:]
    rooms: set[str] = set()
    for line in lines:
        if not line.startswith("  "):
            break
        rooms |= set(re.findall(r"(\w+)/", line.split("   ")[0]))
    return rooms


@pytest.mark.parametrize("app", APPS)
def test_the_drawing_shows_each_room_of_an_app_and_no_other(app: str) -> None:
    there = {one.name for one in (ROOT / app).iterdir() if one.is_dir() and (one / "__init__.py").exists()}

    assert drawn(app) == there - NOT_ROOMS


def test_each_package_of_the_top_level_is_drawn() -> None:
    packages = {one.name for one in ROOT.iterdir() if (one / "__init__.py").exists()}

    assert {name for name in packages if f"{name}/" not in tree()} == set()


def stops() -> list[str]:
    """Return the numbered stops in the life of a call."""
    return re.findall(r"^\d+\. .*$", (PAGES / "life-of-a-call.md").read_text(), re.MULTILINE)


def test_the_life_of_a_call_has_a_bounded_number_of_stops() -> None:
    assert 0 < len(stops()) <= MAXIMUM_STOPS


def test_the_glossary_is_short_and_in_order() -> None:
    """Each further word hides the others, and a line out of order is not found."""
    terms = re.findall(r"^\| (?!term \|)([^|]+?) \|", (PAGES / "glossary.md").read_text(), re.MULTILINE)

    assert 0 < len(terms) <= MAXIMUM_TERMS
    assert terms == sorted(terms, key=str.casefold)


@pytest.mark.parametrize("stop", stops())
def test_each_module_and_function_of_a_stop_is_there(stop: str) -> None:
    """A name after a module is defined in it: ``path.py``, ``name`` or ``Class.method``."""
    for path, names in re.findall(r"`([\w/]+/[\w/]+\.py)`((?:, `[\w.]+`(?!\.py))*)", stop):
        module = ROOT / path
        assert module.exists(), path
        for name in re.findall(r"`([\w.]+)`", names):
            if not name.endswith(".py"):
                assert _defines(module, name), f"{path}: {name}"


def _defines(module: Path, name: str) -> bool:
    text = module.read_text()
    return all(re.search(rf"(?:def|class) {part}\b", text) for part in name.split("."))
