"""Worlds side by side at the running gateway, by the wall clock: events over HTTP, recordings at QMS's side door.

A busy machine posts an event or begins a recording later than the world says. Nobody can be blamed for that but the
machine, so the moments that came true are noted, and `corrected` puts them into the worlds before they are judged.
"""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct, convert
from msgspec.structs import replace

from devtools.worlds.judge.http import Gateway, HttpPlayer, cloud_event
from devtools.worlds.judge.player import Observed
from devtools.worlds.judge.scenario import Event, Recording, Scenario
from devtools.worlds.judge.world import Truth, World, acted_on
from devtools.worlds.players.live_stack import SOURCE, side_door

#: Events in one request at most.
MAXIMUM_EVENTS = 200
#: From one look at what is due to the next, in seconds.
TICK_SECONDS = 0.004


class Kept(Struct, frozen=True, rename="camel"):
    """Hold one recording as the simulated QMS reports it."""

    guid: str
    started_at: datetime
    ended_at: datetime | None
    flags: dict[str, str]


class Tap(Struct, frozen=True):
    """Say that a recording begins or ends."""

    at: float
    is_start: bool
    recording: Recording

    def request(self) -> dict[str, str]:
        """Return what is sent to the simulation's control interface."""
        return {"extension": self.recording.extension, "state": "connected" if self.is_start else "disconnected"}


class Taps:
    """Let QMS record what a scenario says, in a thread of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        #: The GUID that QMS gave, and the scenario's.
        self.names: dict[str, str] = {}
        self._thread: threading.Thread | None = None

    def prepare(self, recordings: Sequence[Recording], zero: datetime) -> None:
        """Begin to record; second 0 is `zero`."""
        taps = [Tap(one.start, True, one) for one in recordings] + [Tap(one.end, False, one) for one in recordings]
        # What ends at the moment at which another begins there ends first.
        taps.sort(key=lambda one: (one.at, one.is_start))
        self._thread = threading.Thread(target=self._run, args=(taps, zero), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until all of it is over, up to a time limit."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, taps: list[Tap], zero: datetime) -> None:
        at = 0
        while at < len(taps):
            now = (datetime.now(UTC) - zero).total_seconds()
            due = [one for one in taps[at : at + MAXIMUM_EVENTS] if one.at <= now]
            if due:
                self._tell(due)
                at += len(due)
            time.sleep(TICK_SECONDS)

    def _tell(self, due: list[Tap]) -> None:
        results = side_door(self.address, "tap", [one.request() for one in due])
        for one, result in zip(due, results, strict=True):
            if one.is_start and result["guid"]:
                self.names[result["guid"]] = one.recording.guid


class LivePlayer(HttpPlayer):
    """Play a scenario at the running gateway, and note when each event was accepted."""

    def __init__(self, gateway: Gateway, taps: Taps, patience: float) -> None:
        super().__init__(gateway, SOURCE, taps.prepare, self._written, patience)
        self.taps = taps
        self.zero = datetime.now(UTC)
        self.accepted: dict[str, float] = {}

    def post_all(self, events: Sequence[Event], partition: Sequence[int] | None, zero: datetime, run: str) -> None:
        """Post events as they fall due; what is late goes out together."""
        # Requests follow the clock; a partition would only delay what is due.
        del partition
        self.zero, at = zero, 0
        while at < len(events):
            now = (self.clock() - zero).total_seconds()
            due = [one for one in events[at : at + MAXIMUM_EVENTS] if one.heard <= now]
            if due:
                self.gateway.post([cloud_event(one, zero, self.source, run) for one in due])
                answered = (self.clock() - zero).total_seconds()
                for one in due:
                    self.accepted.setdefault(one.id, answered)
                at += len(due)
            self.sleep(TICK_SECONDS)

    def _written(self) -> list[tuple[str, str, str, datetime]]:
        rows = [(one, one.ended_at or one.started_at) for one in self._recordings()]
        return [(self.taps.names[one.guid], *flag, at) for one, at in rows for flag in one.flags.items()]

    def _recordings(self) -> list[Kept]:
        kept = convert(side_door(self.taps.address, "state")["recordings"], list[Kept])
        return [one for one in kept if one.guid in self.taps.names]

    def play(self, scenario: Scenario, partition: Sequence[int] | None) -> Observed:
        """Play a scenario; GUIDs are the scenario's again."""
        observed = super().play(scenario, partition)
        names = self.taps.names
        legs = tuple(replace(one, recording=names.get(one.recording or "", one.recording)) for one in observed.legs)
        return replace(observed, legs=legs)

    def corrected(self, world: World) -> World:
        """Return a world with the moments at which its events were accepted and its recordings made."""
        made = {self.taps.names[one.guid]: one for one in self._recordings()}
        truths = tuple(self._recorded(one, made) for one in world.truths)
        return acted_on(replace(world, truths=truths), self.accepted)

    def _recorded(self, truth: Truth, made: dict[str, Kept]) -> Truth:
        one = made.get(truth.guid)
        if one is None or one.ended_at is None:
            return truth
        start, end = self._seconds(one.started_at), self._seconds(one.ended_at)
        return replace(truth, start=max(start, truth.start), end=max(end, truth.end))

    def _seconds(self, at: datetime) -> float:
        return round((at - self.zero) / timedelta(seconds=1), 3)
