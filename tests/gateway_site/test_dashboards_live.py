"""Every expression of the dashboards gives data, asked of a real Prometheus that scrapes a running demo."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from devtools.servers import free_port, wait_until
from launcher.paths import ROOT, sealed_environment

DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
#: Expressions that have no series in a demo in which all is well, by a part of their text: why.
EMPTY = {
    "gateway_breaker_openings_total": "no circuit breaker opened",
    "gateway_messages_quarantined_total": "every message could be read",
    "gateway_quarantine_unseen": "every message could be read",
    "gateway_events_spooled_total": "Redis was always there",
    "gateway_events_duplicate_total": "nothing is posted twice",
    "gateway_flag_write_alerts_open": "every write was taken",
}
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs: [{{job_name: qms-gateway, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""

pytestmark = pytest.mark.nightly


class Prometheus:
    """A Prometheus that can be asked."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """Say whether it answers questions."""
        try:
            return requests.get(f"{self._address}/-/ready", timeout=10).ok
        except requests.ConnectionError:
            return False

    def series(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression now. Raises ``HTTPError`` for one that Prometheus refuses."""
        answer = requests.get(f"{self._address}/api/v1/query", {"query": expression}, timeout=10)
        answer.raise_for_status()
        return list(answer.json()["data"]["result"])

    def has_data(self, expression: str) -> bool:
        """Say whether there is a number that is one: a rate of nothing over nothing is NaN."""
        return any(one["value"][1] != "NaN" for one in self.series(expression))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (Debian: apt-get install prometheus)")
    folder, web, own = tmp_path_factory.mktemp("dashboards"), free_port(), free_port()
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=ROOT / "deploy" / "prometheus" / "rules.yml", port=web))
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{own}"]
    demo = [sys.executable, "-m", "launcher", "demo", "--port", str(web), "--calls-per-second", "4"]
    environment = sealed_environment() | {"GATEWAY_VAR": str(folder / "var")}
    with (folder / "log").open("w") as log:
        started = [
            subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            for words in ([program, *options], demo)
        ]
    try:
        found = Prometheus(own)
        wait_until(found.is_ready, "Prometheus", 60)
        flagged = 'sum(increase(gateway_legs_ended_total{outcome="flagged"}[5m])) > 0'
        wait_until(lambda: found.has_data(flagged), "a flagged leg in Prometheus", 120)
        yield found
    finally:
        for one in started:
            one.send_signal(signal.SIGTERM)
        for one in started:
            one.wait(timeout=90)


def asked(file: Path) -> list[str]:
    """Return the expressions of a dashboard."""
    return [target["expr"] for panel in json.loads(file.read_text())["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_every_panel_has_data_or_a_reason_for_having_none(file: Path, prometheus: Prometheus) -> None:
    due = [one for one in asked(file) if not any(part in one for part in EMPTY)]

    def without_data() -> list[str]:
        return [one for one in due if not prometheus.has_data(one)]

    wait_until(lambda: not without_data(), "all panels", 60)
    for one in set(asked(file)) - set(due):
        prometheus.series(one)  # Prometheus understands it.


def test_no_alert_fires_while_all_is_well(prometheus: Prometheus) -> None:
    firing = prometheus.series('ALERTS{alertstate="firing"}')

    assert [one["metric"]["alertname"] for one in firing] == []
