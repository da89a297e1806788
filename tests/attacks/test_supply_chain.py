"""Somebody puts another file under the name of a package that the gateway installs."""

import hashlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devtools.supply_chain.images import ImageUnresolved, digest, tagged_images
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


MANIFEST = b'{"schemaVersion": 2, "manifests": []}'


class Registry(BaseHTTPRequestHandler):
    """A registry as Docker's: sends strangers for a token, and lies about the tag ``forged``."""

    def do_GET(self) -> None:
        if self.path.startswith("/token?"):
            self._answer(200, json.dumps({"token": self.path}).encode())
        elif self.headers.get("Authorization") != "Bearer /token?service=docker&scope=pull":
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="docker",scope="pull"'
            self._answer(401, b"", ("WWW-Authenticate", realm))
        else:
            known = "0" * 64 if self.path.endswith("forged") else hashlib.sha256(MANIFEST).hexdigest()
            status = 200 if self.path.startswith("/v2/library/redis/manifests/") else 404
            self._answer(status, MANIFEST, ("Docker-Content-Digest", f"sha256:{known}"))

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def registry() -> Iterator[str]:
    """Serve a registry, and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_image_is_pinned_by_the_digest_of_what_its_registry_serves(registry: str) -> None:
    assert digest("redis:7.4", registry) == f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


@pytest.mark.parametrize("image", ["redis:forged", "nobody:1"])
def test_an_image_that_is_not_what_its_registry_says_is_not_pinned(image: str, registry: str) -> None:
    with pytest.raises(ImageUnresolved):
        digest(image, registry)


def test_every_image_can_be_pinned_by_a_variable() -> None:
    """Before: the base image could not."""
    lines = (ROOT / "docker-compose.yml").read_text().splitlines()
    named = [line for line in lines if re.match(r" +(image|BASE): ", line) and "qms-gateway" not in line]

    assert sorted(tagged_images()) == ["BASE_IMAGE", "POSTGRES_IMAGE", "REDIS_IMAGE"]
    assert len(named) == len(tagged_images())


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
