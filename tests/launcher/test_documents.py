"""The documents for developers keep up with the repository."""

import re
from pathlib import Path

import pytest

from launcher.paths import ROOT

DECISIONS = ROOT / "docs" / "decisions"
#: Where a path in a document begins at the root of the repository.
APPS = tuple(f"{path.parent.name}/" for path in ROOT.glob("[a-z]*/__init__.py"))
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
#: The changelog names modules as they were.
PAGES_OF_NOW = [page for page in PAGES if page.name != "CHANGELOG.md"]


def test_every_decision_is_in_the_list_under_its_title() -> None:
    listed = re.findall(r"^\| (\d+) \| \[(.+)\]\((\S+)\) \|$", (DECISIONS / "README.md").read_text(), re.MULTILINE)

    pages = [(page.name, page.read_text().splitlines()[0]) for page in sorted(DECISIONS.glob("[0-9]*.md"))]
    assert [(name, title) for _, title, name in listed] == [
        (name, re.sub(r"^# (\d+\. )?", "", heading)) for name, heading in pages
    ]
    assert [int(number) for number, _, _ in listed] == [int(name[:4]) for name, _ in pages]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES_OF_NOW, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_modules_that_are_there(page: Path) -> None:
    modules = re.findall(r"`([a-z_]+/[\w/]+\.py)`", page.read_text(encoding="utf-8"))

    assert [name for name in modules if name.startswith(APPS) and not (ROOT / name).exists()] == []
