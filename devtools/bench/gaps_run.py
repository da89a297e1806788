"""A gateway with real processes that is broken in every way that leaves a gap, and one comparison that names them all.

1. Calls go on; QMS does not answer for a while, and does not know a Flag for a while.
2. QMS records supervisors, whose users the gateway does not know; where nothing is reported; and where nobody is.
3. The PBX goes away while QMS records. Flags are deleted, changed and written by another; a recording is deleted.
4. One comparison, as if three hours later: what QMS has without flags, and that alone, is found so; each gap that was
   made stands under its cause; what the calls of the PBX left stands under one only of the time and the extensions at
   which that cause was made; and nothing stands under a cause that nobody made.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.request import Request, urlopen

import msgspec
from django.db import connections
from django.db.models import QuerySet

from agents.models import QmsUser
from calls.models import Gap, Leg, RecordingSearch, SearchState
from devtools.bench.result import Result
from devtools.bench.stack import PBX, BenchStack, TrafficPlan
from devtools.faults import observations
from devtools.faults.environment import FaultEnvironment
from devtools.servers import wait_until
from flags.models import UNSETTLED, FlagSetting, FlagWrite
from gateway_site.config.declaration import Declaration
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, steps
from launcher.supervisor import stopped_by_signals
from qms.api import connect
from qms.guids import guid_key
from qms.models import RecordingService
from simulators.pbx.people import TEST_PHONE, make_supervisors
from simulators.qms.control_api import SiteState

DAY = TrafficPlan(agents=24, calls_per_second=1.0, seconds=600, ring_seconds=1, talk_seconds=8, wrapup_seconds=4)
#: Extensions: of a QMS user where no call is reported; of nobody that the gateway knows; of a user, not monitored.
UNHEARD, UNFOLLOWED, UNLISTED = TEST_PHONE, "88802", "88801"
PATIENCE_SECONDS = 240.0
#: Maximum time from the connection of a call until its flags go to QMS, in seconds.
CALL_SECONDS = 60
UNFLAGGED = "recorded_without_flags"
_Cause = tuple[str, str]


class MadeSpan(NamedTuple):
    """When a cause was made, and at which extensions; None: at any."""

    since: datetime
    until: datetime
    extensions: frozenset[str] | None = None

    def has(self, finding: ReconciliationFinding) -> bool:
        """Say whether a finding's recording can have its cause from here."""
        is_then = self.since - timedelta(seconds=CALL_SECONDS) <= finding.began_at <= self.until
        return is_then and (self.extensions is None or finding.extension in self.extensions)


class _WithTestPhone(BenchStack):
    """A gateway that monitors an extension at which nobody calls."""

    def _declaration(self) -> Declaration:
        site = super()._declaration()
        [source] = site.cti_sources
        return msgspec.structs.replace(
            site, cti_sources=[msgspec.structs.replace(source, devices=[*(source.devices or ()), TEST_PHONE])]
        )


class GapsRun:
    """One run. ``made``: kind and cause that must be found, by the recording's GUID, or the leg that has none.

    ``spans``: where the calls of the PBX can have got a cause, by the cause.
    """

    def __init__(self, place: FaultEnvironment) -> None:
        self.place = place
        self.made: dict[str, _Cause] = {}
        self.spans: dict[str, MadeSpan] = {}
        self._bare: set[str] = set()

    def go(self) -> Result:
        """Break, compare, and judge."""
        gateway = _WithTestPhone(self.place, DAY)
        try:
            with stopped_by_signals():
                gateway.start()
                began = time.monotonic()
                self._break(gateway)
                found = self._compared()
        finally:
            connections.close_all()
            gateway.stop()
        return self._result(found, time.monotonic() - began)

    def _break(self, gateway: BenchStack) -> None:
        self._awaits("a flagged leg", lambda: Leg.objects.filter(outcome="flagged").count() >= 8)
        service = RecordingService.objects.get()
        for extension in (UNHEARD, UNLISTED):
            self._users(extension)
            QmsUser.objects.create(
                service=service, user_id=extension, extension=extension, licence="Unlimited", loaded_at=_now()
            )
        self._users(UNFOLLOWED)
        causes = {UNHEARD: "no_event", UNFOLLOWED: "extension_not_followed", UNLISTED: "extension_not_listed"}
        for extension, cause in causes.items():
            self.made[self._records(extension)] = ("recorded_without_flags", cause)
        foreign = self._records(UNFOLLOWED)
        self._post("/recordings", [{"guid": foreign, "flags": {"AgentId": "somebody"}}])
        self.made[foreign] = ("flagged_without_leg", "written_by_another")
        self._let_qms_be_away()
        self._let_a_flag_be_unknown()
        self._let_a_user_be_unknown()
        gateway.supervisor.stop({PBX})
        self._awaits("a gap", Gap.objects.exists)
        self.made[self._records(UNHEARD)] = ("recorded_without_flags", "gap")
        self._spoil_what_is_flagged()

    def _let_qms_be_away(self) -> None:
        since = _now()
        self._post("/faults", {"down": True})
        self._awaits("a missed recording", lambda: _missed("unreachable").count() >= 2)
        self._post("/faults", {"down": False})
        self.spans["unreachable"] = MadeSpan(since, _now())

    def _let_a_flag_be_unknown(self) -> None:
        since = _now()
        FlagSetting.objects.filter(name="AgentId").update(name="Agent Number")
        self._awaits("a refused write", lambda: Leg.objects.filter(outcome="refused").exists())
        FlagSetting.objects.filter(name="Agent Number").update(name="AgentId")
        # A process may know the name of before for some seconds more.
        self.spans["UnknownFlag"] = MadeSpan(since, _now() + timedelta(seconds=30))

    def _let_a_user_be_unknown(self) -> None:
        """Let QMS record the supervisors too, whose QMS users the gateway does not know."""
        since = _now()
        supervisors = frozenset(one.extension for one in make_supervisors(DAY.agents))
        for extension in supervisors:
            self._users(extension)
        self.spans["user_unmatched"] = MadeSpan(since, since + timedelta(days=1), supervisors)
        later = Leg.objects.filter(outcome="user_unmatched", phase="settled", connected_at__gt=since)
        self._awaits("a leg of no QMS user", later.exists)

    def _spoil_what_is_flagged(self) -> None:
        legs = (
            Leg.objects.filter(outcome="flagged", phase="settled")
            .order_by("id")
            .values_list("recording_guid", flat=True)
        )
        lost, changed, deleted = (str(guid) for guid in legs[:3])
        flags = {one.guid: one.flags for one in self._state().recordings}
        spoiled = [
            {"guid": lost},
            {"guid": changed, "flags": {**flags[changed], "AgentId": "somebody"}},
            {"guid": deleted, "gone": True},
        ]
        self._post("/recordings", spoiled)
        self.made[lost] = ("recorded_without_flags", "lost_in_qms")
        self.made[changed] = ("different_values", "written_by_another")
        self.made[deleted] = ("recording_not_in_qms", "not_in_qms")

    def _compared(self) -> list[ReconciliationFinding]:
        self._awaits("rest", lambda: not observations.has_waiting_events() and not _is_asked_or_sent())
        later = _now() + timedelta(hours=4)
        run = ask(RecordingService.objects.get(), later - timedelta(hours=8), later, "gaps", later)
        for _ in steps(run, lambda: later, connect):
            pass
        assert run.done_at, run.error
        self._bare = {guid_key(one.guid) for one in self._state().recordings if not one.flags}
        return list(ReconciliationFinding.objects.filter(withdrawn_at=None))

    def _wrong(self, findings: Sequence[ReconciliationFinding]) -> Iterator[str]:
        """Yield what is not as it was made, by what QMS has and by when and where each cause was made."""
        found = {one.key: (one.kind, one.cause) for one in findings}
        for key, cause in self.made.items():
            if found.get(key) != cause:
                yield f"{key}: made {cause}, found {found.get(key)}"
        unflagged = {guid_key(one.key) for one in findings if one.kind == UNFLAGGED}
        yield from (f"{guid}: without flags in QMS, and not found" for guid in self._bare - unflagged)
        yield from (f"{guid}: found without flags, and QMS has some" for guid in unflagged - self._bare)
        for one in findings:
            span = self.spans.get(one.cause) if one.kind == UNFLAGGED else None
            if span is not None and not span.has(one):
                yield f"{one.key} at {one.extension}, {one.began_at}: nobody made {one.cause} there and then"

    def _result(self, findings: Sequence[ReconciliationFinding], took: float) -> Result:
        counts = Counter((one.kind, one.cause) for one in findings)
        wrong = list(self._wrong(findings))
        wrong += [f"never found: {cause}" for cause in _BY_TRAFFIC if cause not in counts]
        known = {*self.made.values(), *_BY_TRAFFIC, *_BESIDES}
        wrong += [f"nobody made this: {cause}" for cause in counts if cause not in known]
        listed = [f"{kind.replace('_', ' ')}: {cause} {n}" for (kind, cause), n in sorted(counts.items())]
        return Result(
            bench="gaps",
            what=f"{len(findings)} findings of {len(counts)} causes",
            rate=len(findings) / took,
            unit="findings/s",
            cpu_seconds=0,
            notes=[*listed, *wrong],
            is_broken=bool(wrong),
        )

    def _records(self, extension: str) -> str:
        """Let QMS record for a moment where no source reports anything; return the recording."""
        [made] = self._post("/tap", {"extension": extension, "state": "connected"})
        self._post("/tap", {"extension": extension, "state": "disconnected"})
        return str(made["guid"])

    def _users(self, extension: str) -> None:
        self._post("/users", {"users": [{"extension": extension}], "replace": False})

    def _post(self, path: str, body: object) -> list[dict[str, object]]:
        request = Request(f"{self.place.qms_address}{path}", msgspec.json.encode(body), method="POST")
        with urlopen(request, timeout=20) as answer:
            return list(msgspec.json.decode(answer.read()))

    def _state(self) -> SiteState:
        with urlopen(f"{self.place.qms_address}/state", timeout=20) as answer:
            return msgspec.json.decode(answer.read(), type=SiteState)

    def _awaits(self, what: str, is_there: Callable[[], bool]) -> None:
        wait_until(is_there, what, PATIENCE_SECONDS)


#: What the calls of the PBX must leave of the faults, at recordings that follow from chance.
_BY_TRAFFIC = (
    ("recorded_without_flags", "unreachable"),
    ("recorded_without_flags", "UnknownFlag"),
    ("recorded_without_flags", "user_unmatched"),
)
#: What they may leave besides: calls that went on when QMS or the PBX came and went, and consultations, whose legs are
#: so close to each other that two may be a recording's, or that QMS still names the one before; on a busy machine the
#: simulated QMS begins a recording, or a question comes, too late.
_BESIDES = (
    ("some_flags_missing", "UnknownFlag"),
    ("recorded_without_flags", "joined_late"),
    ("recorded_without_flags", "gap"),
    ("leg_without_recording", "unreachable"),
    ("recorded_without_flags", "waiting"),
    ("recorded_without_flags", "several_candidates"),
    ("recorded_without_flags", "none"),
    ("recorded_without_flags", "late"),
    ("recorded_without_flags", "began_late"),
    ("recorded_without_flags", "next_call"),
    ("recorded_without_flags", "same"),
    ("leg_without_recording", "late"),
    ("leg_without_recording", "next_call"),
    ("leg_without_recording", "same"),
    ("leg_without_recording", "none"),
)


def _missed(reason: str) -> "QuerySet[Leg]":
    return Leg.objects.filter(outcome="window_missed", reason_code=reason)


def _is_asked_or_sent() -> bool:
    """Say whether something is under way to QMS; legs of the PBX that went away stay open."""
    searches = RecordingSearch.objects.filter(state=SearchState.OPEN)
    return searches.exists() or FlagWrite.objects.filter(state__in=UNSETTLED).exists()


def _now() -> datetime:
    return datetime.now(UTC)
