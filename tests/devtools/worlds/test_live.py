"""Worlds at the running gateway: what is chosen, what came true, and one short run with everything started."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from devtools.worlds.judge.generate import KINDS, generate
from devtools.worlds.judge.player import Observed
from devtools.worlds.judge.scenario import Recording
from devtools.worlds.players.http_run import chosen_worlds, judged
from devtools.worlds.players.live import Taps
from launcher.worlds import run


def test_the_worlds_chosen_last_no_longer_than_asked_and_share_one_qms() -> None:
    worlds = list(chosen_worlds(0, (*KINDS, "gap", "qms", "disorder"), 40, 60.0))
    assert sum(len(one.truths) for one in worlds) >= 40
    assert all(one.event.heard < 60 for world in worlds for one in world.said)
    assert all(one.gap is None for one in worlds)
    assert all(one.qms == worlds[0].qms for one in worlds)


def test_recordings_without_any_leg_or_flag_are_lost_and_unexplained() -> None:
    world = generate(3, ("direct", "queue"))
    figures, _ = judged([world], [Observed((), ())])
    assert figures.recordings == len(world.truths)
    assert figures.lost + figures.right == len(world.truths)
    assert figures.unexplained > 0
    assert not figures.is_clean


class SideDoor(BaseHTTPRequestHandler):
    """Keep what is tapped."""

    reported: list[dict[str, str]] = []

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        SideDoor.reported += rows
        answer = [{"extension": one["extension"], "guid": f"own-{one['extension']}"} for one in rows]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def side_door() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), SideDoor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    SideDoor.reported = []
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_qms_learns_of_each_recording_in_the_order_of_time_and_ends_come_first(side_door: str) -> None:
    taps = Taps(side_door)
    made = (Recording("R1", "2001", 0, 5), Recording("R2", "2001", 5, 9))
    taps.prepare(made, datetime.now(UTC) - timedelta(seconds=20))
    taps.wait(10)
    assert [one["state"] for one in SideDoor.reported] == ["connected", "disconnected", "connected", "disconnected"]
    assert taps.names == {"own-2001": "R2"}


@pytest.mark.nightly
def test_plain_calls_get_their_flags_at_the_running_gateway(capfd: pytest.CaptureFixture[str]) -> None:
    run(["--http", "--sqlite", "--calls", "12", "--longest", "45", "--kinds", "direct", "--seed", "2"])
    reported = capfd.readouterr().out
    assert "recordings of 3 worlds" in reported
    assert ", 0 wrong, 0 lost, 0 incomplete; 0 unexplained" in reported
