"""Read the first word of ``./gateway WORD ...`` and do it."""

import os
import sys
from dataclasses import dataclass
from importlib import import_module

import django

from gateway_site.config.private_files import keep_private
from launcher.paths import var_dir


@dataclass(frozen=True)
class Word:
    """What a word leads to: a module with ``run(words) -> status``, loaded when the word is said.

    ``seal``: a module whose ``seal(words)`` sets the environment before Django reads its settings from it.
    """

    module: str
    purpose: str = ""
    needs_django: bool = False
    seal: str = ""


HERE = "launcher"
WORDS = {
    "demo": Word(f"{HERE}.demo", "see calls being flagged, with a simulated PBX and QMS", True, f"{HERE}.demo_options"),
    "manage": Word(f"{HERE}.manage", "a management command (./gateway manage help)"),
    "test": Word(f"{HERE}.run_tests", "all tests, on SQLite and PostgreSQL (./gateway test --help)"),
    "check": Word(f"{HERE}.check", "lint, format, wording, imports, migrations, types: under a minute"),
    "bench": Word(f"{HERE}.benchmarks", "the benchmarks (./gateway bench --help)"),
    "faults": Word(f"{HERE}.faults", "break the running gateway on purpose, and compare what QMS holds with the truth"),
    "fuzz": Word(f"{HERE}.fuzzing", "feed the decoders what nobody would send (./gateway fuzz --help)"),
    "worlds": Word(f"{HERE}.worlds", "judge the core by worlds made by chance (./gateway worlds --help)"),
    "screenshots": Word(f"{HERE}.screenshots", "take the manual's pictures of a running demo"),
    "up": Word(f"{HERE}.up", "run the gateway with the settings of .env", needs_django=True),
    # Lines of the Procfile, not for people.
    "redis": Word(f"{HERE}.redis"),
    "listeners": Word(f"{HERE}.listeners", needs_django=True),
}


def usage() -> str:
    """Name every word that is for people, and what it does."""
    lines = (f"  ./gateway {name:<11} {word.purpose}" for name, word in WORDS.items() if word.purpose)
    return "\n".join(["usage:", *lines])


def main(words: list[str]) -> int:
    """Do what the first word says and return the exit status."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else 2
    if words[0] not in WORDS:
        print(f"gateway: there is no {words[0]!r}\n{usage()}", file=sys.stderr)
        return 2
    return _do(WORDS[words[0]], words[1:])


def _do(word: Word, words: list[str]) -> int:
    keep_private(var_dir())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    if word.seal:
        import_module(word.seal).seal(words)
    if word.needs_django:
        django.setup()
    status: int = import_module(word.module).run(words)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
