"""Take the users of a Recording Service from QMS's own CSV."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from agents.management.commands.sync_users import told
from agents.models import RefreshState, Trigger
from agents.users.csv_format import CsvError, read_users
from agents.users.refresh import RefreshRunning, begin, load
from qms.models import RecordingService
from qms.port import ListedUser


class UserFile(msgspec.Struct, frozen=True):
    """A list of users that was read from a file."""

    listed: list[ListedUser]

    def users(self) -> list[ListedUser]:
        """Return the users."""
        return self.listed


class Command(BaseCommand):
    """Take the users of a Recording Service from a CSV file of QMS, as if the service had listed them."""

    help = "Take the users of a Recording Service from a CSV file that QMS exported, until its next load."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the Recording Service")
        parser.add_argument("file", type=Path, help="the CSV file, UTF-8")

    def handle(self, *args: Any, **options: Any) -> None:
        service = RecordingService.objects.filter(slug=options["slug"]).first()
        if service is None:
            raise CommandError(f"There is no Recording Service {options['slug']}.")
        try:
            users = read_users(options["file"].read_text(encoding="utf-8").splitlines(keepends=True))
            refresh = load(begin(service.pk, Trigger.FILE).pk, UserFile(users))
        except (CsvError, OSError, UnicodeDecodeError, RefreshRunning) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{service.slug}: {told(refresh)}")
        if refresh.state != RefreshState.DONE:
            raise CommandError(f"Not taken: {options['file']}.")
