"""A program of the gateway has been taken over: what it can still do on its machine."""

import pickle
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.cache import cache

from gateway_site.celery import app
from launcher.paths import ROOT

UNITS = ROOT / "deploy" / "systemd"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
#: Which secrets a container may have. Every program opens stored credentials, so VAULT_KEYS is everywhere.
SECRETS = {"SECRET_KEY", "QMS_PASSWORD", "PBX_SECRET"}
MAY_HAVE = {
    "web": {"SECRET_KEY", "QMS_PASSWORD"},
    "intake": {"SECRET_KEY", "QMS_PASSWORD"},
    "manage": SECRETS,
    "lookups": {"QMS_PASSWORD"},
    "writes": {"QMS_PASSWORD"},
    "default": {"QMS_PASSWORD"},
    "listeners": {"PBX_SECRET"},
}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_judges_every_unit_well_confined(tmp_path: Path) -> None:
    """Before: exposure 8.5 (EXPOSED). Now 1.4 (OK)."""
    folder = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, folder)

    for unit in sorted(UNITS.glob("*.service")):
        command = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--root={tmp_path}", unit.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        assert found, done.stdout + done.stderr
        assert float(found.group(1)) < 2.0, unit.name


def test_no_unit_loosens_what_all_have_in_common() -> None:
    common = (UNITS / "gateway-.service.d" / "hardening.conf").read_text()
    names = set(re.findall(r"^([A-Z]\w+)=", common, re.MULTILINE))

    for unit in UNITS.glob("*.service"):
        assert not names & set(re.findall(r"^([A-Z]\w+)=", unit.read_text(), re.MULTILINE)), unit.name


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_confined(name: str) -> None:
    """Before: root file system writable, all capabilities, no limit."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_has_no_secret_that_it_does_not_need(name: str) -> None:
    """Before: ``env_file: .env`` gave every container every secret."""
    service = SERVICES[name]

    assert "env_file" not in service
    assert SECRETS & set(service.get("environment", {})) <= MAY_HAVE.get(name, set())


def test_redis_has_a_password_and_neither_store_is_reached_from_outside() -> None:
    """Before: Redis without a password, on the network of all containers."""
    assert 'requirepass "%s"' in SERVICES["redis"]["command"][-1]
    for name in ("redis", "postgresql"):
        assert SERVICES[name]["networks"] == ["data"]
        assert "ports" not in SERVICES[name]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert all(port.startswith("127.0.0.1:") for one in SERVICES.values() for port in one.get("ports", ()))


def test_the_image_runs_as_a_user_of_its_own() -> None:
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", ["nginx.conf", "Caddyfile"])
def test_the_examples_of_reverse_proxies_close_what_is_not_for_the_outside(file: str) -> None:
    text = (ROOT / "deploy" / "proxy" / file).read_text()

    assert "/metrics" in text
    assert "/health/" in text
    assert "404" in text
    assert "10s" in text
    assert "30s" in text


class _Attack:
    """What runs when it is unpickled."""

    ran: list[str] = []

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return _Attack.ran.append, ("in the web's process",)


def test_whoever_writes_to_redis_runs_nothing_in_other_programs() -> None:
    """Before: the cache held pickles, so that one program with Redis's password ran code in all others."""
    cache.set("value", [1, "two", 3.5, {"four": None}], 60)
    server = cache._cache.get_client(write=True)  # type: ignore[attr-defined]
    server.set(cache.make_key("attack"), pickle.dumps(_Attack()))

    assert cache.get("value") == [1, "two", 3.5, {"four": None}]
    assert cache.get("attack") is None
    assert _Attack.ran == []
    assert set(app.conf.accept_content) == {"json"}


PODS = [
    pytest.param(container, document["spec"]["template"]["spec"], id=f"{path.stem}-{container['name']}")
    for path in sorted((ROOT / "deploy" / "kubernetes").rglob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
    if document and document["kind"] in ("Deployment", "StatefulSet", "Job")
    for container in document["spec"]["template"]["spec"]["containers"]
]


@pytest.mark.parametrize(("container", "pod"), PODS)
def test_every_pod_is_confined(container: dict[str, Any], pod: dict[str, Any]) -> None:
    rights = container["securityContext"]

    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("file", ["web.yml", "workers.yml", "listeners.yml"])
def test_every_container_of_a_host_of_one_role_is_confined(file: str) -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose" / file).read_text())["services"]

    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
