"""All programs of one machine: the store first (Redis, database), then what depends on it."""

import os

from django.core.management import call_command
from django.db import OperationalError

from gateway_site.config import embedded
from gateway_site.ops.version_guard import version_problem
from launcher.paths import migrating, var_dir
from launcher.procfile import REDIS, as_fork
from launcher.redis import wait_until_it_answers
from launcher.supervisor import Program, Supervisor


class StoreFailed(Exception):
    """The database cannot be used; the text says why and what to do."""


def start_store(supervisor: Supervisor, programs: list[Program]) -> None:
    """Start the embedded Redis unless ``REDIS_URL`` names another, and bring the database's tables up to date.

    Raises ``StoreFailed``, and ``TimeoutError`` where the embedded Redis does not come.
    """
    if not os.environ.get("REDIS_URL"):
        supervisor.start(next(one for one in programs if one.name == REDIS))
        wait_until_it_answers(embedded.redis_socket(var_dir()))
    if problem := version_problem():
        raise StoreFailed(problem)
    with migrating():
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except OperationalError as error:
            reason = str(error).strip().partition("\n")[0]
            raise StoreFailed(
                f"DATABASE_URL: the database does not answer ({reason}). Start it, or correct the address."
            ) from error


def start_work(supervisor: Supervisor, programs: list[Program], *, as_forks: bool = False) -> None:
    """Start web, workers, beat and listeners.

    ``as_forks``: those that live in this process's environment are forks of one process.
    """
    for one in programs:
        if one.name != REDIS:
            supervisor.start(as_fork(one) if as_forks and one.environment == dict(os.environ) else one)
