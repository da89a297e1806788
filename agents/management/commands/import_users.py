"""Take the users of a Recording Service from QMS's own CSV."""

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from agents.management.commands.sync_users import refresh_summary
from agents.models import CallsAtRisk, Presence, RefreshState, Trigger
from agents.users import stored_users
from agents.users.csv_format import CsvError, decode, read_users
from agents.users.file_preview import FilePreview, preview
from agents.users.refresh import RefreshRunning, begin_refresh, load
from qms.models import RecordingService
from qms.port import ListedUser

#: Maximum size of a file, in bytes.
MAXIMUM_BYTES = 64 * 1024 * 1024
_MAXIMUM_DEVICES = 200_000


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
            lines, encoding = decode(_content(options["file"]))
            users = read_users(lines)
        except (CsvError, OSError) as error:
            raise CommandError(str(error)) from error
        found = preview(users, stored_users.known(service.pk), _devices())
        for line in _lines(found, encoding):
            self.stdout.write(line)
        if options["preview"]:
            self.stdout.write("Nothing was taken. Without --preview it is.")
            return
        self._take(service, users, options["file"])

    def _take(self, service: RecordingService, users: list[ListedUser], file: Path) -> None:
        try:
            refresh = load(begin_refresh(service.pk, Trigger.FILE).pk, UserFile(users))
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
    yield f"The file ({encoding}) has {len(found.users)} users:"
    new, changed, gone = len(change.added), len(change.changed), len(change.gone)
    yield f"  {new} new, {changed} changed, {gone} gone, {change.unchanged} unchanged"
    yield from (f"  {one}" for one in found.doubts)


def _devices() -> Iterator[str]:
    """Yield extensions that the PBX has shown: where agents sat, and where calls found nobody."""
    for table in (Presence, CallsAtRisk):
        rows = table.objects.order_by().values_list("device_id", flat=True).distinct()
        yield from islice(rows.iterator(), _MAXIMUM_DEVICES)
