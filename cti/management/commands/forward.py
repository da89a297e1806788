"""``forward FILE``: tail a file of events, one JSON object a line, and post them to a gateway."""

import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cti.http_intake.file_tail import FilePositionError
from cti.http_intake.forwarder import Forwarder, ForwardError
from cti.listener.source_config import SecretMissing, resolve_secret

TOKEN = "GATEWAY_TOKEN"  # noqa: S105  (the variable's name)


class ForwardStopped(Exception):
    """A signal asked the command to end."""


class Command(BaseCommand):
    """Forward a file. Needs no database."""

    help = f"Tail a file of CTI events and post them to a gateway. The token is read from {TOKEN} or {TOKEN}_FILE."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="events, one JSON object a line")
        parser.add_argument("--url", default="http://127.0.0.1:8000/api/events", help="the gateway's intake")
        parser.add_argument("--state", type=Path, help="where the place is remembered; default: FILE.forwarded")
        parser.add_argument("--once", action="store_true", help="end at the end of the file")

    def handle(self, *_: Any, **options: Any) -> None:
        file: Path = options["file"]
        state = options["state"] or file.with_name(f"{file.name}.forwarded")
        signal.signal(signal.SIGTERM, _stop)
        try:
            Forwarder(file, state, options["url"], _token(), time.sleep).run(is_once=options["once"])
        except (ForwardStopped, KeyboardInterrupt):
            return
        except (ForwardError, FilePositionError) as error:
            raise CommandError(str(error)) from error


def _token() -> str:
    try:
        token = resolve_secret(TOKEN, "")
    except SecretMissing as error:
        raise CommandError(str(error)) from error
    if not token:
        raise CommandError(f"Set {TOKEN}, or {TOKEN}_FILE to a file that holds the token.")
    return token


def _stop(*_: Any) -> None:
    raise ForwardStopped
