"""Compare what QMS holds with what the gateway wrote."""

import time
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

import clock
from gateway_site.config.moments import moment
from gateway_site.reconciliation.models import KINDS, STANDS, ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import RETRY_SECONDS, ask, share_right, to_the_end, what_was_cut
from gateway_site.reconciliation.texts import cause_words
from qms.api import connect
from qms.models import RecordingService

KIND_WORDS = dict(KINDS)


class Command(BaseCommand):
    """Run a reconciliation now; the gateway may run meanwhile."""

    help = (
        "Compare the recordings that QMS lists with the gateway's legs and flags, in both directions. Changes nothing"
        " in QMS. The findings are on the page Findings of the admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="begin", type=moment, required=True, help="a day or a time, site's clock")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="until when, that moment not included")
        parser.add_argument("--service", help="the slug of one Recording Service; default: all that are enabled")

    def handle(self, *args: Any, **options: Any) -> None:
        for service in self._services(options["service"]):
            try:
                run = ask(service, options["begin"], options["end"], "command", clock.now())
            except ValueError as error:
                raise CommandError(f"{service}: {error}.") from error
            for line in what_was_cut(run, options["begin"], options["end"]):
                self.stdout.write(f"{service}: {line}")
            for _ in to_the_end(run, clock.now, connect, time.sleep):
                self.stdout.write(f"{service}: compared until {timezone.localtime(run.compared_until):%Y-%m-%d %H:%M}")
                if run.error and run.done_at is None:
                    self.stdout.write(f"  {run.error} It is tried again in {RETRY_SECONDS:.0f} s.")
            self._report(run)

    def _services(self, slug: str | None) -> list[RecordingService]:
        wanted = RecordingService.objects.filter(enabled=True)
        found = list(wanted.filter(slug=slug) if slug else wanted)
        if not found:
            known = ", ".join(wanted.values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no enabled Recording Service {slug or ''}. Enabled: {known}.")
        return found

    def _report(self, run: ReconciliationRun) -> None:
        if run.error:
            until = timezone.localtime(run.compared_until)
            raise CommandError(f"{run.service}: stopped at {until:%Y-%m-%d %H:%M}: {run.error}")
        self.stdout.write(
            f"{run.service}: {run.recordings:,} recordings, {run.legs:,} legs, {run.findings:,} findings."
        )
        if run.recordings:
            share, target = share_right(run), settings.FLAGGED_TARGET_PERCENT
            self.stdout.write(f"  {share} of the recordings have no critical or major finding; target {target:g} %.")
        if run.unreadable:
            self.stdout.write(f"  {run.unreadable:,} recordings could not be read: {run.unreadable_why}")
        standing = ReconciliationFinding.objects.filter(
            STANDS, service=run.service, began_at__gte=run.begin, began_at__lt=run.end
        )
        counted = Counter(standing.values_list("grade", "kind", "cause"))
        for (grade, kind, cause), count in sorted(counted.items()):
            self.stdout.write(f"  {count:>7,}  {grade:<8}  {KIND_WORDS[kind]}: {cause_words(cause)}")
