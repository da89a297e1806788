"""Take the users of a Recording Service from QMS's own CSV."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.management.commands.sync_users import refresh_summary
from agents.models import RefreshState
from agents.users import stored_users, user_files
from agents.users.csv_format import CsvError, decode, read_users
from agents.users.file_preview import FilePreview, preview
from agents.users.refresh import RefreshRunning, left_out
from qms.models import RecordingService
from qms.port import ListedUser, UnreadableUser

#: Maximum size of a file, in bytes.
MAXIMUM_BYTES = 64 * 1024 * 1024


class Command(BaseCommand):
    """Take the users of a Recording Service from a CSV file of QMS, as if the service had listed them."""

    help = "Take the users of a Recording Service from a CSV file that QMS exported, until its next load."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the service and the file."""
        parser.add_argument("slug", help="the Recording Service")
        parser.add_argument("file", type=Path, help="the CSV file, as QMS or Excel saved it")
        parser.add_argument("--preview", action="store_true", help="show what would change, and take nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what the file holds, then take it."""
        service = RecordingService.objects.filter(slug=options["slug"]).first()
        if service is None:
            raise CommandError(f"There is no Recording Service {options['slug']}.")
        try:
            text, encoding = decode(_content(options["file"]))
            users = read_users(text)
        except (CsvError, OSError) as error:
            raise CommandError(str(error)) from error
        found = preview(users, stored_users.known(service.pk), user_files.seen_devices())
        for line in _lines(found, encoding):
            self.stdout.write(line)
        if options["preview"]:
            self.stdout.write("Nothing was taken. Without --preview it is.")
            return
        self._take(service, users, options["file"])

    def _take(self, service: RecordingService, users: Sequence[ListedUser | UnreadableUser], file: Path) -> None:
        try:
            refresh = user_files.take(service, users)
        except RefreshRunning as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{service.slug}: {refresh_summary(refresh)}")
        if refresh.state != RefreshState.DONE:
            raise CommandError(f"Not taken: {file}.")


def _content(file: Path) -> bytes:
    if file.stat().st_size > MAXIMUM_BYTES:
        raise CsvError(f"The file is longer than {MAXIMUM_BYTES} bytes.")
    return file.read_bytes()


def _lines(found: FilePreview, encoding: str) -> Iterator[str]:
    """Yield what the file holds and what it changes."""
    change = found.difference
    yield f"The file ({encoding}) has {found.listed} user{'' if found.listed == 1 else 's'}:"
    new, changed, gone = len(change.added), len(change.changed), len(change.gone)
    yield f"  {new} new, {changed} changed, {gone} gone, {change.unchanged} unchanged"
    if remark := left_out(found.unreadable):
        yield f"  {remark}"
    yield from (f"  {one}" for one in found.doubts)
