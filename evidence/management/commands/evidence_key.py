"""Show or change the key that signs the evidence."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

import clock
from evidence.api import change_key, present_key
from vault.fields import VaultError


class Command(BaseCommand):
    """Print the public key, for those who verify."""

    help = "Print the public key of the evidence, which whoever verifies needs; --rotate makes a new one first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rotate", action="store_true", help="make a new key; the old one signs the change")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = change_key(clock.now()) if options["rotate"] else present_key(clock.now())
        except VaultError as error:
            raise CommandError(f"{error} Restore that key, or make a new one with --rotate.") from error
        if options["rotate"] and not key.change:
            self.stderr.write("Nothing links the new key with another: whoever verifies older seals needs both.")
        self.stdout.write(key.public)
