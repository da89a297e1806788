"""``python -m devtools.supply_chain lock | licences | sbom | audit | images``; see docs/security.md.

``lock`` writes requirements*.lock from requirements*.txt: every package, direct and transitive, for every supported
Python and machine, with the hashes of its files. ``--upgrade`` takes the newest that the pins allow. ``images`` prints
lines for .env that pin each image of docker-compose.yml by its digest.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from devtools.supply_chain.images import ImageUnresolved, pinned
from devtools.supply_chain.licences import table
from launcher.paths import ROOT

OLDEST_PYTHON = "3.11"
LISTS = ("requirements", "requirements-dev", "requirements-fuzz")
BIN = Path(sys.executable).parent


def main(words: list[str]) -> int:
    """Do what is asked and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m devtools.supply_chain", description=__doc__)
    parser.add_argument("what", choices=("lock", "licences", "sbom", "audit", "images"))
    parser.add_argument("--upgrade", action="store_true", help="lock: newer transitive packages where there are any")
    asked = parser.parse_args(words)
    if asked.what == "licences":
        print(table((ROOT / "requirements.lock").read_text()))
        return 0
    if asked.what == "lock":
        return max(lock(name, upgrade=asked.upgrade) for name in LISTS)
    return {"sbom": _sbom, "audit": _audit, "images": _images}[asked.what]()


def lock(name: str, *, upgrade: bool = False) -> int:
    """Write one lock file; pins that stand in the present one are kept unless the list says otherwise."""
    options = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-emit-index-url"]
    options += ["--quiet", "--no-annotate", "--no-header", *(["--upgrade"] if upgrade else [])]
    # Built nowhere: every file comes from the index, whose hash is locked.
    command = [str(BIN / "uv"), "pip", "compile", *options, f"{name}.txt", "-o", f"{name}.lock"]
    return subprocess.run(command, cwd=ROOT, env=os.environ, check=False).returncode


def _sbom() -> int:
    """Print the SBOM of the production packages, as CycloneDX JSON."""
    command = [str(BIN / "cyclonedx-py"), "requirements", "requirements.lock", "--of", "JSON", "--output-reproducible"]
    return subprocess.run([*command, "-o", "-"], cwd=ROOT, check=False).returncode


def _audit() -> int:
    """Ask PyPI's advisories about every locked package; 1 where something is known or nobody could be asked."""
    command = [str(BIN / "pip-audit"), "--require-hashes", "--disable-pip", "-r", "requirements.lock"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _images() -> int:
    """Print each image with its digest; 1 where the registry cannot be asked."""
    try:
        print(*pinned(), sep="\n")
    except ImageUnresolved as error:
        sys.stderr.write(f"{error}. Nothing is pinned.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
