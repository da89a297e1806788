"""Write the users of a Recording Service as QMS's own CSV."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.users import stored_users
from agents.users.csv_format import write_users
from qms.models import RecordingService


class Command(BaseCommand):
    """Print the users that a Recording Service last listed, in the CSV format of QMS."""

    help = "Print the users that a Recording Service last listed, in the CSV format that QMS imports and exports."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the Recording Service")

    def handle(self, *args: Any, **options: Any) -> None:
        service = RecordingService.objects.filter(slug=options["slug"]).first()
        if service is None:
            raise CommandError(f"There is no Recording Service {options['slug']}.")
        for line in write_users(stored_users.known(service.pk).values()):
            self.stdout.write(line, ending="")
