"""Somebody puts another file under the name of a package that the gateway installs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.supply_chain.licences import licence, pins
from launcher.paths import ROOT

LISTS = ("requirements", "requirements-dev", "requirements-fuzz")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)


def _normal(found: dict[str, str]) -> dict[str, str]:
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found.items()}


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_is_locked_as_it_stands(name: str) -> None:
    """Before: only direct packages were pinned, none by hash. Repair: python -m devtools.supply_chain lock."""
    wanted = _normal(dict(PIN.findall((ROOT / f"{name}.txt").read_text())))
    locked = _normal(pins((ROOT / f"{name}.lock").read_text()))

    assert {package: locked.get(package) for package in wanted} == wanted


@pytest.mark.parametrize("name", LISTS)
def test_every_locked_package_has_hashes(name: str) -> None:
    text = (ROOT / f"{name}.lock").read_text()
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]

    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_launcher_and_the_image_install_from_the_lock() -> None:
    launcher, image = (ROOT / "gateway").read_text(), (ROOT / "Dockerfile").read_text()

    assert 'ROOT / f"requirements{which}.lock"' in launcher
    assert "--require-hashes -r requirements.lock" in image


def test_pip_refuses_a_file_with_another_hash(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    entry = re.search(r"^honcho==.*?(?=^\S)", (ROOT / "requirements.lock").read_text(), re.MULTILINE | re.DOTALL)
    assert entry
    lock.write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, entry.group()))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(tmp_path), "-r", str(lock)]

    done = subprocess.run(pip, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert list(tmp_path.glob("honcho*")) == []


def test_the_sbom_names_every_locked_package() -> None:
    command = [sys.executable, "-m", "devtools.supply_chain", "sbom"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    document = json.loads(done.stdout)
    named = {one["name"]: one["version"] for one in document["components"]}

    assert document["bomFormat"] == "CycloneDX"
    assert _normal(named) == _normal(pins((ROOT / "requirements.lock").read_text()))


def test_every_package_declares_a_licence() -> None:
    here = [name for name in pins((ROOT / "requirements.lock").read_text()) if licence(name) != "not installed here"]

    assert len(here) > 40
    assert [name for name in here if licence(name) == "not declared"] == []
