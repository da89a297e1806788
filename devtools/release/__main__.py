"""``python -m devtools.release VERSION [--day DAY]``: see CONTRIBUTING.md, "Make a release"."""

import argparse
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from devtools.release.changelog import ChangelogError, release
from devtools.release.version_places import PLACES, PlaceMissing, with_version
from launcher.paths import ROOT

CHANGELOG = "CHANGELOG.md"


def main(words: list[str], root: Path = ROOT) -> int:
    """Write the version and the changelog's section, and say what comes next; 1 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m devtools.release", description=__doc__, allow_abbrev=False)
    parser.add_argument("version", type=_version, metavar="VERSION", help="MAJOR.MINOR.PATCH")
    parser.add_argument("--day", type=date.fromisoformat, default=datetime.now(UTC).date(), help="default: today")
    asked = parser.parse_args(words)
    try:
        written = {file: with_version(file, (root / file).read_text(), asked.version) for file in PLACES}
        written[CHANGELOG] = release((root / CHANGELOG).read_text(), asked.version, asked.day)
    except (ChangelogError, PlaceMissing) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    for file, text in written.items():
        (root / file).write_text(text)
    print(f"{asked.version} stands in {', '.join(written)}. Land it, pass the gates of CONTRIBUTING.md, then:")
    print(f"  git tag -a v{asked.version} -m 'Version {asked.version}' && git push origin v{asked.version}")
    return 0


def _version(word: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+", word):
        raise argparse.ArgumentTypeError("give MAJOR.MINOR.PATCH, for example 0.2.0")
    return word


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
