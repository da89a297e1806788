"""Play days of the demo and replay each: by the same code and settings nothing may be different."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import msgspec

from agents.api import forget_directories
from agents.models import QmsUser
from calls.api import PeriodComparison, compare_period, todays_settings
from cti.api import source_archive
from cti.models import CtiSource
from cti.sources.port import SourceConfig
from devtools.replay_days.play import DayPlay
from devtools.replay_days.traffic import demo_traffic
from flags.catalogue.values import FIELDS
from gateway_site.config.apply import apply
from launcher.simulators import simulated_site
from qms.models import RecordingService
from qms.port import FlagDefinition
from simulators.pbx.plan import Plan
from simulators.qms.people import person
from simulators.qms.records import SimulatedService
from simulators.qms.site import SimulatedQms

#: The demo's, where nobody asks for others.
AGENTS = 20
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
MAXIMUM_DIFFERENCES = 20


class ReplayedDay(msgspec.Struct, frozen=True):
    """A day that was played and replayed."""

    seed: int
    events: int
    legs: int
    flagged: int
    played_seconds: float
    archive_bytes: int
    found: PeriodComparison

    @property
    def is_right(self) -> bool:
        """Say whether every leg was compared and nothing is different."""
        found = self.found
        is_whole = not (found.apart or found.gaps or found.failures or found.unreadable)
        return is_whole and found.compared == self.legs > 0 and not found.groups


def play_day(seed: int, length: timedelta, calls_per_second: float) -> ReplayedDay:
    """Play a day at the demo's site, which is set up in an empty database, and replay it."""
    source, qms = _site(), _qms(seed)
    config = SourceConfig(
        slug=source.slug, kind=source.kind, devices=tuple(source.devices), queues=source.queues, options=source.options
    )
    plan = Plan(agents=AGENTS, calls_per_second=calls_per_second)
    began = monotonic()
    traffic = demo_traffic(config, plan, seed, BEGIN, length)
    play = DayPlay(traffic, qms, BEGIN, seed)
    play.run()
    legs = play.gateway.legs()
    played = monotonic() - began
    end = play.clock.moment
    found = compare_period(source, BEGIN - timedelta(minutes=1), end, todays_settings(source), end)
    flagged = sum(1 for one in legs if one.outcome == "flagged")
    return ReplayedDay(seed, len(traffic.events), len(legs), flagged, played, source_archive(source.slug).size(), found)


def _site() -> CtiSource:
    """Set the demo's site up, with the users that its QMS has."""
    apply(simulated_site("http://127.0.0.1:9", "127.0.0.1", 9, AGENTS))
    service = RecordingService.objects.get()
    QmsUser.objects.bulk_create(
        QmsUser(
            service=service,
            user_id=one.user_id,
            extension=one.extension,
            agent_id=one.agent_id,
            first_name=one.first_name,
            last_name=one.last_name,
            licence="Unlimited",
            recording_service="Any",
            loaded_at=BEGIN,
        )
        for one in map(person, range(AGENTS))
    )
    forget_directories()
    return CtiSource.objects.get()


def _qms(seed: int) -> SimulatedQms:
    slug = RecordingService.objects.get().slug
    qms = SimulatedQms([SimulatedService(slug=slug, data_server="demo")], seed=seed)
    qms.set_users(map(person, range(AGENTS)))
    for spec in FIELDS:
        qms.create_flag_definition(slug, FlagDefinition(spec.name))
    return qms
