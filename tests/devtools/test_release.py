"""Every place names one version, and a release moves what is unreleased into a section of its own."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from devtools.release.__main__ import CHANGELOG, main
from devtools.release.changelog import ChangelogError, newest_section, release
from devtools.release.version_places import PLACES, PlaceMissing, version_in, with_version
from gateway_site.version import VERSION
from launcher.paths import ROOT

DAY = date(2026, 11, 29)
TEXT = """# Changelog

## Unreleased

### Fixed: a page

- It opens.

### Added: a command

- One.

### Fixed

- Another.

## 0.1.0 - 2026-11-24

- The first.
"""


def test_every_place_and_the_changelog_name_the_version_that_the_program_says() -> None:
    assert {file: version_in(file, (ROOT / file).read_text()) for file in PLACES} == dict.fromkeys(PLACES, VERSION)
    assert newest_section((ROOT / CHANGELOG).read_text())[0] == VERSION


def test_a_release_groups_what_was_unreleased_and_keeps_what_was_before() -> None:
    assert release(TEXT, "0.2.0", DAY) == (
        "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-29\n\n"
        "### Added\n\n#### A command\n\n- One.\n\n"
        "### Fixed\n\n#### A page\n\n- It opens.\n\n#### Also\n\n- Another.\n\n"
        "## 0.1.0 - 2026-11-24\n\n- The first.\n"
    )


@pytest.mark.parametrize(
    ("text", "version", "why"),
    [
        (TEXT, "0.1.0", "0.1.0 has a section already"),
        (release(TEXT, "0.2.0", DAY), "0.3.0", "nothing is unreleased"),
        (TEXT.replace("### Added: a", "### New: a"), "0.2.0", "'### New' is none of"),
        ("# Changelog\n", "0.2.0", "there is no"),
    ],
)
def test_what_cannot_be_released_is_refused_with_the_reason(text: str, version: str, why: str) -> None:
    with pytest.raises(ChangelogError, match=why):
        release(text, version, DAY)


def test_a_file_that_does_not_name_the_version_once_is_refused() -> None:
    with pytest.raises(PlaceMissing, match=r"pyproject\.toml names the version 0 times"):
        with_version("pyproject.toml", "[project]\n", "0.2.0")


def test_the_command_writes_all_places_and_says_the_tag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in PLACES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / CHANGELOG).write_text(TEXT)

    assert main(["9.8.7", "--day", "2026-11-29"], tmp_path) == 0

    assert {version_in(file, (tmp_path / file).read_text()) for file in PLACES} == {"9.8.7"}
    assert newest_section((tmp_path / CHANGELOG).read_text()) == ("9.8.7", DAY)
    assert "git tag -a v9.8.7" in capsys.readouterr().out
    assert main(["9.8.7"], tmp_path) == 1
    assert "9.8.7 has a section already" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["0.2", "v0.2.0", "0.2.0-rc1", ""])
def test_a_word_that_is_no_version_is_refused(word: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])

    assert ended.value.code == 2
