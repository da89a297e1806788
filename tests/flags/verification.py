"""A Data Server of the simulated QMS whose Flags are new, for the tests of their verification."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

import clock
from flags.models import FlagOnServer, FlagSetting, FlagVerification
from flags.provisioning import verify_jobs
from flags.provisioning.create import create_flags
from qms.api import ConnectService, connect
from qms.models import DataServer, RecordingService
from simulators.qms.envelopes import Credentials
from simulators.qms.records import SimulatedService, SimulatedUser
from simulators.qms.server import SimulatedServer, in_thread
from simulators.qms.site import SimulatedQms

FLAGS = "/admin/flags/flagsetting/"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def qms_with_new_flags() -> Iterator[SimulatedQms]:
    """Yield a simulated QMS that takes a new flag only after a restart, and two ways to its one Data Server."""
    slugs = ("north", "south")
    qms = SimulatedQms([SimulatedService(slug=slug, data_server="main") for slug in slugs])
    qms.set_users([SimulatedUser(extension="2001")])
    need_restart(qms, is_so=True)
    server = DataServer.objects.create(slug="main")
    with in_thread(SimulatedServer(qms, Credentials("gateway", "secret"))) as listening:
        for slug in slugs:
            RecordingService.objects.create(
                slug=slug,
                data_server=server,
                username="gateway",
                password="secret",
                url=f"http://127.0.0.1:{listening.port}/{slug}",
            )
        yield qms


def new_flags(qms: SimulatedQms) -> DataServer:
    """Return the Data Server, on which two Flags were created just now."""
    FlagSetting.objects.exclude(name__in=("AgentId", "QueueName")).update(enabled=False)
    server = DataServer.objects.get()
    assert create_flags(server).is_good
    return server


def need_restart(qms: SimulatedQms, *, is_so: bool) -> None:
    for slug, troubles in qms.troubles.items():
        qms.troubles[slug] = msgspec.structs.replace(troubles, flags_need_restart=is_so)


def recording(qms: SimulatedQms) -> str:
    made = qms.connected("2001", NOW)
    assert made is not None
    return made.guid


def verified(server: DataServer, guid: str, connect: ConnectService = connect) -> FlagVerification:
    """Ask for a verification and let a worker do the job."""
    verify_jobs.request_verification(server, guid, "ann", clock.now())
    verify_jobs.run_verification(server.pk, FlagVerification.objects.get().run, connect)
    return FlagVerification.objects.get()


def names(rows: list[FlagOnServer]) -> list[str]:
    return sorted(row.name for row in rows)
