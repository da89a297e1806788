"""The Prometheus rules do what they say, name metrics that exist, and the manual's table is that of the code."""

import re
import shutil
import subprocess
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from calls.models import Checkpoint, HourlyCount
from calls.stats.hourly import hour_of
from cti.models import CtiSource, LinkState, LinkStatus
from flags.models import AlertCount
from launcher.paths import ROOT
from qms.models import DataServer, RecordingService, ServiceHealth

RULES = ROOT / "deploy" / "prometheus"
MANUAL = ROOT / "docs" / "monitoring.md"


def test_the_rules_do_what_they_say() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")

    for words in (["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]):
        done = subprocess.run([promtool, *words], cwd=RULES, capture_output=True, text=True, check=False)
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
    return {one.name: one.documentation for one in found if one.name.startswith("gateway_")}


@pytest.mark.django_db
def test_the_rules_name_only_metrics_that_exist(families: dict[str, str]) -> None:
    named = set(re.findall(r"\bgateway_\w+", (RULES / "rules.yml").read_text()))

    assert {name for name in named if name.removesuffix("_total") not in families} == set()


@pytest.mark.django_db
def test_the_manuals_table_is_that_of_the_code(families: dict[str, str]) -> None:
    text = MANUAL.read_text()
    missing = [f"| `{name}` | {help_text} |" for name, help_text in families.items()]

    assert "\n".join(line for line in missing if line not in text) == ""


def test_the_manual_explains_every_alert() -> None:
    alerts = re.findall(r"- alert: (\w+)", (RULES / "rules.yml").read_text())

    assert [name for name in alerts if f"`{name}`" not in MANUAL.read_text()] == []
