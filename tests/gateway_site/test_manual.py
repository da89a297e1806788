"""The manual is true: its commands exist, those marked as tested run, every key is explained."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from gateway_site.config.declaration import TABLES
from launcher.__main__ import WORDS
from launcher.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh tested\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!http)([^)#]+)")


def test_every_command_of_the_manual_exists() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    words = set(re.findall(r"\./gateway ([a-z_]+)", text)) - {"does", "help"}
    commands = set(re.findall(r"\./gateway manage ([a-z_]+)", text)) - {"help"}

    assert words - set(WORDS) == set()
    assert commands - set(get_commands()) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert missing == []


def test_every_key_of_the_declaration_is_explained() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    keys = {key for table in TABLES.values() for key in table.__struct_fields__}

    assert {key for key in keys if f"`{key}`" not in text} == set()


@pytest.mark.slow
def test_the_tested_commands_of_the_manual_run(tmp_path: Path) -> None:
    blocks = [block for page in PAGES for block in BLOCK.findall(page.read_text())]
    script = "\n".join(["set -e", *blocks])
    names = ("DATABASE_URL", "REDIS_URL", "GATEWAY_ENV_FILE")
    environment = {name: value for name, value in os.environ.items() if name not in names}

    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env=environment | {"GATEWAY_VAR": str(tmp_path)},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "nothing to change" in done.stdout
