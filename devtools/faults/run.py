"""One run: start everything, break it by the schedule, let it come to rest, judge."""

import logging
import shutil
import time
from datetime import UTC, datetime, timedelta

from django.db import Error, connections

from devtools.bench.meter import Taken
from devtools.faults import observations
from devtools.faults.environment import FaultEnvironment
from devtools.faults.fault import Fault, Undo
from devtools.faults.kinds import faults
from devtools.faults.options import FaultOptions
from devtools.faults.oracle import Judge, RunEvidence
from devtools.faults.recovery import FlowWatch, recoveries
from devtools.faults.report import report
from devtools.faults.resource_growth import held, most, weigh
from devtools.faults.schedule import Planned, schedule, upgrade_and_back
from devtools.faults.stack import PBX, FaultStack
from devtools.faults.two_hosts import HostNetwork
from launcher.supervisor import Stopped, say, stopped_by_signals

TICK_SECONDS = 0.2
#: Maximum time after the last call until everything is settled, in seconds: claims of the dead run out, waits between
#: tries grow, and what a slow QMS may still have written is read back for three times its longest delay.
SETTLE_SECONDS = 900.0
LOOK_SECONDS = 2.0
#: The PBX lets its calls end in the last of its time, and is gone for good: what lasts is over before.
ENDING_SECONDS = 25.0
#: By then, every program has begun what it keeps.
WEIGH_AT = 60.0
#: For how long, in seconds, the most that a program held then is taken: one that was just restarted holds little.
WEIGH_FOR = 45.0


class FaultRun:
    """A run of faults."""

    def __init__(self, place: FaultEnvironment, asked: FaultOptions, network: HostNetwork | None = None) -> None:
        self._place, self._asked, self._network = place, asked, network
        if network:
            network.build()
        self._plant = FaultStack(place, asked, network)
        self._flow = FlowWatch()
        self._faults = faults(self._plant)
        self._undo: list[tuple[float, Fault, datetime, Undo]] = []
        self._injected: list[observations.Injected] = []
        self._skipped = 0
        self._early: dict[str, Taken] = {}

    def go(self) -> int:
        """Return 0 when all four numbers are 0."""
        status = 1
        _log_to(self._place)
        try:
            with stopped_by_signals():
                status = self._go()
        except Stopped:
            say("stopped; nothing was judged")
        finally:
            self._undo_all()
            connections.close_all()
            keep = self._asked.keep or status != 0
            self._plant.stop(keep=keep)
            if self._network:
                self._network.close()
            if not keep:
                shutil.rmtree(self._place.folder, ignore_errors=True)
            else:
                say(f"what the programs said is in {self._place.logs}")
        return status

    def _go(self) -> int:
        asked = self._asked
        store = "SQLite" if asked.on_sqlite else "PostgreSQL"
        say(f"seed {asked.seed}: {asked.minutes:g} min at {asked.calls_per_second:g} calls/s on {store}; starting ...")
        self._plant.start()
        self._flow.start()
        self._break(self._planned())
        self._flow.stop()
        say("the load is over; waiting until everything is settled")
        self._settle()
        verdict = Judge(self._evidence()).judge()
        programs = held(self._early, weigh(self._plant.supervisor))
        say(report(asked, self._injected, verdict, programs, recoveries(self._flow.looks, self._injected)))
        return 0 if verdict.is_clean and not any(one.has_grown for one in programs) else 1

    def _planned(self) -> list[Planned]:
        asked = self._asked
        if asked.upgrade_from:
            return upgrade_and_back(list(self._faults), asked.minutes * 60)
        return schedule(list(self._faults), asked.minutes * 60, asked.seed, asked.every_seconds)

    def _break(self, planned: list[Planned]) -> None:
        began = time.monotonic()
        waiting = list(planned)
        while not self._plant.supervisor.has_ended(PBX):
            now = time.monotonic() - began
            if WEIGH_AT <= now < WEIGH_AT + WEIGH_FOR:
                self._early = most(self._early, weigh(self._plant.supervisor))
            self._undo_due(now)
            while waiting and waiting[0].at <= now:
                self._inject(waiting.pop(0), now)
            self._plant.supervisor.watch()
            time.sleep(TICK_SECONDS)
        self._undo_all()

    def _inject(self, one: Planned, now: float) -> None:
        fault = self._faults[one.kind]
        seconds = max(0.0, min(fault.seconds or one.seconds, self._asked.minutes * 60 - ENDING_SECONDS - now))
        if fault.seconds and seconds < fault.seconds / 2:
            self._skipped += 1  # The PBX would be gone before it is over, and what ended meanwhile never heard of.
            return
        say(f"{now:5.0f} s  {one.kind}" + (f" for {seconds:.1f} s" if fault.lasts else ""))
        began = datetime.now(UTC)
        try:
            undo = fault.do(self._plant)
        except Exception as error:  # noqa: BLE001  (whatever is just broken cannot be broken again; it is counted)
            say(f"         not done: {type(error).__name__}: {error}")
            self._skipped += 1
            return
        if undo is None or fault.ends_at_once:
            self._note(fault, began)
        if undo is not None:
            self._undo.append((now + seconds, fault, began, undo))

    def _undo_due(self, now: float) -> None:
        for one in [one for one in self._undo if one[0] <= now]:
            self._undo.remove(one)
            at = datetime.now(UTC)
            one[3]()
            if not one[1].ends_at_once:
                self._note(one[1], one[2], at if one[1].harms_at_its_end else None)

    def _undo_all(self) -> None:
        self._undo_due(float("inf"))

    def _note(self, fault: Fault, began: datetime, felt_from: datetime | None = None) -> None:
        reach, ended = timedelta(seconds=fault.after_seconds), datetime.now(UTC)
        one = observations.Injected(fault.name, began, ended, reach, fault.hurts_searches, fault.breaks_link, felt_from)
        self._injected.append(one)

    def _settle(self) -> None:
        """Wait until the gateway has nothing to do any more, as long as is decent."""
        deadline = time.monotonic() + SETTLE_SECONDS
        look_at = 0.0
        while time.monotonic() < deadline:
            self._plant.supervisor.watch()
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_SECONDS
                if self._is_settled():
                    return
            time.sleep(TICK_SECONDS)
        say(f"not all was settled within {SETTLE_SECONDS:.0f} s")

    def _is_settled(self) -> bool:
        try:
            return observations.unfinished() == 0 and not observations.has_waiting_events()
        except Error:  # The database may still be starting.
            return False
        finally:
            connections.close_all()

    def _evidence(self) -> RunEvidence:
        return RunEvidence(
            truth=observations.truth(self._place.ledger),
            recordings=observations.held_recordings(self._place.qms_address),
            legs=observations.seen_legs(),
            gaps=observations.link_gaps(self._plant.clock),
            injected=self._injected,
            specs=observations.flag_specs(),
        )


def _log_to(place: FaultEnvironment) -> None:
    """Leave the terminal to what the run prints; this process's own log goes to a file like the others'."""
    log = (place.logs / "faults.log").open("a", buffering=1)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(log)
