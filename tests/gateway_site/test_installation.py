"""The installation test names what is wrong, and what to do about it."""

import io
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.utils import timezone

from cti.models import CtiSource, LinkState, LinkStatus
from gateway_site.installation.steps import InstallationStep, StepState, second_factor_step, steps
from gateway_site.ops import worker_heartbeat
from qms.models import DataServer, RecordingService, ServiceHealth

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_site.installation.steps.PING_SECONDS", 0.1)


def taken() -> dict[str, InstallationStep]:
    return {step.name: step for step in steps()}


@pytest.fixture
def source() -> CtiSource:
    return CtiSource.objects.create(slug="pbx", kind="csta_xml", host="h", port=1)


def test_an_installation_without_workers_says_which_queue_nobody_serves(redis: Any) -> None:
    found = taken()

    assert found["database"].state is StepState.PASS
    assert found["redis"].state is StepState.PASS
    for queue in worker_heartbeat.QUEUES:
        assert found[f"worker for {queue}"].state is StepState.FAIL
        assert queue in found[f"worker for {queue}"].seen
    assert found["beat"].seen == "no sign of beat in a day"
    assert found["CTI sources"].state is StepState.NOT_YET
    assert all(step.todo for step in found.values() if step.state is not StepState.PASS)


def test_beat_passes_when_its_sign_came_through_every_queue(redis: Any) -> None:
    for queue in worker_heartbeat.QUEUES:
        worker_heartbeat.note(queue)

    assert taken()["beat"].state is StepState.PASS


def test_a_queue_whose_worker_does_nothing_is_named(redis: Any) -> None:
    for queue in worker_heartbeat.QUEUES[1:]:
        worker_heartbeat.note(queue)

    assert taken()["beat"].seen == "beat works, but nothing is done in: events"


def test_a_source_without_a_listener_fails(redis: Any, source: CtiSource) -> None:
    assert taken()["CTI source pbx"].seen == "no listener has reported"


def test_a_source_whose_listener_fell_silent_fails(redis: Any, source: CtiSource) -> None:
    LinkStatus.objects.create(
        source=source,
        state=LinkState.UP,
        reported_at=timezone.now() - timedelta(minutes=2),
        last_event_at=timezone.now(),
    )

    assert "silent since" in taken()["CTI source pbx"].seen


def test_a_source_says_why_its_link_is_down(redis: Any, source: CtiSource) -> None:
    LinkStatus.objects.create(
        source=source, state=LinkState.DOWN, reported_at=timezone.now(), last_error="connection refused"
    )

    step = taken()["CTI source pbx"]
    assert (step.state, step.seen) == (StepState.FAIL, "disconnected: connection refused")


def test_a_connected_source_without_a_call_is_not_yet_tested(redis: Any, source: CtiSource) -> None:
    status = LinkStatus.objects.create(source=source, state=LinkState.UP, reported_at=timezone.now())
    assert taken()["CTI source pbx"].state is StepState.NOT_YET

    status.last_event_at = timezone.now()
    status.save()
    assert taken()["CTI source pbx"].seen == "connected; no event of a call has come yet"

    status.last_call_at = timezone.now()
    status.save()
    assert taken()["CTI source pbx"].state is StepState.PASS


def test_the_command_fails_unless_every_step_passes_and_speaks_json(redis: Any) -> None:
    plain, data = io.StringIO(), io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("check_installation", stdout=plain)
    with pytest.raises(SystemExit):
        call_command("check_installation", "--json", stdout=data)

    assert ended.value.code == 1
    assert "FAIL     beat: no sign of beat" in plain.getvalue()
    assert {step.name for step in msgspec.json.decode(data.getvalue(), type=list[InstallationStep])} >= {
        "database",
        "beat",
        "web",
    }


def test_clocks_that_agree_pass(redis: Any) -> None:
    step = taken()["clocks"]

    assert step.state is StepState.PASS
    assert step.seen.startswith("this machine agrees")


def test_a_qms_whose_clock_is_wrong_is_named_with_what_to_do(redis: Any) -> None:
    server = DataServer.objects.create(slug="central")
    service = RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1:9/")
    ServiceHealth.objects.create(service=service, ok_at=timezone.now(), clock_offset_seconds=-70.0)

    step = taken()["clocks"]

    assert step.state is StepState.FAIL
    assert step.seen == "QMS north 70.0 s behind"
    assert "NTP" in step.todo


@pytest.mark.parametrize(("roles", "state"), [(["Administrator"], "pass"), (["Administrator", "Operater"], "fail")])
@pytest.mark.django_db
def test_a_misspelt_role_of_the_second_factor_is_named(settings: Any, roles: list[str], state: str) -> None:
    settings.TWO_FACTOR_ROLES = roles
    step = second_factor_step()

    assert step.state == state
    assert ("Operater" in step.seen) == (state == "fail")
