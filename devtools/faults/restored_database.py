"""A database put back to what it was half a minute ago, while calls go on: the gateway is to notice by itself."""

import os
import subprocess
import sys
from collections.abc import Callable

from django.db import connections

from devtools.faults.stack import OTHERS, FaultStack
from launcher.paths import ROOT

#: Put back without a word to the gateway, as an administrator does with the database's own tools.
_DUMP = "import django; django.setup(); from gateway_site.backup import stores; stores.dump_to({file!r})"
_RESTORE = "import django; django.setup(); from gateway_site.backup import stores; stores.restore_from({file!r})"
_IMPORT = "from pathlib import Path; "


def restore_later(plant: FaultStack) -> Callable[[], None]:
    """Make a backup now; what is returned puts it back, with the gateway stopped meanwhile."""
    file = plant.place.folder / f"backup-{len(list(plant.place.folder.glob('backup-*')))}"
    _run(_DUMP, str(file))
    return lambda: _restore(plant, str(file))


def _restore(plant: FaultStack, file: str) -> None:
    connections.close_all()
    gateway = [plant.supervisor.program(name) for name in plant.supervisor.names - set(OTHERS)]
    plant.supervisor.stop({one.name for one in gateway})
    _run(_RESTORE, file)
    for one in gateway:
        plant.supervisor.start(one)


def _run(script: str, file: str) -> None:
    code = _IMPORT + script.replace("{file!r}", f"Path({file!r})")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), check=True, timeout=120)
