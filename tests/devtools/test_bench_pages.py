"""The bench of the pages in its quick form: every page answers; how fast is not asked here."""

import json
import os
import subprocess
import sys

from django.conf import settings


def test_every_page_of_the_bench_answers_with_few_legs() -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PYTEST_XDIST_WORKER")
    }
    done = subprocess.run(
        [sys.executable, "-m", "devtools.bench", "pages", "--quick", "--legs", "1200", "--json"],
        cwd=settings.BASE_DIR,
        env=environment,
        check=False,
        capture_output=True,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr.decode()
    (result,) = json.loads(done.stdout)
    assert "1,200 legs" in result["what"]
    assert len(result["latencies"]) > 40
