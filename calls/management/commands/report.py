"""The monthly report: what was promised, held and lost, and why."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

import clock
from calls.objectives.addresses import mail_addresses
from calls.objectives.files import CONTENT_TYPES, month_file
from calls.objectives.mail import month_message
from calls.objectives.months import month_report
from calls.objectives.promises import MonthReport
from calls.objectives.targets import months_before
from calls.objectives.text import first_line
from calls.objectives.views import BadMonth, read_month


class Command(BaseCommand):
    """Write the report of a month to a file, or mail it."""

    help = (
        "Report whether the promises of a month were kept: flagged share, time to GUID, time to flags. Written to a"
        " file, or mailed with the PDF attached; the first line is printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", default="", help='2026-11, or "last"; default: the present one, so far')
        parser.add_argument("--format", choices=list(CONTENT_TYPES), default="html")
        parser.add_argument("--into", type=Path, help="the file")
        parser.add_argument("--mail", action="append", default=[], metavar="ADDRESS", help="may be given several times")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            month = read_month("" if options["month"] == "last" else options["month"], now)
        except BadMonth as error:
            raise CommandError(str(error)) from error
        if options["format"] == "pdf" and not options["into"] and not options["mail"]:
            raise CommandError("No file is written without a place for it: add --into FILE, or --mail ADDRESS.")
        report = month_report(months_before(month, 2)[0] if options["month"] == "last" else month, now)
        addresses = _addresses(options["mail"])
        if options["into"]:
            self._write(options["into"], month_file(report, options["format"]))
        if addresses:
            self._mail(report, addresses)
        self.stdout.write(first_line(report))
        if options["into"]:
            self.stdout.write(f"Written to {options['into']}.")
        if addresses:
            self.stdout.write(f"Mailed to {', '.join(addresses)}.")

    def _write(self, path: Path, file: bytes) -> None:
        try:
            path.write_bytes(file)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error

    def _mail(self, report: MonthReport, addresses: list[str]) -> None:
        if not settings.CAN_MAIL:
            raise CommandError("No mail server is set: see EMAIL_URL in the manual, Configuration.")
        try:
            month_message(report, addresses).send()
        except OSError as error:  # smtplib's errors are OSErrors.
            raise CommandError(f"The mail could not be sent ({type(error).__name__}).") from error
        except ValueError as error:
            raise CommandError(f"{', '.join(addresses)!r} is no address that mail can be sent to.") from error


def _addresses(words: list[str]) -> list[str]:
    """Return the addresses, as ``REPORT_MAIL_TO`` takes them."""
    try:
        found = [mail_addresses(word) for word in words]
    except ValueError as error:
        raise CommandError(f"{', '.join(words)!r} is no address: {error}. Nothing was sent.") from error
    if not all(found):
        raise CommandError("--mail needs an address. Nothing was sent.")
    return [one for some in found for one in some]
