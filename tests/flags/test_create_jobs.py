"""The creation of Flags in a worker: taken up again where a worker died, and never twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app

from flags.models import FlagCreation, FlagOnServer
from flags.provisioning import create_jobs
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import SimulatedService
from simulators.qms.site import SimulatedQms

pytestmark = pytest.mark.django_db


class WorkerKilled(BaseException):
    """Ends a worker as a kill would: nothing of it runs any more."""


class Dying(InProcessRecordingService):
    """Dies after this many creations, when QMS has taken the last and before it could be kept."""

    left = 2

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        made = super().create_flag_definition(definition)
        self.left -= 1
        if not self.left:
            raise WorkerKilled
        return made


@pytest.fixture
def qms() -> SimulatedQms:
    return SimulatedQms([SimulatedService(slug="north", data_server="main")])


@pytest.fixture
def server() -> DataServer:
    server = DataServer.objects.create(slug="main")
    RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1:1/", timeout_seconds=0.5)
    return server


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Keep the jobs sent to workers."""
    reported: list[list[int]] = []
    monkeypatch.setattr(current_app, "send_task", lambda _name, *, args, **_: reported.append(args))
    return reported


def now() -> datetime:
    return datetime.now(UTC)


def connecting(qms: SimulatedQms, kind: type[InProcessRecordingService]) -> Callable[..., InProcessRecordingService]:
    return lambda service: kind(qms, service.slug, now)


def silent_for(seconds: float) -> None:
    FlagCreation.objects.update(alive_at=now() - timedelta(seconds=seconds))


def killed(qms: SimulatedQms, server: DataServer) -> FlagCreation:
    """Return a creation whose worker was killed at its second Flag."""
    create_jobs.request_creation(server, "anna", now())
    with pytest.raises(WorkerKilled):
        create_jobs.run_creation(server.pk, 1, connecting(qms, Dying))
    return FlagCreation.objects.get()


def test_what_a_killed_worker_left_is_gone_on_with_and_nothing_is_created_twice(
    qms: SimulatedQms, server: DataServer, sent: list[list[int]]
) -> None:
    row = killed(qms, server)
    assert [one.name for one in create_jobs.answers_of(row)] == ["AgentId"]
    create_jobs.continue_creations(now())
    assert len(sent) == 1, "Its worker may be at it still."
    silent_for(60)

    create_jobs.continue_creations(now())
    assert sent[1:] == [[server.pk, 1]]
    create_jobs.run_creation(server.pk, 1, connecting(qms, InProcessRecordingService))

    names = [one.name for one in qms.flag_definitions("north")]
    assert len(names) == len(set(names)) == 6
    row.refresh_from_db()
    assert row.done_at is not None
    assert create_jobs.result_of(row).is_good
    new = FlagOnServer.objects.exclude(new_since=None).values_list("name", flat=True)
    assert set(new) == set(names), "Also the one that was created when its worker died is new."


def test_a_worker_that_was_taken_for_dead_changes_nothing_more(
    qms: SimulatedQms, server: DataServer, sent: list[list[int]]
) -> None:
    class Frozen(InProcessRecordingService):
        """Lets another worker take the creation while it stands still."""

        def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
            silent_for(60)
            create_jobs.run_creation(server.pk, 1, connecting(qms, InProcessRecordingService))
            return super().create_flag_definition(definition)

    create_jobs.request_creation(server, "anna", now())
    create_jobs.run_creation(server.pk, 1, connecting(qms, Frozen))

    row = FlagCreation.objects.get()
    assert (row.attempts, row.error) == (2, "")
    assert len(create_jobs.answers_of(row)) == len(qms.flag_definitions("north")) == 6


def test_a_message_that_was_lost_is_sent_again(server: DataServer, sent: list[list[int]]) -> None:
    create_jobs.request_creation(server, "anna", now())
    create_jobs.continue_creations(now())
    assert len(sent) == 1

    create_jobs.continue_creations(now() + timedelta(seconds=6))

    assert sent == [[server.pk, 1], [server.pk, 1]]


def test_a_message_that_comes_twice_is_carried_out_once(
    qms: SimulatedQms, server: DataServer, sent: list[list[int]]
) -> None:
    create_jobs.request_creation(server, "anna", now())
    for _ in range(2):
        create_jobs.run_creation(server.pk, 1, connecting(qms, InProcessRecordingService))

    assert FlagCreation.objects.get().attempts == 1


def test_what_kills_every_worker_is_given_up_and_can_be_asked_for_again(
    qms: SimulatedQms, server: DataServer, sent: list[list[int]]
) -> None:
    killed(qms, server)
    FlagCreation.objects.update(attempts=create_jobs.MAXIMUM_ATTEMPTS)
    silent_for(60)

    create_jobs.run_creation(server.pk, 1, connecting(qms, InProcessRecordingService))

    assert "3 workers were stopped" in FlagCreation.objects.get().error
    create_jobs.request_creation(server, "anna", now())
    assert FlagCreation.objects.get().run == 2


def test_a_fault_of_the_gateway_ends_it_with_a_reason(server: DataServer, sent: list[list[int]]) -> None:
    def broken(_: RecordingService) -> InProcessRecordingService:
        raise ValueError("a fault")

    create_jobs.request_creation(server, "anna", now())
    with pytest.raises(ValueError, match="a fault"):
        create_jobs.run_creation(server.pk, 1, broken)

    assert "A fault of the gateway: ValueError" in FlagCreation.objects.get().error


def test_who_presses_while_no_worker_is_at_it_wakes_one(server: DataServer, sent: list[list[int]]) -> None:
    create_jobs.request_creation(server, "anna", now())

    with pytest.raises(create_jobs.CreationRefused, match="for anna"):
        create_jobs.request_creation(server, "berta", now() + timedelta(seconds=30))

    assert len(sent) == 2
