"""Read the first word of ``./gateway WORD ...`` and run it."""

import argparse
import contextlib
import os
import sys
from dataclasses import dataclass
from importlib import import_module

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import Error

from gateway_site.config.private_files import keep_private
from gateway_site.ops.store_refusals import sentence
from launcher.paths import var_dir

#: Exit statuses: a database, words, and settings that cannot be used.
DATABASE_ERROR, USAGE_ERROR, SETTINGS_ERROR = 1, 2, 3


@dataclass(frozen=True)
class Word:
    """A word of the command line: a module with ``run(words) -> status``, imported when the word is given.

    ``prepare``: a module whose ``prepare(words)`` parses the words, and sets the environment, before Django reads its
    settings from it. ``takes_options`` False: anything but ``--help`` after the word is refused.
    """

    module: str
    purpose: str = ""
    needs_django: bool = False
    prepare: str = ""
    takes_options: bool = True


HERE = "launcher"
WORDS = {
    "demo": Word(f"{HERE}.demo", "see calls being flagged, with a simulated PBX and QMS", True, f"{HERE}.demo_options"),
    "simulate_qms": Word("simulators.qms.__main__", "a simulated QMS, to try an installation with"),
    "simulate_pbx": Word("simulators.pbx.__main__", "a simulated PBX, to try an installation with"),
    "up": Word(f"{HERE}.up", "run the gateway with the settings of .env", True, f"{HERE}.up_options"),
    "backup": Word(f"{HERE}.backup", "write the database and the declaration to a folder", True),
    "restore": Word(f"{HERE}.restore", "put a backup in the place of the database", True),
    "doctor": Word(f"{HERE}.doctor", "one file for support: versions, settings, probes, queues; no secrets", True),
    "manage": Word(f"{HERE}.manage", "a management command (./gateway manage help)"),
    "test": Word(f"{HERE}.run_tests", "all tests, on SQLite and PostgreSQL (./gateway test --help)"),
    "check": Word(f"{HERE}.check", "lint, format, wording, imports, migrations, types: under a minute"),
    "bench": Word(f"{HERE}.benchmarks", "the benchmarks (./gateway bench --help)"),
    "faults": Word(f"{HERE}.faults", "break the running gateway on purpose, and compare what QMS holds with the truth"),
    "mutate": Word(
        f"{HERE}.mutate",
        "change the code and see whether a test notices, on both databases (./gateway mutate --help)",
    ),
    "disturb": Word(f"{HERE}.disturbances", "disturb recorded traces of Asterisk (./gateway disturb --help)"),
    "fuzz": Word(f"{HERE}.fuzzing", "feed the decoders what nobody would send (./gateway fuzz --help)"),
    "worlds": Word(f"{HERE}.worlds", "judge the core by worlds made by chance (./gateway worlds --help)"),
    "simulate": Word(f"{HERE}.simulate", "the whole gateway by a simulated clock, with crashes (see its --help)"),
    "replay_days": Word(f"{HERE}.replay_days", "days of the demo, played and replayed: nothing may differ"),
    "screenshots": Word(f"{HERE}.screenshots", "take the manual's pictures of a running demo"),
    # Lines of the Procfile, not for people.
    "redis": Word(f"{HERE}.redis", takes_options=False),
    "listeners": Word(f"{HERE}.listeners", needs_django=True, takes_options=False),
}


def usage() -> str:
    """Name every word that is for people, and what it does."""
    lines = (f"  ./gateway {name:<12} {word.purpose}" for name, word in WORDS.items() if word.purpose)
    return "\n".join(["usage:", *lines, "./gateway WORD --help names the options of a word."])


def main(words: list[str]) -> int:
    """Run what the first word names and return the exit status."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else USAGE_ERROR
    if words[0] not in WORDS:
        print(f"gateway: there is no command {words[0]!r}\n{usage()}", file=sys.stderr)
        return USAGE_ERROR
    try:
        return _run(words[0], words[1:])
    except ImproperlyConfigured as error:
        print(f"gateway: {error}", file=sys.stderr)
        return SETTINGS_ERROR
    except Error as error:
        if not (reason := sentence(error)):
            raise
        print(f"gateway: {reason}", file=sys.stderr)
        return DATABASE_ERROR


def _run(name: str, words: list[str]) -> int:
    word = WORDS[name]
    with contextlib.suppress(OSError):  # A folder that cannot be written to is named when the settings are checked.
        keep_private(var_dir())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    if not word.takes_options:
        argparse.ArgumentParser(prog=f"./gateway {name}", allow_abbrev=False).parse_args(words)
    if word.prepare:
        import_module(word.prepare).prepare(words)
    if word.needs_django:
        django.setup()
    status: int = import_module(word.module).run(words)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
