"""``./gateway up``: the whole gateway on one machine, with the settings of ``.env``."""

import os
import time

from django.contrib.auth import get_user_model

from launcher import process_set, procfile
from launcher.supervisor import Stopped, Supervisor, say, stopped_by_signals


def run(_: list[str]) -> int:
    """Start everything and keep it running until SIGTERM or Ctrl-C."""
    supervisor = Supervisor()
    programs = procfile.programs(dict(os.environ))
    try:
        with stopped_by_signals():
            process_set.start_store(supervisor, programs)
            process_set.start_work(supervisor, programs)
            _greet()
            while True:
                supervisor.watch()
                time.sleep(0.5)
    except Stopped:
        say("stopping")
    finally:
        supervisor.stop_all()
    return 0


def _greet() -> None:
    say(f"QMS Gateway: http://{os.environ.get('BIND', '127.0.0.1:8000')}/admin/  (Ctrl-C stops it)")
    if not get_user_model().objects.filter(is_superuser=True, is_active=True).exists():
        say("There is no administrator yet: ./gateway manage createsuperuser")
