"""The manifests are what Kubernetes reads, whole, and run every program; what a container may do is little."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from honcho.environ import parse_procfile

from launcher.paths import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.33"
FILES = sorted(file for file in FOLDER.rglob("*.yaml") if file.name != "kustomization.yaml")
PROGRAMS = set(parse_procfile((ROOT / "Procfile").read_text()).processes) - {"redis"}


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def workloads() -> list[dict[str, Any]]:
    found = [one for file in FILES for one in documents(file)]
    return [one for one in found if one["kind"] in ("Deployment", "StatefulSet", "Job")]


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_kubernetes_knows_every_field(file: Path) -> None:
    for one in documents(file):
        kubernetes_validate.validate(one, VERSION, strict=True)


def test_every_file_is_listed() -> None:
    listed = set()
    for file in FOLDER.rglob("kustomization.yaml"):
        listed |= {(file.parent / name).resolve() for name in documents(file)[0]["resources"]}

    assert {file for file in FILES if file not in listed} == set()
    assert all(path.exists() for path in listed)


def test_every_program_of_the_procfile_runs() -> None:
    names = {container(one)["name"] for one in workloads()}

    assert names >= PROGRAMS
    assert names - PROGRAMS == {"intake", "migrate"}


def test_workers_are_started_with_the_words_of_the_procfile() -> None:
    procfile = parse_procfile((ROOT / "Procfile").read_text()).processes

    for one in workloads():
        name, words = container(one)["name"], container(one)["args"]
        if words[0] == "celery":
            assert [word for word in words if word.startswith("-")] == [
                word for word in procfile[name].split() if word.startswith("-") and word != "-m"
            ]


def test_all_but_beat_and_migrate_survive_a_node_and_its_maintenance() -> None:
    budgets = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
        for file in FILES
        for one in documents(file)
        if one["kind"] == "PodDisruptionBudget"
    }
    doubled = {container(one)["name"] for one in workloads() if one["spec"].get("replicas", 1) > 1}

    assert budgets == doubled == PROGRAMS - {"beat"} | {"intake"}


def test_a_container_has_no_rights_and_nothing_to_write_but_its_folders() -> None:
    for one in workloads():
        pod = one["spec"]["template"]["spec"]
        rights = container(one)["securityContext"]
        assert rights["readOnlyRootFilesystem"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert not rights["allowPrivilegeEscalation"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["terminationGracePeriodSeconds"] >= 15, "a stop finishes or gives back what it holds within 10 s"


def test_prometheus_finds_the_counters_of_every_pod() -> None:
    monitor = yaml.safe_load((ROOT / "deploy" / "prometheus" / "podmonitor.yaml").read_text())["spec"]
    scraped = {one["port"] for one in monitor["podMetricsEndpoints"]}

    for one in workloads():
        pod = one["spec"]["template"]
        everything = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
        ports = {str(port["containerPort"]): port["name"] for part in everything for port in part.get("ports", [])}
        if container(one)["name"] in ("beat", "migrate"):  # They count nothing.
            continue
        assert ports[pod["metadata"]["annotations"]["prometheus.io/port"]] in scraped
        assert pod["metadata"]["labels"].items() >= monitor["selector"]["matchLabels"].items()


def test_what_serves_the_counters_is_a_sidecar_with_the_programs_folder() -> None:
    for one in workloads():
        for beside in one["spec"]["template"]["spec"].get("initContainers", []):
            assert beside["restartPolicy"] == "Always", "it runs beside the program, and ends after it"
            assert beside["securityContext"] == container(one)["securityContext"]
            assert beside["volumeMounts"] == container(one)["volumeMounts"]


def test_the_spool_outlives_a_listeners_pod() -> None:
    (listeners,) = [one for one in workloads() if one["kind"] == "StatefulSet"]

    assert [one["metadata"]["name"] for one in listeners["spec"]["volumeClaimTemplates"]] == ["var"]
