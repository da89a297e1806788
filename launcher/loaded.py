"""What the gateway's programs share when they are forks of one process: what Python loads, and nothing that is open.

Importing this module loads it; ``forks`` has it imported before the first program is started. A module that cannot be
imported is left out: the program that needs it will say why.
"""

import gc
import os
from contextlib import suppress
from importlib import import_module

import django

from launcher.parent_death import end_with_parent

#: In this order: the models first, then what needs them.
MODULES = (
    "gateway_site.celery",
    "gateway_site.worker_loops",
    "gateway_site.urls",
    "gateway_site.wsgi",
    "gateway_site.web.server",
    "cti.management.commands.listen",
    "launcher.listeners",
    "celery.bin.celery",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.prefork",
    "celery.concurrency.solo",
    "celery.concurrency.thread",
)


def _load() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
    with suppress(Exception):
        django.setup()
        import_module("gateway_site.celery").app.loader.import_default_modules()
    for name in MODULES:
        with suppress(Exception):
            import_module(name)
    # What is there now is never looked at again by the collector, which would write to it and so copy it.
    gc.collect()
    gc.freeze()


end_with_parent()
_load()
