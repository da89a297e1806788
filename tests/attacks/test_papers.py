"""The threat model says which test proves each of its lines; the papers name every kind of data that is kept."""

import re

import pytest

from calls.privacy.keeping import keepings
from launcher.paths import ROOT

SECURITY = (ROOT / "docs" / "security.md").read_text()
ROWS = re.findall(
    r"^\| (?!who |---)(.+) \|$", SECURITY.partition("## Who could")[2].partition("## What is not")[0], re.MULTILINE
)


@pytest.mark.parametrize("row", ROWS)
def test_every_line_of_the_threat_model_names_tests_that_exist(row: str) -> None:
    tests = re.findall(r"`(test_\w+\.py)`", row)

    assert tests, row
    assert [name for name in tests if not (ROOT / "tests" / "attacks" / name).exists()] == []


def test_every_file_of_attacks_stands_in_the_threat_model() -> None:
    files = {path.name for path in (ROOT / "tests" / "attacks").glob("test_*.py")}
    without_attacker = {"test_accounts.py", "test_erasing_callers.py", "test_papers.py", "test_personal_data.py"}

    assert {name for name in files - without_attacker if name not in SECURITY} == set()


def test_the_paper_on_personal_data_names_what_the_page_on_retention_names() -> None:
    paper = (ROOT / "docs" / "personal-data.md").read_text().lower()

    for one in keepings():
        first = re.split(r"[ ,:(]", one.what.lower())[0].rstrip("s")
        assert first in paper, one.what
