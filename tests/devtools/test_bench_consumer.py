"""The benches of the consumer in their quick form: everything works; how fast is not asked here."""

import os
import subprocess
import sys

import msgspec
import pytest
from django.conf import settings

from devtools.bench.result import Result


def _quick(name: str) -> list[Result]:
    """Run a bench on servers of its own."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PYTEST_XDIST_WORKER")
    }
    done = subprocess.run(
        [sys.executable, "-m", "devtools.bench", name, "--quick", "--json"],
        cwd=settings.BASE_DIR,
        env=environment,
        check=False,
        capture_output=True,
        timeout=400,
    )

    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout, type=list[Result])


@pytest.mark.nightly
def test_many_open_legs_are_compared_with_few_and_every_program_is_weighed() -> None:
    many, few = _quick("open")

    assert (many.what, many.against, few.what) == ("1,200 legs open", "200 legs open", "200 legs open")
    assert many.rate > 0 < few.rate
    weighed = many.notes[-1]
    assert all(name in weighed for name in ("events", "lookups", "writes", "web", "beat", "listeners", "redis-server"))


@pytest.mark.nightly
def test_a_small_day_is_flagged_whole_and_its_quarters_are_compared() -> None:
    whole, *quarters = _quick("day")

    assert whole.notes[0].endswith("legs: 1,169 flagged")
    assert "MiB for a million calls" in whole.notes[1]
    assert [one.against for one in quarters] == ["quarter 1"] * 4


@pytest.mark.nightly
@pytest.mark.skipif("GATEWAY_TEST_POSTGRESQL" not in os.environ, reason="processes that take turns, on one SQLite file")
def test_more_sources_and_more_processes_fold_everything_too() -> None:
    first, *others = _quick("scale")

    assert first.what == "1 source, 1 process"
    assert [one.what for one in others][-2:] == ["8 sources, 2 processes", "8 sources, 4 processes"]
    assert all(one.against == first.what and one.ratio for one in others)
