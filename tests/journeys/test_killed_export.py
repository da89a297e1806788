"""A worker that is killed while it writes an export: another begins the job again, and the file is whole."""

import csv
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.utils import timezone

from calls.export import jobs
from calls.export.filters import LegFilter
from calls.models import ExportJob, ExportState, Leg
from calls.storage.codec import leg_key
from devtools.servers import wait_until
from tests.cti.examples import source
from tests.faults.test_killed_consumer import database_url

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

LEGS = 3000
#: The worker of its own process, in small steps, so that it can be killed between two of them.
WORKER = """
import django; django.setup()
from django.utils import timezone
from calls.export import jobs
jobs.CHUNK = 3
jobs.run_export({job}, timezone.now)
"""


def rows(job: ExportJob) -> int:
    return int(ExportJob.objects.values_list("rows", flat=True).get(pk=job.pk))


def test_an_export_whose_worker_is_killed_is_written_whole_by_the_next(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path
    of, now = source("pbx"), timezone.now()
    Leg.objects.bulk_create(
        Leg(
            id=leg_key(of.pk, number),
            source=of,
            call_id=f"C{number}",
            device_id="2001",
            phase="settled",
            outcome="flagged",
            connected_at=now - timedelta(seconds=number),
            folded_at=now,
            facts=b"",
        )
        for number in range(LEGS)
    )
    user = User.objects.create_superuser("admin", password="x")
    job = jobs.request_export(user.pk, "csv", LegFilter(), now, with_callers=False)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "GATEWAY_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "gateway_site.settings",
        "REDIS_URL": django_settings.REDIS_URL,
        "PYTHONPATH": str(django_settings.BASE_DIR),
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER.format(job=job.pk)], env=environment)
    try:
        wait_until(lambda: rows(job) > 30, "progress")
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert 0 < rows(job) < LEGS

    assert jobs.due(timezone.now()) == []
    later = timezone.now() + jobs.LEASE + timedelta(seconds=1)
    assert jobs.due(later) == [job.pk]
    assert jobs.run_export(job.pk, lambda: later)

    job.refresh_from_db()
    assert (job.state, job.attempts, job.rows) == (ExportState.DONE, 2, LEGS)
    assert list(jobs.folder().iterdir()) == [jobs.path_of(job)]
    with jobs.path_of(job).open(encoding="utf-8-sig", newline="") as file:
        assert [row["Call reference"] for row in csv.DictReader(file)] == [f"C{number}" for number in range(LEGS)]
