"""Try a recorded trace before a site is connected."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calls.transcript.dump import write
from cti.sources.registry import NoTrace, source_kinds
from gateway_site.config.declaration import ConfigError, read
from gateway_site.trace_trial.capture import CaptureError
from gateway_site.trace_trial.site import NoSuchSource, TrialSite, declared_site, default_site
from gateway_site.trace_trial.text import report_lines
from gateway_site.trace_trial.trial import try_trace

#: Largest file that is read, in bytes: it is held in memory several times.
MAXIMUM_BYTES = 256 * 1024 * 1024


class Command(BaseCommand):
    """Play a capture through decoder and core; the database is not touched, and nothing is sent."""

    help = (
        "Play a trace of a CTI link (raw bytes, or a capture of tcpdump) through decoder and core with a QMS by the "
        "book, and show the legs, their flags, the devices and what could not be read. Writes nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="raw bytes of the link, pcap or pcapng")
        parser.add_argument("--kind", required=True, choices=sorted(source_kinds()), help="the kind of source")
        parser.add_argument("--options", type=Path, metavar="SITE.TOML", help="the site's file, as for apply_config")
        parser.add_argument("--source", default="", metavar="SLUG", help="which source of that file")
        parser.add_argument("--log", action="store_true", help="show the decision log of each leg")
        parser.add_argument("--anonymise", action="store_true", help="replace names and numbers, alike everywhere")
        parser.add_argument("--export", type=Path, metavar="FILE", help="write the case as a transcript")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = _site(options["options"], options["kind"], options["source"])
            report = try_trace(_content(options["file"]), site, is_anonymous=options["anonymise"])
        except (OSError, UnicodeDecodeError, ConfigError, NoSuchSource, NoTrace, CaptureError, ValueError) as error:
            raise CommandError(str(error)) from error
        for line in report_lines(report, has_log=options["log"]):
            self.stdout.write(line)
        if options["export"]:
            options["export"].write_text(write(report.transcript), encoding="utf-8")
            self.stdout.write(f"\nWritten as a transcript: {options['export']}")


def _site(path: Path | None, kind: str, slug: str) -> TrialSite:
    return declared_site(read(path.read_text(encoding="utf-8")), kind, slug) if path else default_site(kind)


def _content(path: Path) -> bytes:
    if path.stat().st_size > MAXIMUM_BYTES:
        raise CommandError(f"The file is longer than {MAXIMUM_BYTES // 2**20} MiB: cut the capture to a few calls.")
    return path.read_bytes()
