"""Make canary calls now, and follow them to their end."""

import sys
import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import clock
from cti.models import CtiSource
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import begin, carry_on_one, due_at, step_seconds
from gateway_site.canary.steps import NAMES, CanaryStep, StepEnd
from qms.api import connect

#: A step that has not ended by then is named while it is waited for.
SOON = timedelta(seconds=2)


class Command(BaseCommand):
    """Make a canary call of each test extension, one after the other, and say how each step ended."""

    help = "Make canary calls now, of all sources or of one. The exit status is 0 only if every call passes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", nargs="?", metavar="SOURCE", help="the name of a CTI source; default: all")

    def handle(self, *, source: str | None, **_: Any) -> None:
        sources = CtiSource.objects.filter(enabled=True).exclude(canary_extensions=[])
        chosen = [(one, str(ext)) for one in _only(sources, source) for ext in one.canary_extensions]
        if not chosen:
            raise CommandError(
                "There is no test extension. Enter one on the page of a CTI source (Canary), or with apply_config."
            )
        calls = [self._judged(one, extension) for one, extension in chosen]
        if any(call.is_red or call.is_interrupted for call in calls):
            sys.exit(1)

    def _judged(self, source: CtiSource, extension: str) -> CanaryCall:
        """Follow a call; one that was interrupted is made again, once."""
        call = self._followed(source, extension)
        if not call.is_interrupted:
            return call
        while clock.now() < due_at(call, source):
            _pause()
        return self._followed(source, extension)

    def _followed(self, source: CtiSource, extension: str) -> CanaryCall:
        call = begin(source, extension, "command-line", clock.now())
        if call is None:
            self.stderr.write(f"A canary call of {extension} goes on already; it is followed.")
            call = CanaryCall.objects.filter(source=source, extension=extension).latest("pk")
        self._say(f"Source {source.slug}, test extension {extension}, by {call.get_way_display()}:")
        shown, awaited = 0, ""
        while True:
            call = carry_on_one(call.pk, clock.now, connect)
            for end in call.ends[shown:]:
                self._print(end)
            shown = len(call.ends)
            if call.ended_at is not None:
                self._say(f"{_result(call)} It took {(call.ended_at - call.began_at).total_seconds():.1f} s.")
                return call
            if call.step != awaited and clock.now() - call.step_since > SOON:
                self._say(_waits(call))
                awaited = call.step
            _pause()

    def _print(self, end: StepEnd) -> None:
        self._say(f"  {end.word:<12}  {end.name}: {end.text} ({end.seconds:.1f} s)")
        if end.todo:
            self._say(f"              -> {end.todo}")

    def _say(self, line: str) -> None:
        """Print a line at once: whoever reads it through a pipe follows the call too."""
        self.stdout.write(line)
        self.stdout.flush()


def _waits(call: CanaryCall) -> str:
    step = CanaryStep(call.step)
    return f"  {'waiting':<12}  {NAMES[step]}, {step_seconds(call, step):.0f} s at most"


def _result(call: CanaryCall) -> str:
    if call.is_interrupted:
        return "It was interrupted, and shows nothing: it is made again in a moment."
    return "It failed: something is broken." if call.is_red else "All that was tried works."


def _only(sources: Any, slug: str | None) -> list[CtiSource]:
    named = CtiSource.objects.filter(slug=slug or "").first()
    if slug and named is None:
        raise CommandError(f'There is no CTI source "{slug}".')
    if named is not None and not named.enabled:
        raise CommandError(f"Source {slug} is disabled: no call is made.")
    return list(sources.filter(slug=slug) if slug else sources)


def _pause() -> None:
    time.sleep(0.5)
