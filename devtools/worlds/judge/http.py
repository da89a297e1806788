"""Worlds played over HTTP to a running gateway: events to POST /api/events, legs from GET /api/legs.

The wall clock rules here, so that a world lasts as long as it lasts; `side_by_side` plays many at once. What QMS holds
is read through a function that the caller gives, because the contract has no way to ask for the time of a write.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import Request, urlopen

from msgspec.structs import replace

from .player import Leg, Observed, Write
from .rename import prefixed, share_of
from .scenario import AGENT_TYPES, CALL_TYPES, Event, Recording, Scenario
from .world import World, scenario_of

Prepare = Callable[[Sequence[Recording], datetime], None]
Written = Callable[[], Iterable[tuple[str, str, str, datetime]]]
BUSY = (429, 500, 502, 503, 504)


def full_type(name: str) -> str:
    """Return the type of a CloudEvent for a transcript's type."""
    if name in CALL_TYPES:
        return f"csta.call.{name}"
    return f"csta.agent.{name}" if name in AGENT_TYPES else f"gateway.{name}"


def cloud_event(event: Event, zero: datetime, source: str, run: str) -> dict[str, Any]:
    """Return an event as a CloudEvent; second 0 of the scenario is `zero`, and `run` keeps ids apart between runs."""
    moment = (zero + timedelta(seconds=event.at)).isoformat(timespec="milliseconds")
    return {"specversion": "1.0", "id": f"{run}-{event.id}", "source": source, "type": full_type(event.type),
            "time": moment, "data": event.data}  # fmt: skip


def ndjson(events: Iterable[dict[str, Any]]) -> bytes:
    """Return events as one JSON object a line."""
    return b"".join(json.dumps(x, ensure_ascii=False).encode() + b"\n" for x in events)


class Gateway:
    """Speak with a running gateway; `token` may post and read."""

    def __init__(self, url: str, token: str, timeout: float = 15.0) -> None:
        self.url, self.timeout = url.rstrip("/") + "/", timeout
        self.headers = {"Authorization": f"Bearer {token}"}

    def post(self, events: Sequence[dict[str, Any]], patience: float = 60.0) -> dict[str, Any]:
        """Post events until they are accepted; the same again after an unclear answer is harmless."""
        headers = {**self.headers, "Content-Type": "application/x-ndjson"}
        until, pause = time.monotonic() + patience, 0.2
        while True:
            try:
                request = Request(urljoin(self.url, "api/events"), ndjson(events), headers)
                with urlopen(request, timeout=self.timeout) as answer:
                    return dict(json.load(answer))
            except HTTPError as error:
                if error.code not in BUSY or time.monotonic() > until:
                    raise
                pause = float(error.headers.get("Retry-After") or pause)
            except OSError:
                if time.monotonic() > until:
                    raise
            time.sleep(pause)
            pause = min(5.0, pause * 2)

    def legs(self, since: datetime, source: str) -> Iterator[dict[str, Any]]:
        """Return all legs since a moment, from all pages; `next` of a page is the cursor of the following one."""
        query = {"source": source, "since": since.isoformat(), "limit": "1000"}
        while True:
            request = Request(urljoin(self.url, f"api/legs?{urlencode(query)}"), headers=self.headers)
            with urlopen(request, timeout=self.timeout) as answer:
                page = json.load(answer)
            yield from page["legs"]
            if not page.get("next"):
                return
            query["cursor"] = page["next"]


def leg_of(row: dict[str, Any], zero: datetime) -> Leg:
    """Return a row of /api/legs as a leg, with times in the scenario's seconds."""

    def seconds(text: str | None) -> float | None:
        return round((datetime.fromisoformat(text) - zero).total_seconds(), 3) if text else None

    flags = row.get("flags") or {}
    pairs = flags if isinstance(flags, dict) else {x["name"]: x["value"] for x in flags}
    start, end = seconds(row.get("connectedAt")) or 0.0, seconds(row.get("disconnectedAt"))
    guid, reason = row.get("recordingGuid") or None, row.get("reason") or ""
    return Leg(row["deviceId"], start, end, row["callId"], guid, row["outcome"], reason, pairs)


class HttpPlayer:
    """Play scenarios through a running gateway, one at a time, by the wall clock.

    `prepare` gives the recordings and the moment of second 0 to the simulated QMS before the first event is posted;
    `written` returns (GUID, flag, value, time) of every write that QMS took. `patience`: seconds after the last event
    in which all is settled; wrap-ups that never come need more than the site's wait for them.
    """

    def __init__(self, gateway: Gateway, source: str, prepare: Prepare, written: Written, patience: float = 30.0,
                 clock: Callable[[], datetime] = lambda: datetime.now(UTC),
                 sleep: Callable[[float], None] = time.sleep) -> None:  # fmt: skip
        self.gateway, self.source, self.prepare, self.written = gateway, source, prepare, written
        self.patience, self.clock, self.sleep, self.runs = patience, clock, sleep, 0

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario; the sizes in `partition` are those of the requests."""
        self.runs += 1
        first = min((x.at for x in scenario.events), default=0.0)
        # Log-ons lie a minute before second 0: sent now with their true time, so that nobody waits for them.
        zero = self.clock() + timedelta(seconds=2.0 - min(0.0, max(first, -1.0)))
        run = f"w{int(zero.timestamp() * 1000):x}-{self.runs}"
        self.prepare(scenario.qms.recordings, zero)
        self.post_all(scenario.events, partition, zero, run)
        self.sleep(self.patience)
        return self._observed(scenario, zero, zero + timedelta(seconds=first - 1))

    def post_all(self, events: Sequence[Event], partition: Sequence[int] | None, zero: datetime, run: str) -> None:
        """Post all events, each request when its last event is to be heard."""
        for batch in batches(events, partition):
            self._wait(zero, batch[-1].heard)
            self.gateway.post([cloud_event(x, zero, self.source, run) for x in batch])

    def _wait(self, zero: datetime, moment: float) -> None:
        rest = (zero + timedelta(seconds=moment) - self.clock()).total_seconds()
        if rest > 0:
            self.sleep(rest)

    def _observed(self, scenario: Scenario, zero: datetime, since: datetime) -> Observed:
        phones, guids = set(scenario.site.devices), {x.guid for x in scenario.qms.recordings}
        rows = [leg_of(x, zero) for x in self.gateway.legs(since, self.source)]
        sent = [Write(g, f, v, (t - zero).total_seconds()) for g, f, v, t in self.written() if g in guids]
        return Observed(tuple(x for x in rows if x.extension in phones), tuple(sent))


def batches(events: Sequence[Event], partition: Sequence[int] | None) -> Iterator[list[Event]]:
    """Cut events as the partition says; without one, what is heard at the same moment is one request."""
    if partition is None:
        partition, last = [], -1e9
        for event in events:
            if partition and event.heard - last < 0.005 and partition[-1] < 200:
                partition[-1] += 1
            else:
                partition.append(1)
            last = event.heard
    at = 0
    for size in partition:
        yield list(events[at : at + size])
        at += size


def side_by_side(worlds: Sequence[World]) -> tuple[Scenario, list[World]]:
    """Join worlds into one scenario that lasts as long as the longest; return the worlds as renamed for it.

    Only worlds without a lost link can be joined: a link is the whole source's. QMS is that of the first world in all.
    """
    alike = [replace(x, qms=worlds[0].qms) for x in worlds]
    renamed = [prefixed(x, f"{i:03d}") for i, x in enumerate(alike) if x.gap is None]
    parts = [scenario_of(x) for x in renamed]
    events = sorted((e for x in parts for e in x.events), key=lambda x: x.heard)
    site = replace(parts[0].site, devices=tuple(d for x in parts for d in x.site.devices))
    qms = replace(parts[0].qms, recordings=tuple(r for x in parts for r in x.qms.recordings))
    return Scenario(f"{len(parts)} worlds", tuple(events), site, (), qms), renamed


def shares(observed: Observed, worlds: Iterable[World]) -> list[Observed]:
    """Cut what was observed of joined worlds back into what is of each."""
    return [share_of(observed, x) for x in worlds]
