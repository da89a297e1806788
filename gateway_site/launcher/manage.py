"""``./gateway manage``: manage.py in the gateway's own environment."""

import os
import subprocess
import sys

from gateway_site.launcher.places import ROOT, var_dir

MANAGE = (sys.executable, str(ROOT / "manage.py"))
#: What must not find a database made for it: it makes one, or needs none.
NEEDS_NO_DATABASE = ("", "help", "migrate", "makemigrations", "test", "check", "collectstatic", "--help", "--version")


def run(words: list[str]) -> int:
    """Become manage.py. On a first start with the embedded database, its tables are made before."""
    if (words or [""])[0] not in NEEDS_NO_DATABASE and _is_first_start():
        subprocess.run([*MANAGE, "migrate", "--verbosity", "0"], check=True)
    os.execv(sys.executable, [*MANAGE, *words])


def _is_first_start() -> bool:
    return not (var_dir() / "gateway.sqlite3").exists() and not os.environ.get("DATABASE_URL")
