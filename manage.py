#!/usr/bin/env python
"""Run a management command of the QMS Gateway."""

import os
import select
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand

STORE_ERROR, SETTINGS_ERROR, STOPPED, UNREAD = 1, 3, 130, 141


class TypedUtility(ManagementUtility):
    """Runs commands, and calls them in every usage line as they are typed: ``TYPED_COMMAND`` says how."""

    def __init__(self, argv: list[str]) -> None:
        super().__init__(argv)
        self.prog_name = os.environ.get("TYPED_COMMAND") or self.prog_name

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return a command. Exits where there is none of this name."""
        command: BaseCommand = super().fetch_command(subcommand)
        made = command.create_parser

        def create_parser(*words: str, **options: Any) -> Any:
            parser = made(*words, **options)
            parser.prog = f"{self.prog_name} {subcommand}"
            return parser

        command.create_parser = create_parser  # type: ignore[method-assign]  # the name is built in there alone
        return command


def main() -> None:
    """Check the settings, then run the command; settings and stores that cannot be used are named in sentences."""
    os.umask(0o077)  # What a command writes is its user's alone.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    try:
        _ = settings.INSTALLED_APPS  # The first look reads them all.
    except ImproperlyConfigured as error:
        sys.stderr.write(f"gateway: {error}\n")
        sys.exit(SETTINGS_ERROR)
    try:
        TypedUtility(sys.argv).execute()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("gateway: stopped\n")
        sys.exit(STOPPED)
    except Exception as error:
        from gateway_site.ops.store_refusals import sentence  # noqa: PLC0415  (most commands never need it)

        if isinstance(error, BrokenPipeError) and _is_unread():
            sys.exit(UNREAD)
        if "--traceback" in sys.argv or not (said := sentence(error)):
            raise
        sys.stderr.write(f"gateway: {said}\n")
        sys.exit(STORE_ERROR)


def _is_unread() -> bool:
    """Say whether nobody reads the output any more, as after ``| head``; what is left of it then goes nowhere."""
    poll = select.poll()
    poll.register(sys.stdout, 0)
    if not any(state & select.POLLERR for _, state in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


if __name__ == "__main__":
    main()
