"""What programs count is added up over the processes of a machine, and no sum falls when one ends."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from launcher.paths import ROOT, sealed_environment
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

    assert labels == {"source", "service", "service_id", "operation", "result", "outcome", "kind", "route", "status"}
