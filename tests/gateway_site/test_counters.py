"""What programs count is added up over the processes of a machine, and no sum falls when one ends."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from devtools.servers import free_port, is_listening, wait_until
from launcher.paths import ROOT, sealed_environment
from telemetry import server
from telemetry.counters import METRICS

COUNT = """
import os, sys
from pathlib import Path
from telemetry.processes import exposition, keep_in
keep_in(Path({folder!r}))
from telemetry.counters import FOLD_EVENTS, FOLD_SECONDS
FOLD_EVENTS.labels("pbx").inc(3)
if os.fork() == 0:
    FOLD_EVENTS.labels("pbx").inc(4)
    os._exit(0)
os.wait()
FOLD_SECONDS.labels("pbx").observe(0.02)
sys.stdout.write(exposition().decode())
"""


def test_a_host_without_web_serves_what_its_programs_counted(tmp_path: Path) -> None:
    counted(tmp_path / "metrics")
    port = free_port()
    environment = sealed_environment() | {"GATEWAY_VAR": str(tmp_path)}
    words = [sys.executable, "-m", "telemetry.server", f"127.0.0.1:{port}"]
    with subprocess.Popen(words, cwd=ROOT, env=environment) as program:
        try:
            wait_until(lambda: is_listening(port), "the server")
            scraped = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
            other = requests.get(f"http://127.0.0.1:{port}/admin/", timeout=10)
        finally:
            program.terminate()

    assert 'gateway_fold_events_total{source="pbx"} 7.0' in scraped
    assert other.status_code == 404


@pytest.mark.parametrize("words", [[], ["8000"], ["127.0.0.1:8000", "more"]])
def test_the_server_of_counters_refuses_what_is_no_address(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert server.main(words) == 2
    assert capsys.readouterr().err == "usage: python -m telemetry.server HOST:PORT\n"


def counted(folder: Path) -> dict[str, float]:
    """Let a process and a child of its own count, and return what is scraped while the first still lives."""
    command = [sys.executable, "-c", COUNT.format(folder=str(folder))]
    said = subprocess.run(command, cwd=ROOT, env=sealed_environment(), capture_output=True, text=True, check=True)
    families = text_string_to_metric_families(said.stdout)
    return {
        one.name: one.value for family in families for one in family.samples if one.labels.get("le") in (None, "0.025")
    }


def test_processes_are_added_up_also_those_that_have_ended(tmp_path: Path) -> None:
    assert counted(tmp_path)["gateway_fold_events_total"] == 7
    second = counted(tmp_path)

    assert second["gateway_fold_events_total"] == 14
    assert second["gateway_fold_seconds_bucket"] == 2
    assert second["gateway_fold_seconds_count"] == 2
    assert len(list(tmp_path.glob("*.lock"))) == 1, "files of processes that have ended are still there"


@pytest.mark.django_db
def test_a_scrape_has_the_requests_by_their_routes(client: Client) -> None:
    client.get("/health/live")

    scraped = client.get("/metrics").content.decode()

    assert 'gateway_http_seconds_count{route="health/live",status="200"}' in scraped


def test_no_metric_is_labelled_with_what_names_a_call_or_a_person() -> None:
    labels = {label for one in METRICS for label in one.labels}

    things = {"source", "service", "service_id", "operation", "route", "bound"}
    assert labels == things | {"result", "outcome", "kind", "status"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/metrics", "10.1.2.3:8000", 200),
        ("/metrics", "[fd00::7]:8000", 200),
        ("/health/live", "10.1.2.3", 200),
        ("/metrics", "evil.example", 400),
        ("/health/live", "evil.example", 400),
        ("/admin/login/", "10.1.2.3", 400),
    ],
)
def test_monitoring_may_ask_by_any_ip_address_but_not_by_any_name(
    client: Client, path: str, host: str, status: int
) -> None:
    """A name that leads here would let a page in somebody's browser read them."""
    assert client.get(path, headers={"host": host}).status_code == status
