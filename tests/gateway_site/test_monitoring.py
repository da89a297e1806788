"""The Prometheus rules do what they say, name metrics that exist, and the manual's table is that of the code."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from calls.models import Checkpoint, HourlyCount
from calls.stats.hourly import hour_of
from cti.models import CtiSource, LinkState, LinkStatus
from devtools.manual.parts import parts
from flags.models import AlertCount
from launcher.paths import ROOT
from qms.models import DataServer, RecordingService, ServiceHealth
from telemetry.counters import METRICS

RULES = ROOT / "deploy" / "prometheus"
DASHBOARDS = ROOT / "deploy" / "grafana"
MANUAL = ROOT / "docs" / "monitoring.md"


def test_the_rules_do_what_they_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")

    for words in (["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]):
        done = subprocess.run([promtool, *words], cwd=RULES, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_how_pods_are_found(tmp_path: Path) -> None:
    """All but the discovery itself, which Debian builds without Kubernetes."""
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    found = (RULES / "kubernetes.yml").read_text()
    discovery = "kubernetes_sd_configs:\n      - role: pod\n"
    assert discovery in found
    shutil.copy(RULES / "rules.yml", tmp_path)
    config = tmp_path / "kubernetes.yml"
    config.write_text(found.replace(discovery, "static_configs:\n      - targets: [pod]\n"))

    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def families(client: Client, redis: Any) -> dict[str, str]:
    """Give every metric of the gateway's own with its help, from a scrape of a gateway that has one of everything."""
    source = CtiSource.objects.create(slug="pbx", kind="csta_xml", host="h", port=1)
    service = RecordingService.objects.create(
        slug="north", url="http://a/", data_server=DataServer.objects.create(slug="d")
    )
    LinkStatus.objects.create(source=source, state=LinkState.UP, last_event_at=timezone.now())
    ServiceHealth.objects.create(service=service)
    Checkpoint.objects.create(source=source, events=5)
    AlertCount.objects.create(service=service, error_code="Refused", raised=1)
    HourlyCount.objects.create(source=source, hour=hour_of(timezone.now()), outcome="flagged", legs=1)
    scraped = client.get("/metrics").content.decode()
    found = text_string_to_metric_families(scraped)
    counted = {one.name for one in METRICS}
    return {one.name: one.documentation for one in found if one.name.startswith("gateway_") and one.name not in counted}


def series(families: dict[str, str]) -> set[str]:
    """Return the name of every series that a scrape may have."""
    found = {*families, *(f"{name}_total" for name in families)}
    return found | {name for one in METRICS for name in one.series}


@pytest.mark.django_db
def test_the_rules_name_only_metrics_that_exist(families: dict[str, str]) -> None:
    named = set(re.findall(r"\bgateway_\w+", (RULES / "rules.yml").read_text()))

    assert named - series(families) == set()


@pytest.mark.django_db
def test_the_manuals_table_is_that_of_the_code(families: dict[str, str]) -> None:
    text = MANUAL.read_text()
    missing = [f"| `{name}` | {help_text} |" for name, help_text in families.items()]

    assert "\n".join(line for line in missing if line not in text) == ""


def test_what_the_manual_takes_from_the_code_is_up_to_date() -> None:
    old = [page for page, text in parts().items() if (ROOT / "docs" / page).read_text() != text]

    assert old == [], "run python -m devtools.manual"


@pytest.mark.django_db
@pytest.mark.parametrize("file", sorted(DASHBOARDS.glob("*.json")), ids=lambda file: file.stem)
def test_a_dashboard_asks_only_for_what_exists(file: Path, families: dict[str, str], tmp_path: Path) -> None:
    board = json.loads(file.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    recorded = set(re.findall(r"record: (\S+)", (RULES / "rules.yml").read_text()))

    assert set(re.findall(r"\bgateway_\w+", " ".join(asked))) - series(families) == set()
    assert set(re.findall(r"\bgateway:[\w:]+", " ".join(asked))) - recorded == set()
    rules = [{"record": f"asked:{number}", "expr": expr} for number, expr in enumerate(asked)]
    _check_rules(tmp_path / "asked.yml", {"groups": [{"name": "asked", "rules": rules}]})


@pytest.mark.parametrize("file", sorted(DASHBOARDS.glob("*.json")), ids=lambda file: file.stem)
def test_a_dashboard_has_what_grafana_needs_and_no_panels_overlap(file: Path) -> None:
    board = json.loads(file.read_text())

    assert board["uid"]
    assert board["schemaVersion"] >= 36
    cells = [cell for panel in board["panels"] for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)
    for panel in board["panels"]:
        assert panel["type"] in ("timeseries", "stat")
        assert panel["datasource"]["uid"] == "${datasource}"


def _cells(grid: dict[str, int]) -> list[tuple[int, int]]:
    return [(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])]


def _check_rules(file: Path, rules: dict[str, Any]) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    file.write_text(json.dumps(rules))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manual_explains_every_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", (RULES / "rules.yml").read_text())

    assert [name for name in alerts if f"`{name}`" not in MANUAL.read_text()] == []
