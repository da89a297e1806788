"""``./gateway doctor``: one file for support: versions, settings, probes, queues, gaps; no call data, no secrets."""

import argparse
import os
import sys
from pathlib import Path

import msgspec

import clock
from gateway_site.ops.doctor import diagnose


def run(words: list[str]) -> int:
    """Print the diagnosis, or write it to a file."""
    parser = argparse.ArgumentParser(prog="./gateway doctor", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="as JSON instead of text")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write it there instead of to the terminal")
    asked = parser.parse_args(words)
    found = diagnose(clock.now(), os.environ)
    text = msgspec.json.format(msgspec.json.encode(found)).decode() if asked.json else str(found)
    try:
        asked.to.write_text(f"{text}\n", encoding="utf-8") if asked.to else print(text)
    except OSError as error:
        print(f"gateway: {asked.to}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
