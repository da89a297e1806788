"""Replay a period of the journal and say what would be different."""

import gc
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

import clock
from calls.api import ReaderEnded, compare_period, todays_settings
from cti.api import JournalError
from cti.models import CtiSource
from gateway_site.config.declaration import ConfigError, read
from gateway_site.config.moments import moment
from gateway_site.replays.results import kept_result
from gateway_site.replays.texts import example_lines, group_line, result_lines, verdict
from gateway_site.replays.tried_settings import TriedSettings, tried_settings


class Command(BaseCommand):
    """Replay a period now; the gateway may run meanwhile."""

    help = (
        "Take the events of a period through today's code and settings, or those of a file, and say which legs and"
        " flags would be different from what was done. Changes nothing, here or in QMS."
    )

    #: They load every page of the site, which takes as long as the replay of a quarter of an hour.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="begin", type=moment, required=True, help="a day or a time, site's clock")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="until when, that moment not included")
        parser.add_argument("--source", help="the slug of one CTI source; default: all of them")
        parser.add_argument("--config", type=Path, metavar="FILE", help="settings to try, as for apply_config")

    def handle(self, *args: Any, **options: Any) -> None:
        begin, now = options["begin"], clock.now()
        end = min(options["end"], now)
        if begin >= end:
            raise CommandError("There is nothing to replay: --from must be earlier than --to, and than now.")
        span = f"{_shown(begin)} to {'now, ' if options['end'] > now else ''}{_shown(end)}"
        with _few_collections():
            for source in self._sources(options["source"]):
                self._replay(source, begin, end, span, options["config"])

    def _replay(self, source: CtiSource, begin: datetime, end: datetime, span: str, config: Path | None) -> None:
        tried = _tried(source, config)
        began = clock.now()
        try:
            found = compare_period(source, begin, end, tried.settings, began, reads_ahead=True)
        except JournalError as error:
            raise CommandError(f"The journal cannot be read: {error}") from error
        except ReaderEnded as error:
            raise CommandError(str(error)) from error
        result = kept_result(source.slug, (clock.now() - began).total_seconds(), found, tried.untried)
        self.stdout.write(f"{source.slug}, {span}: {result.events:,} events in {result.seconds:.1f} s.")
        for line in result_lines(result, begin, end, settings.ARCHIVE_DAYS):
            self.stdout.write(f"  {line}")
        if result.covered_from is not None:
            self.stdout.write(f"  {verdict([result])}")
        for group in result.groups:
            self.stdout.write(f"  {group_line(group)}")
            for line in example_lines(group):
                self.stdout.write(f"           {line}")

    def _sources(self, slug: str | None) -> list[CtiSource]:
        known = CtiSource.objects.order_by("slug")
        found = list(known.filter(slug=slug) if slug else known)
        if not found:
            there = ", ".join(known.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no CTI source {slug or ''}. There are: {there}.")
        return found


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for cycles less often: the fold makes many small values and none, and looking takes a tenth of its time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _shown(moment: datetime) -> str:
    """Return a moment by the site's clock; seconds only where it has some."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"


def _tried(source: CtiSource, config: Path | None) -> TriedSettings:
    """Return by what a source is replayed, and what of the file cannot be tried."""
    if config is None:
        return TriedSettings(todays_settings(source))
    try:
        return tried_settings(read(config.read_text(encoding="utf-8")), source)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"{config}: {why}") from error
    except ConfigError as error:
        problems = "\n".join(f"  {problem}" for problem in error.problems)
        raise CommandError(f"{config} cannot be tried:\n{problems}") from error
