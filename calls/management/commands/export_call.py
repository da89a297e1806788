"""Write a leg's calls as a transcript: a customer's case becomes a test."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls.models import Leg
from calls.transcript.dump import write
from calls.transcript.format import read, run
from calls.transcript.from_journal import NotKept, export
from cti.api import JournalUnavailable


class Command(BaseCommand):
    """Print the transcript; say on standard error where a run of it differs from what became of the legs."""

    help = "Print the journalled events of a leg's calls as a transcript, names and numbers masked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("leg", type=int, help="the leg's id, as its page and /api/legs show it")

    def handle(self, *args: Any, **options: Any) -> None:
        row = Leg.objects.select_related("source").filter(pk=options["leg"]).first()
        if row is None:
            raise CommandError(f"There is no leg {options['leg']}.")
        try:
            text = write(export(row))
        except (NotKept, JournalUnavailable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text, ending="")
        for line in run(read(text)):
            self.stderr.write(line)
