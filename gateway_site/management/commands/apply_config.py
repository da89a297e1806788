"""Apply a declaration of the site."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway_site.config.apply import apply
from gateway_site.config.declaration import ConfigError, read


class Command(BaseCommand):
    """Bring data servers, recording services, CTI sources and flags to what a TOML file says."""

    help = "Apply a TOML declaration of data servers, recording services, CTI sources and flags. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help='the TOML file; "-" reads the standard input')
        parser.add_argument("--check", action="store_true", help="say what would change and change nothing")

    def handle(self, *, file: str, check: bool, **_: Any) -> None:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
            applied = apply(read(text), check=check)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise CommandError(f"{file}: {why}") from error
        except ConfigError as error:
            problems = "\n".join(f"  {problem}" for problem in error.problems)
            raise CommandError(f"{file}: nothing was applied:\n{problems}") from error
        for line in applied.changes or ["nothing to change"]:
            self.stdout.write(f"would change: {line}" if check and applied.changes else line)
        for note in applied.notes:
            self.stderr.write(f"note: {note}")
