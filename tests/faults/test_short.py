"""The harness itself, run short: a few faults on the form of one machine, and all four numbers are 0."""

import subprocess
import sys

import pytest

from gateway_site.launcher.places import ROOT, sealed_environment

pytestmark = pytest.mark.slow

OF_THIS_RUN = ("GATEWAY_VAR", "GATEWAY_TEST_POSTGRESQL", "PYTEST_CURRENT_TEST")


def test_half_a_minute_of_faults_loses_doubles_and_falsifies_nothing() -> None:
    environment = {name: value for name, value in sealed_environment().items() if name not in OF_THIS_RUN}
    command = [sys.executable, "-m", "tests.faults", "--short", "--sqlite", "--seed", "3", "--calls-per-second", "3"]

    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert "all four are 0" in done.stdout
