"""The manual's pictures: a demo runs for a while, then a browser looks at it."""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from devtools.servers import free_port
from launcher.paths import ROOT
from tests.browser.running import log_in
from tests.journeys.browser import open_browser

FOLDER = ROOT / "docs" / "images"
#: Until there are calls with every kind of end to be shown.
RUN_SECONDS = 100.0
WIDTH, PHONE = 1440, 390
LOGIN = re.compile(rb"login +admin / (\S+)")
#: The pictures that need no step before.
PAGES = {
    "dashboard": "",
    "live": "live/",
    "legs": "calls/leg/",
    "agents": "agents/agent/",
}


def main(words: list[str]) -> int:
    """Run the demo, take the pictures and stop it; returns the demo's status."""
    parser = argparse.ArgumentParser(prog="./gateway screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--after", type=float, default=RUN_SECONDS, metavar="SECONDS", help="how long calls run before")
    asked = parser.parse_args(words)
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gateway-pictures-") as place:
        return _with_demo(Path(place), asked.folder, asked.after)


def _with_demo(place: Path, folder: Path, after: float) -> int:
    port = free_port()
    command = [sys.executable, "-m", "launcher", "demo", "--port", str(port)]
    environment = os.environ | {"GATEWAY_VAR": str(place)}
    demo = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        password = _password(demo)
        time.sleep(after)
        _take_all(f"http://127.0.0.1:{port}", password, folder)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=120)
    return demo.returncode


def _password(demo: "subprocess.Popen[bytes]") -> str:
    """Read what the demo prints until it prints the login."""
    assert demo.stdout
    for line in demo.stdout:
        if found := LOGIN.search(line):
            return found[1].decode()
    raise RuntimeError("the demo did not start")


def _take_all(address: str, password: str, folder: Path) -> None:
    for scheme, names in (("light", list(PAGES)), ("dark", ["dashboard"])):
        with open_browser(WIDTH, scheme) as page:
            log_in(page, address, password)
            for name in names:
                _take(page, f"{address}/admin/{PAGES[name]}", folder / f"{name}{'-dark' * (scheme == 'dark')}.png")
            if scheme == "light":
                _take_further(page, address, folder)
    with open_browser(PHONE) as page:
        log_in(page, address, password)
        _take(page, f"{address}/admin/live/", folder / "live-phone.png")


def _take_further(page: Page, address: str, folder: Path) -> None:
    """Take the page of a flagged leg, an answer why one is not, and the installation's test."""
    page.goto(f"{address}/admin/calls/leg/?outcome__exact=flagged")
    leg = page.locator("#result_list tbody a[href*='/change/']").first.get_attribute("href")
    _take(page, f"{address}{leg}", folder / "leg.png")
    page.goto(f"{address}/admin/installation/")
    page.get_by_role("button", name=re.compile("Test (the installation|again)")).click()
    page.locator("table.qg-facts[data-done]").first.wait_for()
    page.screenshot(path=folder / "installation.png")


def _take(page: Page, url: str, file: Path) -> None:
    page.goto(url)
    page.evaluate("document.fonts.ready.then(() => true)")
    page.screenshot(path=file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
