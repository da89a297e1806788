"""The manual's examples of the HTTP intake work as they stand."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from cti import api
from cti.events import decode
from cti.http_intake.tokens import mint_token
from tests.cti.examples import source

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("cti.urls"),
    pytest.mark.usefixtures("redis"),
]


@pytest.fixture
def manual(settings: Settings) -> str:
    return (Path(settings.BASE_DIR) / "docs" / "http-intake.md").read_text()


def block(manual: str, heading: str) -> str:
    """Return the first block of code under a heading."""
    found = re.search(r"```\w+\n(.*?)```", manual.split(f"## {heading}\n")[1], re.DOTALL)
    assert found
    return found.group(1)


def run(command: list[str], live_server: LiveServer) -> None:
    environment = dict(os.environ) | {
        "GATEWAY": live_server.url,
        "GATEWAY_TOKEN": mint_token(source("shop")).text,
        "NO_PROXY": "*",
    }
    subprocess.run(command, env=environment, check=True, timeout=180, stdout=subprocess.DEVNULL)


def journalled() -> list[str]:
    return [decode(entry.payload).id for entry in api.read_journal("shop", "0-0", 10)]


def test_the_event_is_an_event(manual: str) -> None:
    assert decode(block(manual, "An event")).id == "a4711-3"
    assert json.loads(block(manual, "A request"))["rejected"]


def test_the_python_client_posts(manual: str, live_server: LiveServer) -> None:
    run([sys.executable, "-c", block(manual, "With Python")], live_server)

    assert journalled() == ["a4711-3", "a4711-4"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_command_posts(manual: str, live_server: LiveServer) -> None:
    run(["/bin/bash", "-ec", block(manual, "With curl")], live_server)

    assert journalled() == ["a4711-3"]
