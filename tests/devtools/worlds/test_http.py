"""The HTTP form against a small gateway of this test's own, which plays what it was sent when it is asked for legs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from devtools.worlds.judge.generate import generate
from devtools.worlds.judge.http import Gateway, HttpPlayer, cloud_event, shares, side_by_side
from devtools.worlds.judge.judge import judge
from devtools.worlds.judge.scenario import Event, Recording, Scenario
from devtools.worlds.judge.world import scenario_of
from tests.devtools.worlds.naive import Naive

TYPES = ("csta.call.", "csta.agent.", "gateway.")


class Fake(BaseHTTPRequestHandler):
    """Keep events; answer every third request with 503 first."""

    scenario: Scenario
    zero: datetime
    got: list[dict[str, Any]] = []
    calls = 0

    def do_POST(self) -> None:
        Fake.calls += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Fake.calls % 3 == 0:
            return self.answer(503, {"error": "away"})
        rows = [json.loads(x) for x in body.splitlines()]
        known = {x["id"] for x in Fake.got}
        Fake.got += [x for x in rows if x["id"] not in known]
        return self.answer(202, {"accepted": len(rows), "duplicates": 0, "rejected": []})

    def do_GET(self) -> None:
        legs = [
            {
                "callId": x.call,
                "deviceId": x.extension,
                "connectedAt": self.moment(x.start),
                "disconnectedAt": self.moment(x.end),
                "recordingGuid": x.recording,
                "outcome": x.outcome,
                "reason": x.reason,
                "flags": x.flags,
            }
            for x in played().legs
        ]
        self.answer(200, {"legs": legs, "next": None})

    def moment(self, at: float | None) -> str | None:
        return None if at is None else (Fake.zero + timedelta(seconds=at)).isoformat()

    def answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


def played() -> Any:
    """Play what was posted with the naive gateway."""
    events = []
    for row in Fake.got:
        at = (datetime.fromisoformat(row["time"]) - Fake.zero).total_seconds()
        kind = row["type"]
        for prefix in TYPES:
            kind = kind.removeprefix(prefix)
        events.append(Event(round(at, 3), kind, row["data"], round(at, 3) + 0.01, row["id"]))
    scenario = Scenario("posted", tuple(events), Fake.scenario.site, (), Fake.scenario.qms)
    return Naive().play(scenario, None)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = HTTPServer(("127.0.0.1", 0), Fake)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Fake.got, Fake.calls = [], 0
    yield Gateway(f"http://127.0.0.1:{server.server_port}", "token")
    server.shutdown()
    server.server_close()


def test_worlds_side_by_side(gateway: Gateway) -> None:
    worlds = [generate(x, ("queue", "direct", "attended", "blind", "consultation")) for x in range(4)]
    scenario, renamed = side_by_side(worlds)
    Fake.scenario = scenario

    def prepare(_: object, zero: datetime) -> None:
        Fake.zero = zero

    def written() -> list[tuple[str, str, str, datetime]]:
        return [(x.recording, x.flag, x.value, Fake.zero + timedelta(seconds=x.at)) for x in played().writes]

    player = HttpPlayer(gateway, "shop", prepare, written, sleep=lambda _: None)
    parts = shares(player.play(scenario, (200,) * (len(scenario.events) // 200 + 1)), renamed)
    assert sum(len(x.writes) for x in parts) > 20
    for world, part in zip(renamed, parts, strict=True):
        assert judge(world, part).findings == []


def test_cloud_event() -> None:
    zero = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    row = cloud_event(Event(1.25, "link.Lost", {}, 1.3, "e1"), zero, "shop", "r")
    assert row["type"] == "gateway.link.Lost"
    assert row["time"] == "2026-03-02T09:30:01.250+00:00"
    assert cloud_event(Event(0, "Queued", {}, 0, "e"), zero, "s", "r")["type"] == "csta.call.Queued"
    assert cloud_event(Event(0, "Busy", {}, 0, "e"), zero, "s", "r")["type"] == "csta.agent.Busy"


def test_every_event_keeps_the_contract() -> None:
    for seed in range(300):
        for event in scenario_of(generate(seed)).events:
            row = cloud_event(event, datetime(2026, 1, 1, tzinfo=UTC), "s", "r")
            assert len(row["id"]) <= 128
            contract(row["type"], row["data"])


ALONE = ("Queued", "CallCleared", "CallInformation", "Transferred", "Conferenced")


def contract(kind: str, data: dict[str, Any]) -> None:
    """Check what the schema asks in words: which members an event must have."""
    name = kind.rsplit(".", 1)[1]
    if kind.startswith("csta.call."):
        assert data.get("primaryOldCallId" if name in ("Transferred", "Conferenced") else "callId")
        assert name in ALONE or data.get("deviceId")
    if kind.startswith("csta.agent."):
        assert data.get("agentId")
        assert name != "LoggedOn" or data.get("deviceId")


def test_recordings_are_named() -> None:
    assert all(isinstance(x, Recording) for x in scenario_of(generate(3)).qms.recordings)
