"""The import contracts name every package and module that they are about: a list that gets old proves nothing."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.paths import ROOT

LINTER: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {one["name"]: one for one in LINTER["contracts"]}
PACKAGES = {one.parent.name for one in ROOT.glob("*/__init__.py")} - {"tests"}
#: For developers: benches and attacks measure rooms from inside.
DEVELOPMENT = {"devtools"}
ENTRANCES = {
    "calls": "The calls are entered by their api",
    "flags": "The flags are entered by their api",
    "agents": "The agents are entered by their api",
    "cti": "The sources are entered by their api",
    "qms": "QMS is entered by its api",
}
#: Contracts whose modules need neither database, broker nor network: another app may enter by them.
PURE = ("The core is pure", "What is entered beside an api needs no framework")
#: What Django or the linter asks of every app, and the two ways in.
NOT_ROOMS = {"__init__", "__pycache__", "migrations", "api", "models"}


def modules_of(package: str) -> Iterator[str]:
    """Yield the modules and packages directly in a package."""
    for one in sorted((ROOT / package.replace(".", "/")).iterdir()):
        if one.suffix == ".py" or (one / "__init__.py").exists():
            yield f"{package}.{one.stem}"


def closed_rooms(package: str, is_open: set[str]) -> Iterator[str]:
    """Yield what may not be entered: whole rooms, or the closed parts of a room with open modules."""
    for module in modules_of(package):
        if module in is_open or module.rpartition(".")[2] in NOT_ROOMS:
            continue
        if any(one.startswith(f"{module}.") for one in is_open):
            yield from closed_rooms(module, is_open)
        else:
            yield module


def users_of(library: str, package: str) -> set[str]:
    """Return the modules directly in a package that use a library anywhere in them."""
    return {
        module
        for module in modules_of(package)
        for file in python_files(ROOT / module.replace(".", "/"))
        if any(line.startswith((f"import {library}", f"from {library}")) for line in file.read_text().splitlines())
    }


def python_files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def test_the_order_of_the_layers_names_every_package() -> None:
    layers = CONTRACTS["Imports point one way"]["layers"]

    assert {name for layer in layers for name in layer.split(" | ")} == PACKAGES
    assert set(LINTER["root_packages"]) == PACKAGES


@pytest.mark.parametrize("app", [*ENTRANCES, "gateway_site"])
def test_the_rooms_of_every_app_are_layers_without_exceptions(app: str) -> None:
    """An exhaustive contract names every room, so that a new one finds its layer; ``ignore_imports`` would hide one."""
    rooms = CONTRACTS[f"Rooms of {app}"]

    assert (rooms["containers"], rooms["exhaustive"], rooms["exhaustive_ignores"]) == ([app], True, ["migrations"])
    assert [name for name, one in CONTRACTS.items() if "ignore_imports" in one] == []


@pytest.mark.parametrize("app", ENTRANCES)
def test_every_package_must_enter_an_app_by_its_api(app: str) -> None:
    assert set(CONTRACTS[ENTRANCES[app]]["source_modules"]) == PACKAGES - {app} - DEVELOPMENT


@pytest.mark.parametrize("app", ENTRANCES)
def test_every_module_of_an_app_is_closed_but_its_api_its_models_and_pure_ones(app: str) -> None:
    is_open = {one for name in PURE for one in CONTRACTS[name]["source_modules"]}

    assert sorted(CONTRACTS[ENTRANCES[app]]["forbidden_modules"]) == sorted(closed_rooms(app, is_open))


@pytest.mark.parametrize(
    ("contract", "home", "users"),
    [("zeep lives in qms.soap", "qms", {"qms.soap"}), ("Redis lives in the journal", "cti", {"cti.journal"})],
)
def test_a_library_stays_in_its_room(contract: str, home: str, users: set[str]) -> None:
    named = set(CONTRACTS[contract]["source_modules"])
    rooms = {one for one in modules_of(home) if one.rpartition(".")[2] not in {"__init__", "__pycache__"}}
    #: Redis's own clients and addresses are made in one package more.
    makes_addresses = {"redis_address"} if home == "cti" else set()

    assert named == (PACKAGES - {home} - DEVELOPMENT - makes_addresses) | (rooms - users)


def test_each_library_is_used_in_that_room_and_nowhere_else_in_its_app() -> None:
    assert users_of("zeep", "qms") == {"qms.soap"}
    assert users_of("redis", "cti") == {"cti.journal"}
