"""A run of the simulated contact centre: the world in real time, reported to clients, tap and ledger."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from simulators.pbx.network_tap import TapEvent, TapLine
from simulators.pbx.reports import SwitchReport, TrueLeg
from simulators.pbx.switch import Switch
from simulators.pbx.truth_log import TruthLog
from simulators.pbx.world import World

#: Interval at which the day's events are looked for, in seconds.
TICK_SECONDS: Final = 0.005
#: Time without a new monitor after which the client counts as set up and calls begin, in seconds.
QUIET_SECONDS: Final = 0.5
#: Maximum moments that are reported before clients are served.
MOMENTS_AT_ONCE: Final = 200
#: Timeout for the last reports of the tap to reach QMS, in seconds.
TAP_SECONDS: Final = 5.0


def utcnow() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class NoClient(Exception):
    """No client came; the text says how long was waited."""

    retryable = True


@dataclass(frozen=True)
class Summary:
    """What a run was, in figures."""

    calls: int
    legs: int
    unanswered: int
    sent: int
    unheard: int
    taps: int
    taps_missed: int
    greatest_lag_seconds: float

    def __str__(self) -> str:
        taps = f"{self.taps} taps" + (f" ({self.taps_missed} missed)" if self.taps_missed else "")
        return (
            f"{self.calls} calls, {self.legs} legs, {self.unanswered} unanswered; {self.sent} events sent, "
            f"{self.unheard} unheard; {taps}; at most {self.greatest_lag_seconds:.2f} s behind"
        )


class SimulatedRun:
    """One run. ``seconds`` None: until it is stopped."""

    def __init__(
        self,
        world: World,
        switch: Switch,
        ledger: TruthLog,
        tap: TapLine | None,
        *,
        speed: float = 1.0,
        seconds: float | None = None,
        client_seconds: float = 60.0,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self._world, self._switch, self._truth_log, self._tap = world, switch, ledger, tap
        self._speed, self._seconds, self._client_seconds, self._clock = speed, seconds, client_seconds, clock
        self._pending: dict[int, TrueLeg] = {}
        self._lag = 0.0

    async def go(self) -> None:
        """Wait for a client, then let the world go on; return when its time is over and the last call has ended.

        Raises ``NoClient`` when the run has an end and nobody comes in time.
        """
        await self._await_client()
        self._truth_log.start = self._clock()
        if self._tap is None:
            await self._pace()
            return
        tapping = asyncio.create_task(self._tap.run())
        try:
            await self._pace()
            self._tap.see_no_more()
            await asyncio.wait({tapping}, timeout=TAP_SECONDS)
        finally:
            tapping.cancel()

    def finish(self) -> Summary:
        """Write down what is still unfinished and return the figures."""
        if self._truth_log.start is not None:
            unfinished = {leg.number: leg for leg in self._world.unfinished()} | self._pending
            for _, leg in sorted(unfinished.items()):
                self._truth_log.leg(leg)
        self._truth_log.flush()
        if self._tap:
            self._tap.close()
        return Summary(
            self._world.switchboard.begun,
            self._truth_log.legs,
            self._truth_log.unanswered,
            self._switch.sent,
            self._switch.unheard,
            self._tap.sent if self._tap else 0,
            self._tap.missed if self._tap else 0,
            self._lag,
        )

    async def _await_client(self) -> None:
        """Wait until somebody listens and starts no more monitors."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._client_seconds if self._seconds is not None else float("inf")
        seen, since = 0, loop.time()
        while not (self._switch.has_monitors and loop.time() - since >= QUIET_SECONDS):
            if seen != self._switch.monitors_started:
                seen, since = self._switch.monitors_started, loop.time()
            elif not seen and loop.time() >= deadline:
                raise NoClient(f"nobody started a monitor within {self._client_seconds:g} s")
            await asyncio.sleep(TICK_SECONDS)

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        closing_at = self._closing_at()
        while (next_at := self._world.next_at) is not None:
            now = (loop.time() - start) * self._speed
            if now >= closing_at:
                self._world.close()
            if next_at > now:
                self._world.idle_until(now)
                await asyncio.sleep(min((next_at - now) / self._speed, TICK_SECONDS))
                continue
            self._lag = max(self._lag, (now - next_at) / self._speed)
            self._advance(now)
            await asyncio.sleep(0)

    def _closing_at(self) -> float:
        """Return the virtual second after which no new calls come, so that the last end in time."""
        if self._seconds is None:
            return float("inf")
        whole = self._seconds * self._speed
        return max(whole - self._world.plan.longest_call_seconds, whole / 2)

    def _advance(self, now: float) -> None:
        for moments, fact in enumerate(self._world.run(now), 1):
            self._take(fact)
            if moments >= MOMENTS_AT_ONCE:
                break
        self._switch.flush()
        self._truth_log.flush()

    def _take(self, fact: SwitchReport) -> None:
        self._switch.publish(fact)
        if self._tap and fact.taps:
            at = self._truth_log.when(fact.at)
            for one in fact.taps:
                self._tap.see(TapEvent(one.extension, "connected" if one.is_connected else "disconnected", at))
        for leg in fact.closed:
            self._pending[leg.number] = leg
        for leg in fact.settled:
            del self._pending[leg.number]
            self._truth_log.leg(leg)
        for call in fact.unanswered:
            self._truth_log.call(call)
