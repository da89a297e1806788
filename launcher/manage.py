"""``./gateway manage``: manage.py in the gateway's own environment."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from gateway_site.config import embedded
from launcher import demo_options, redis
from launcher.paths import ROOT, migrating, sealed_environment, var_dir

MANAGE = (sys.executable, str(ROOT / "manage.py"))
#: A line of .env that names a database of its own.
NAMES_DATABASE = re.compile(r"\s*(export\s+)?DATABASE_URL(_FILE)?\s*=\s*\S")
#: What must not find a database made for it: it makes one, or needs none.
NEEDS_NO_DATABASE = frozenset(
    ("", "help", "--help", "--version", "check", "collectstatic", "makemigrations", "migrate")
)


def run(words: list[str]) -> int:
    """Become manage.py. On a first start with the embedded database, its tables are made before."""
    if _is_of_the_demo():
        print("gateway: a demo runs and there is no .env: this speaks to the demo", file=sys.stderr)
        demo = {"GATEWAY_VAR": str(demo_options.FOLDER), "GATEWAY_ENV_FILE": str(demo_options.ENVIRONMENT)}
        environment = sealed_environment() | demo
        os.environ.clear()
        os.environ.update(environment)
    elif (words or [""])[0] not in NEEDS_NO_DATABASE and _is_embedded():
        _make_database()
    os.environ["TYPED_COMMAND"] = "./gateway manage"
    os.execv(sys.executable, [*MANAGE, *words])


def _is_of_the_demo() -> bool:
    """Say whether the demo is the only gateway that can be meant here."""
    is_set_up = (ROOT / ".env").exists() or {"DATABASE_URL", "GATEWAY_ENV_FILE"} & set(os.environ)
    # Another folder that has a gateway of its own is meant for that; one that has only a demo, for the demo.
    is_another = "GATEWAY_VAR" in os.environ and _has_tables(var_dir() / "gateway.sqlite3")
    return (
        not (is_set_up or is_another)
        and demo_options.is_running()
        and not redis.answers(embedded.redis_socket(var_dir()))
    )


def _is_embedded() -> bool:
    """Say whether the embedded database is the one that is meant."""
    file = Path(os.environ.get("GATEWAY_ENV_FILE", ROOT / ".env"))
    lines = file.read_text().splitlines() if file.is_file() else []
    return "DATABASE_URL" not in os.environ and not any(NAMES_DATABASE.match(line) for line in lines)


def _make_database() -> None:
    """Make the embedded database's tables if it has none; another start that makes them is waited for."""
    with migrating():
        if not _has_tables(var_dir() / "gateway.sqlite3"):
            subprocess.run([*MANAGE, "migrate", "--verbosity", "0", "--skip-checks"], check=True)


def _has_tables(file: Path) -> bool:
    """Say whether a database is there and not empty: one that was only asked is a file without tables."""
    if not file.exists():
        return False
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
