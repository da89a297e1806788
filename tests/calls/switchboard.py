"""A switchboard for tests: sends the core what happens, in the project's terms, and shows the result."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from agents.core.matching import MatchKind, MatchVerdict
from calls.core.commands import CoreCommand, StartSearch, WriteFlags
from calls.core.reducer import advance
from calls.core.result_events import RecordingFound, RecordingMissed, ResultEvent, TimePassed, WriteSettled
from calls.core.source_state import SiteSettings, SourceState
from calls.core.state import LegState, WriteStatus
from calls.core.unit_of_work import LiveState
from cti.events import AnyEvent, from_mapping

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    """Return the time this many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


class Everybody:
    """A roster in which each extension has a QMS user, but for those named."""

    def __init__(self, site: SiteSettings | None = None, **kinds: MatchKind) -> None:
        self.site = site or SiteSettings()
        self.kinds = {name.removeprefix("x"): kind for name, kind in kinds.items()}

    def verdict(self, extension: str, agent_id: str = "", agent_name: str = "") -> MatchVerdict:
        """Match all but the named."""
        kind = self.kinds.get(extension, MatchKind.MATCHED)
        services = (1,) if kind is MatchKind.MATCHED else ()
        return MatchVerdict(kind=kind, reason=f"{extension} is {kind.value}", services=services)


def event(kind: str, seconds: float, *, family: str = "call", name: str = "", **data: Any) -> AnyEvent:
    """Make an event of the source "pbx", this many seconds after noon."""
    return from_mapping(
        {
            "specversion": "1.0",
            "id": name or f"{kind}-{seconds}-{sorted(data.items())!r}"[:128],
            "source": "pbx",
            "type": f"{'gateway' if family in ('snapshot', 'link') else 'csta'}.{family}.{kind}",
            "time": moment(seconds).isoformat(),
            "data": data,
        }
    )


class Switchboard:
    """The core with its state, fed one event at a time."""

    def __init__(self, context: Everybody | None = None) -> None:
        self.context = context or Everybody()
        self.state = LiveState(source=SourceState(slug="pbx"))
        self.commands: list[CoreCommand] = []
        self.now = 0.0

    def hears(self, *events: AnyEvent | ResultEvent) -> "Switchboard":
        """Fold events, one after the other."""
        for one in events:
            step = advance(one, self.state, self.context)
            self.state = step.state
            self.commands += step.commands
        return self

    def call(self, kind: str, seconds: float, call_id: str, device_id: str | None = None, **data: Any) -> "Switchboard":
        """Tell of a call event."""
        device = {"deviceId": device_id} if device_id else {}
        return self.hears(event(kind, seconds, callId=call_id, **device, **data))

    def agent(self, kind: str, seconds: float, agent_id: str, **data: Any) -> "Switchboard":
        """Tell of an agent event."""
        return self.hears(event(kind, seconds, family="agent", agentId=agent_id, **data))

    def found(
        self, seconds: float, leg: int, guid: str, *, started: float | None = None, asked: float | None = None
    ) -> "Switchboard":
        """QMS named a recording."""
        known = self.state.legs[leg]
        began = moment(started) if started is not None else known.connected_gateway_at
        answer = RecordingFound(
            leg=leg,
            search=known.searches,
            guid=guid,
            service=1,
            started_at=began,
            attempts=1,
            at=moment(seconds),
            asked_at=moment(asked) if asked is not None else None,
        )
        return self.hears(answer)

    def missed(
        self, seconds: float, leg: int, why: str = "none", *, asked: float | None = None, first: float | None = None
    ) -> "Switchboard":
        """QMS named none; ``asked``: when it answered a question; ``first``: when the first one was put."""
        known = self.state.legs[leg]
        answer = RecordingMissed(
            leg=leg,
            search=known.searches,
            why=why,
            attempts=5,
            at=moment(seconds),
            asked_at=moment(asked) if asked is not None else None,
            first_asked_at=moment(first) if first is not None else None,
        )
        return self.hears(answer)

    def settled(
        self,
        seconds: float,
        leg: int,
        part: Any = "base",
        status: WriteStatus = WriteStatus.WRITTEN,
        code: str = "",
        error: str = "",
    ) -> "Switchboard":
        """QMS took or refused flags."""
        at = moment(seconds)
        return self.hears(WriteSettled(leg=leg, part=part, status=status, at=at, error=error, error_code=code))

    def waits(self, seconds: float) -> "Switchboard":
        """Time passes."""
        return self.hears(TimePassed(moment(seconds)))

    @property
    def legs(self) -> list[LegState]:
        """All legs, in the order in which they opened."""
        return [self.state.legs[number] for number in sorted(self.state.legs)]

    @property
    def leg(self) -> LegState:
        """The only leg."""
        (leg,) = self.legs
        return leg

    def leg_of(self, call_id: str) -> LegState:
        """Return the only leg of a call."""
        (leg,) = [leg for leg in self.legs if leg.call_id == call_id]
        return leg

    @property
    def searches(self) -> list[StartSearch]:
        """What QMS was asked."""
        return [one for one in self.commands if isinstance(one, StartSearch)]

    @property
    def writes(self) -> list[tuple[int, str]]:
        """What went to QMS: leg and part."""
        return [(one.leg, one.part) for one in self.commands if isinstance(one, WriteFlags)]

    def spans(self) -> list[tuple[str, float, float | None]]:
        """Tell each leg as extension, from, to, in seconds after noon."""
        return [
            (
                leg.device_id,
                (leg.connected_source_at - NOON).total_seconds(),
                (leg.disconnected_source_at - NOON).total_seconds() if leg.disconnected_source_at else None,
            )
            for leg in self.legs
        ]


def with_site(**settings: Any) -> Everybody:
    """Return a roster of a site with other settings."""
    return Everybody(replace(SiteSettings(), **settings))
