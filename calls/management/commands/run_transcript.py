"""Run transcripts of calls: a customer's case as a test."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls.transcript.format import TranscriptError, read, run


class Command(BaseCommand):
    """Run each file through the core and say what differs; status 1 when anything does."""

    help = "Take the events of transcript files through the core and compare the legs and flags with those expected."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a transcript (TOML)")

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = [path for path in options["files"] if not self._passes(path)]
        if wrong:
            raise CommandError(f"{len(wrong)} of {len(options['files'])} transcripts differ.")

    def _passes(self, path: Path) -> bool:
        try:
            lines = run(read(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, TranscriptError) as error:
            lines = [str(error)]
        self.stdout.write(f"{'differs' if lines else 'as expected'}: {path}")
        for line in lines:
            self.stdout.write(f"  {line}")
        return not lines
