"""Write the site's configuration as a declaration."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway_site.config.export import export


class Command(BaseCommand):
    """Write what apply_config reads."""

    help = "Write data servers, recording services, CTI sources and flags as the TOML that apply_config reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="the file to write; without it, the standard output")

    def handle(self, *, file: str | None, **_: Any) -> None:
        text = export()
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error
