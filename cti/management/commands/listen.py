"""``listen SLUG``: follow one CTI source until it is stopped. One process for each source, or two for fail-over."""

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from cti.listener.listener import Listener
from cti.listener.source_config import source_config
from cti.models import CtiSource
from cti.sources.port import SourceConfig
from cti.sources.registry import has_session

#: The exit status of a source without a listener.
NOTHING_TO_DO = 2


class Command(BaseCommand):
    """Listen to a source."""

    help = "Follow one CTI source. A second listener of the same source stands by and takes over within 5 seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the CTI source")

    def handle(self, *_: Any, **options: Any) -> None:
        source = _source(options["slug"])
        config = source_config(source)
        connection.close()
        asyncio.run(_listen(source.pk, config))


def _source(slug: str) -> CtiSource:
    source = CtiSource.objects.filter(slug=slug).first()
    if source is None:
        raise CommandError(f"There is no CTI source {slug}.")
    if not has_session(source.kind):
        raise CommandError(
            f"{slug} is of kind {source.kind}: it posts its events to /api/events and needs no listener.",
            returncode=NOTHING_TO_DO,
        )
    if not source.enabled:
        raise CommandError(f"{slug} is disabled.", returncode=NOTHING_TO_DO)
    return source


async def _listen(source_id: int, config: SourceConfig) -> None:
    listener = Listener(source_id, config)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, listener.stop)
    await listener.run()
