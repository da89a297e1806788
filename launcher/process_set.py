"""All programs of one machine: the store first (Redis, database), then what leans on it."""

import os

from django.core.management import call_command

from gateway_site.config import embedded
from launcher.paths import migrating, var_dir
from launcher.procfile import REDIS
from launcher.redis import wait_until_it_answers
from launcher.supervisor import Program, Supervisor


def start_store(supervisor: Supervisor, programs: list[Program]) -> None:
    """Start the embedded Redis unless ``REDIS_URL`` names another, and bring the database's tables up to date."""
    if not os.environ.get("REDIS_URL"):
        supervisor.start(next(one for one in programs if one.name == REDIS))
        wait_until_it_answers(embedded.redis_socket(var_dir()))
    with migrating():
        call_command("migrate", verbosity=0, interactive=False)


def start_work(supervisor: Supervisor, programs: list[Program]) -> None:
    """Start web, workers, beat and listeners."""
    for one in programs:
        if one.name != REDIS:
            supervisor.start(one)
