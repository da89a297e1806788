"""Test the installation step by step."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from django.core.management.base import BaseCommand

from gateway_site.installation.steps import InstallationStep, StepState, steps
from gateway_site.installation.trial_call import follow_to_its_end

LABELS = {StepState.PASS: "pass   ", StepState.FAIL: "FAIL   ", StepState.NOT_YET: "not yet"}


class Command(BaseCommand):
    """Go through the installation and say for each step: pass, fail or not yet, why, and what to do."""

    help = "Test the installation. The exit status is 0 only if every step passes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the steps as JSON")
        parser.add_argument("--call", metavar="EXTENSION", help="then follow the next call at this extension")
        parser.add_argument(
            "--wait", type=float, default=120.0, metavar="SECONDS", help="maximum time to follow the call; default: 120"
        )

    def handle(self, *, json: bool, call: str | None, wait: float, **_: Any) -> None:
        report: Callable[[InstallationStep], None] = _ignore if json else self._print_step
        taken: list[InstallationStep] = []
        for step in steps():
            taken.append(step)
            report(step)
        if call:
            taken += self._followed(call, wait, report)
        if json:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(taken)).decode())
        if any(step.state is not StepState.PASS for step in taken):
            sys.exit(1)

    def _followed(
        self, extension: str, wait: float, report: Callable[[InstallationStep], None]
    ) -> Iterator[InstallationStep]:
        """Yield how the call ended; printed for people as it continues."""
        self.stderr.write(f"Now make a call at extension {extension} and hang up; it is followed for {wait:g} s.")
        for step in follow_to_its_end(extension, wait, lambda one: report(_of_call(one)), _pause):
            yield _of_call(step)

    def _print_step(self, step: InstallationStep) -> None:
        self.stdout.write(f"{LABELS[step.state]}  {step.name}: {step.seen}")
        if step.todo:
            self.stdout.write(f"         -> {step.todo}")


def _of_call(step: InstallationStep) -> InstallationStep:
    return msgspec.structs.replace(step, name=f"test call: {step.name}")


def _ignore(_: InstallationStep) -> None:
    """Tell nothing: all is printed at the end."""


def _pause() -> None:
    time.sleep(1.0)
