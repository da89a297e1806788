"""A whole gateway in one process for journeys: real journal, real database, the simulated QMS; time is an argument."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from agents.models import Allocation, QmsUser
from calls.models import Leg
from calls.pipeline.consumer import Consumer
from calls.search.worker import look_up
from cti.api import Arrival, append_unique
from cti.models import CtiSource
from flags.delivery.worker import DeliveryRun, deliver
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition, RecordingServicePort
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.site import SimulatedQms

FLAGS = (
    "AgentId",
    "AgentName",
    "CallerName",
    "CTICallRef",
    "InteractionGuid",
    "QueueName",
    "CTIWrapup",
    "CTI QueryData",
)


class GatewayStack:
    """One CTI source, one Recording Service, users at 2001 to 2009; the clock stands until it is moved."""

    def __init__(self, slug: str = "pbx", kind: str = "http", **options: Any) -> None:
        self.time = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.begin = self.time
        self.qms = SimulatedQms([SimulatedService(slug="rs1", data_server="ds1")])
        server, _ = DataServer.objects.get_or_create(slug="ds1")
        self.service, _ = RecordingService.objects.get_or_create(
            slug="rs1", defaults={"data_server": server, "url": "http://127.0.0.1:9/", "lookup_interval_ms": 50}
        )
        self.source, _ = CtiSource.objects.get_or_create(slug=slug, defaults={"kind": kind, "options": options})
        Allocation.objects.get_or_create(source=self.source, service=self.service)
        self.users("2001", "2002", "2003", "2004")
        for name in FLAGS:
            self.qms.create_flag_definition("rs1", FlagDefinition(name))
        self.serial = 0
        self.consumer = Consumer(self.source, lambda: self.time)

    def users(self, *extensions: str) -> None:
        """Let QMS have users with these extensions, and the gateway know them."""
        self.qms.set_users([SimulatedUser(extension=one) for one in extensions])
        for extension in extensions:
            QmsUser.objects.get_or_create(
                service=self.service,
                user_id=extension,
                licence="Unlimited",
                extension=extension,
                recording_service="Any",
                loaded_at=self.time,
            )

    def connect(self, service: RecordingService) -> RecordingServicePort:
        """Connect to the simulated QMS in this process."""
        return InProcessRecordingService(self.qms, service.slug, lambda: self.time)

    def event(self, kind: str, *, at: float | None = None, name: str = "", **data: Any) -> dict[str, Any]:
        """Make an event, now or this many seconds after the beginning."""
        self.serial += 1
        family, _, what = kind.rpartition(".")
        moment = self.time if at is None else self.begin + timedelta(seconds=at)
        return {
            "specversion": "1.0",
            "id": name or f"e{self.serial}",
            "source": self.source.slug,
            "time": moment.isoformat(),
            "type": f"{family or 'csta.call'}.{what}",
            "data": data,
        }

    def hears(self, *events: dict[str, Any]) -> None:
        """Accept events into the journal."""
        append_unique(self.source.slug, [Arrival(one["id"], msgspec.json.encode(one)) for one in events])

    def call(self, kind: str, call_id: str, device_id: str | None = None, **data: Any) -> None:
        """Accept a call event of this moment."""
        device: dict[str, Any] = {"deviceId": device_id} if device_id else {}
        self.hears(self.event(kind, callId=call_id, **device, **data))

    def passes(self, seconds: float) -> None:
        """Let time pass, and let the gateway do all that is due."""
        self.time += timedelta(seconds=seconds)
        self.works()

    def passes_unheard(self, seconds: float) -> None:
        """Let time pass, and let the gateway do nothing: it is too busy."""
        self.time += timedelta(seconds=seconds)

    def works(self) -> None:
        """Fold, ask, deliver, until nothing is left to do at this moment."""
        for _ in range(20):
            folded = self.fold()
            look_up(self.service.pk, self.now, self.connect, seconds=0.0)
            self.ask()
            sent = self.deliver().sent
            if not folded and not sent:
                return

    def now(self) -> datetime:
        """Return the clock, which moves a little with each look: nothing waits without end."""
        self.time += timedelta(milliseconds=1)
        return self.time

    def fold(self) -> int:
        """Fold all that waits."""
        folds = 0
        while self.consumer.fold_once() is not None:
            folds += 1
        return folds

    def ask(self) -> None:
        """Ask QMS for what is due."""
        look_up(self.service.pk, self.now, self.connect, seconds=0.02)

    def deliver(self) -> DeliveryRun:
        """Send what is due."""
        return deliver(self.service.pk, now=self.now, connect=self.connect, seconds=1.0)

    def legs(self) -> list[Leg]:
        """All legs in the order in which they opened."""
        return list(Leg.objects.filter(source=self.source).order_by("id"))

    def outcomes(self) -> list[tuple[str, str]]:
        """Tell each leg as extension and outcome."""
        return [(leg.device_id, leg.outcome) for leg in self.legs()]

    def flags(self, extension: str) -> list[dict[str, str]]:
        """Tell the flags of the extension's recordings, oldest first."""
        found = sorted(self.qms.recordings.values(), key=lambda one: one.started_at)
        return [one.flags for one in found if one.extension == extension]

    def log_on(self, agent_id: str, device_id: str, name: str = "") -> None:
        """Seat an agent."""
        self.hears(self.event("csta.agent.LoggedOn", agentId=agent_id, deviceId=device_id, agentName=name))

    def connects(self, call_id: str, device_id: str, **data: Any) -> None:
        """Connect an extension: the PBX says so, and QMS's tap sees it."""
        self.qms.connected(device_id, self.time)
        self.call("Established", call_id, device_id, **data)

    def attended_transfer(self) -> None:
        """Let 2001, who has C1 on hold, hand it over to 2002, with which it talks in C2."""
        moved = {"old": {"callId": "C2", "deviceId": "2002"}, "new": {"callId": "C1", "deviceId": "2002"}}
        self.hears(
            self.event(
                "Transferred",
                primaryOldCallId="C1",
                secondaryOldCallId="C2",
                transferringDeviceId="2001",
                transferredToDeviceId="2002",
                resultingCallId="C1",
                connections=[moved],
            )
        )
        self.qms.disconnected("2001", self.time)

    def clears(self, call_id: str, *device_ids: str) -> None:
        """Disconnect extensions."""
        for device_id in device_ids:
            self.qms.disconnected(device_id, self.time)
            self.call("ConnectionCleared", call_id, device_id)
