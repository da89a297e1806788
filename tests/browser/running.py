"""A gateway as it runs at a site, ``./gateway up``, with a simulated QMS and PBX beside it; each in its own process."""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page

from devtools.servers import free_port, is_listening, stop, wait_until
from launcher.paths import ROOT, sealed_environment
from launcher.simulators import PBX_MODULE, QMS_MODULE

PASSWORD = "quite-a-long-word"
AGENTS = 4
START_SECONDS = 120.0


class Running:
    """The programs, all in one folder and stopped by their process ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web_port, self.qms_port, self.pbx_port = free_port(), free_port(), free_port()
        #: The surrounding run's settings are not this gateway's.
        self.environment = sealed_environment() | {
            "GATEWAY_VAR": str(folder / "var"),
            "BIND": f"127.0.0.1:{self.web_port}",
            "QMS_PASSWORD": PASSWORD,
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        }
        for name in ("REDIS_URL", "DATABASE_URL", "JOURNAL_URL", "BROKER_URL", "GATEWAY_TEST_POSTGRESQL"):
            self.environment.pop(name, None)
        self.programs: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        """Return where the admin is."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def qms_address(self) -> str:
        """Return the simulated QMS's address, its side door included."""
        return f"http://127.0.0.1:{self.qms_port}"

    def start(self) -> None:
        """Start an empty gateway with an administrator, and a QMS; raises ``TimeoutError`` when one does not come."""
        (self.folder / "var").mkdir()
        words = ("createsuperuser", "--noinput", "--username", "admin", "--email", "admin@example.org")
        manage = [sys.executable, "-m", "launcher", "manage", *words]
        subprocess.run(manage, cwd=ROOT, env=self.environment, check=True, timeout=START_SECONDS)
        self._start("qms", "-m", QMS_MODULE, "--port", str(self.qms_port), "--users", str(AGENTS))
        self._start("up", "-m", "launcher", "up")
        wait_until(lambda: is_listening(self.qms_port), "QMS", START_SECONDS)
        wait_until(lambda: is_listening(self.web_port), "web", START_SECONDS)

    def start_pbx(self) -> None:
        """Let calls begin."""
        self._start(
            "pbx",
            "-m",
            PBX_MODULE,
            "--port",
            str(self.pbx_port),
            "--qms",
            self.qms_address,
            "--agents",
            str(AGENTS),
            "--talk-seconds",
            "2",
            "--wrapup-seconds",
            "1",
        )

    def stop(self, name: str) -> None:
        """Stop one of the programs."""
        stop(self.programs.pop(name))

    def stop_all(self) -> None:
        """Stop every program that runs, the gateway first."""
        for name in reversed(list(self.programs)):
            self.stop(name)

    def _start(self, name: str, *words: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def log_in(page: Page, address: str, password: str) -> None:
    """Log in as people do."""
    page.goto(f"{address}/admin/")
    page.locator("#id_username").fill("admin")
    page.locator("#id_password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/admin/")
