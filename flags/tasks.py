"""Celery's tasks: each one line that calls a plain function."""

from celery import shared_task

import clock
from flags import creations, proofs, retrying


@shared_task(name="flags.tasks.carry_on_retries")
def carry_on_retries() -> None:
    """Go on with what operators told to put back."""
    retrying.carry_on(clock.now)


@shared_task(name="flags.tasks.create")
def create(server_id: int, run: int) -> None:
    """Create the Flags on a Data Server, as somebody asked on the page Flags."""
    creations.carry_out(server_id, run)


@shared_task(name="flags.tasks.carry_on_creations")
def carry_on_creations() -> None:
    """Have workers take up creations that no worker is at."""
    creations.carry_on(clock.now())


@shared_task(name="flags.tasks.prove")
def prove(server_id: int, run: int) -> None:
    """Prove that new Flags work, as somebody asked on a Data Server's page."""
    proofs.carry_out(server_id, run)


@shared_task(name="flags.tasks.note_what_calls_proved")
def note_what_calls_proved() -> None:
    """Take new Flags as proved that QMS took with the flags of calls."""
    proofs.note_what_calls_proved()
