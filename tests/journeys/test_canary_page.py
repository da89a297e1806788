"""The canary for people: its page and button, the command, the alarm, the dashboard and the metrics."""

import io
import re
from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from clock.text import shown
from cti.models import CtiSource
from gateway_site.alarms.conditions import find
from gateway_site.canary.models import CanaryCall
from gateway_site.ops.health_parts import health
from gateway_site.ops.metrics import GatewayCollector
from tests.journeys.canaries import TEST_PHONE, CanaryStack

pytestmark = pytest.mark.django_db
PAGE = "admin:canary_canarycall_changelist"


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> CanaryStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return CanaryStack()


def as_role(role: str) -> Client:
    """Log somebody in who has a role."""
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def turn_red(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> CanaryCall:
    """Let a canary call fail."""
    with monkeypatch.context() as broken:
        broken.setattr(gateway, "fold", lambda: 0)
        return gateway.follow()


def test_a_red_canary_raises_the_alarm_and_the_next_call_ends_it(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_red(gateway, monkeypatch)
    (finding,) = find(gateway.time, {"canary": None})
    assert finding.subject == "Canary of pbx at rs1"
    assert finding.text.startswith("At the step “Leg seen”: It did not come in time. See on the dashboard")
    assert [part.ok for part in health(gateway.time) if part.kind == "canary"] == [False]
    gateway.passes(5)
    gateway.follow()

    assert find(gateway.time, {"canary": None}) == []
    assert [part.ok for part in health(gateway.time) if part.kind == "canary"] == [True]


def test_the_metrics_name_source_and_service_and_no_extension(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = gateway.follow()
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    families = {one.name: one.samples for one in GatewayCollector().collect() if "canary" in one.name}

    assert {one.labels["source"] + one.labels["service"] for kept in families.values() for one in kept} == {"pbxrs1"}
    assert families["gateway_canary_red"][0].value == 0.0
    assert call.ended_at
    assert families["gateway_canary_duration_seconds"][0].value == (call.ended_at - call.began_at).total_seconds()


def test_the_page_says_what_is_red_and_what_to_do(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    call = turn_red(gateway, monkeypatch)
    monkeypatch.setattr("clock.now", lambda: gateway.time)
    auditor = as_role("Auditor")
    page = auditor.get(reverse(PAGE)).content.decode()
    of_call = auditor.get(reverse("admin:canary_canarycall_change", args=[call.pk])).content.decode()

    assert "What to do next:" in page
    assert "Make a canary call now" not in page
    assert "Leg seen: It did not come in time." in of_call


def test_the_page_says_when_the_last_call_ended_and_when_the_next_one_begins(gateway: CanaryStack) -> None:
    call = gateway.follow()
    gateway.set(canary_minutes=12)
    page = as_role("Auditor").get(reverse(PAGE)).content.decode()

    due = call.began_at + timedelta(minutes=12, seconds=-255)
    assert f"It ended at {shown(call.ended_at)}. The next one begins at {shown(due)}." in page
    gateway.begins()
    assert "The next one begins" not in as_role("Operator").get(reverse(PAGE)).content.decode()


def test_the_button_asks_first_and_is_recorded(gateway: CanaryStack) -> None:
    operator, make = as_role("Operator"), reverse("admin:canary_make")
    wanted = {"source": "pbx", "extension": TEST_PHONE}
    asked = operator.get(make).content.decode()
    assert f"Call at {TEST_PHONE} of pbx" in asked
    assert "By events alone: no phone rings." in asked
    assert not CanaryCall.objects.exists()
    said = operator.post(make, wanted, follow=True).content.decode()

    assert "The canary call begins within seconds" in said
    assert CanaryCall.objects.get().asked_by == "Operator"
    assert LogEntry.objects.get().get_change_message() == "Asked for now."
    assert "under way already" in operator.post(make, wanted, follow=True).content.decode()


def test_the_button_calls_no_other_extension_and_not_for_everybody(gateway: CanaryStack) -> None:
    make = reverse("admin:canary_make")

    assert as_role("Operator").post(make, {"source": "pbx", "extension": "2001"}).status_code == 403
    assert as_role("Auditor").post(make, {"source": "pbx", "extension": TEST_PHONE}).status_code == 403
    assert not CanaryCall.objects.exists()


def command(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[str, int]:
    """Run the command while the gateway works; returns what it printed and its exit status."""
    module = "gateway_site.management.commands.canary"
    monkeypatch.setattr(f"{module}.clock.now", lambda: gateway.time)
    monkeypatch.setattr(f"{module}._pause", lambda: gateway.passes(3))
    out, status = io.StringIO(), 0
    try:
        call_command("canary", *arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    return out.getvalue(), status


def test_the_command_prints_each_step_and_its_status_says_whether_all_is_well(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed, status = command(gateway, monkeypatch, "pbx")
    assert status == 0
    assert "passed        Leg seen:" in printed
    assert "waiting       Recording found, 25 s at most" in printed
    assert "not verified  Flags written:" in printed
    gateway.passes(5)
    monkeypatch.setattr(gateway, "fold", lambda: 0)
    printed, status = command(gateway, monkeypatch)

    assert status == 1
    assert "FAILED        Leg seen: It did not come in time." in printed
    assert re.search(r"^It failed: something is broken\. It took \d+\.\d s\.$", printed, re.MULTILINE)


def test_the_command_prints_a_step_before_the_call_is_over(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = io.BytesIO()
    out = io.TextIOWrapper(io.BufferedWriter(pipe, 65_536))  # As a pipe holds it.
    at_each_pause: list[str] = []

    def pauses() -> None:
        at_each_pause.append(pipe.getvalue().decode())
        gateway.passes(3)

    module = "gateway_site.management.commands.canary"
    monkeypatch.setattr(f"{module}.clock.now", lambda: gateway.time)
    monkeypatch.setattr(f"{module}._pause", pauses)
    call_command("canary", stdout=out)

    assert "passed        Call made:" in at_each_pause[0]
    assert "It took" not in at_each_pause[-1]


def test_the_command_says_which_source_it_cannot_call(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.set(enabled=False)
    with pytest.raises(CommandError, match=r"^Source pbx is disabled: no call is made\.$"):
        command(gateway, monkeypatch, "pbx")
    with pytest.raises(CommandError, match=r'^There is no CTI source "north"\.$'):
        command(gateway, monkeypatch, "north")


def test_the_command_makes_an_interrupted_call_again(gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway_site.canary.interruptions._was_saved", lambda *_: True)
    whole = gateway.fold
    monkeypatch.setattr(gateway, "fold", lambda: whole() if CanaryCall.objects.count() > 1 else 0)
    printed, status = command(gateway, monkeypatch, "pbx")

    assert status == 0
    assert "interrupted   Leg seen:" in printed
    assert "It was interrupted, and shows nothing: it is made again in a moment." in printed
    assert "All that was tried works. It took" in printed
    interrupted, passed = CanaryCall.objects.order_by("pk")
    assert passed.began_at - interrupted.ended_at >= timedelta(seconds=20)  # type: ignore[operator]


def test_a_call_that_was_interrupted_again_has_not_passed(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_site.canary.interruptions._was_saved", lambda *_: True)
    monkeypatch.setattr("gateway_site.canary.interruptions._is_second", lambda _: False)  # One passed between them.
    monkeypatch.setattr(gateway, "fold", lambda: 0)
    _, status = command(gateway, monkeypatch, "pbx")

    assert status == 1


def test_the_command_refuses_what_it_cannot_do(gateway: CanaryStack) -> None:
    with pytest.raises(CommandError, match='There is no CTI source "pbx2"'):
        call_command("canary", "pbx2")
    gateway.set(canary_extensions=[])
    with pytest.raises(CommandError, match="no test extension"):
        call_command("canary")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"canary_way": "originate"}, "canary_way"),
        ({"canary_destination": "2001", "devices": ["2001"]}, "canary_destination"),
        ({"canary_recorder_api": "file:///etc/passwd"}, "canary_recorder_api"),
        ({"canary_minutes": 4}, "canary_minutes"),
        ({"canary_extensions": [str(one) for one in range(21)]}, "__all__"),
    ],
)
def test_settings_that_would_call_a_person_or_cannot_be_carried_out_are_refused(
    settings: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        CtiSource(slug="pbx", kind="http", **settings).full_clean()
    assert set(refused.value.message_dict) == {field}


def test_the_form_of_a_source_takes_the_test_extensions(gateway: CanaryStack) -> None:
    administrator = as_role("Administrator")
    address = reverse("admin:cti_ctisource_change", args=[gateway.source.pk])
    form = administrator.get(address).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    sent = {name: value for name, value in values.items() if value not in (None, False)}
    answer = administrator.post(address, {**sent, "canary_lines": "2998\n2999", "canary_minutes": "10"})

    assert answer.status_code == 302
    gateway.source.refresh_from_db()
    assert (gateway.source.canary_extensions, gateway.source.canary_minutes) == (["2998", "2999"], 10)


def test_a_silent_timetable_is_an_alarm(gateway: CanaryStack) -> None:
    gateway.follow()
    (finding,) = find(gateway.time + timedelta(minutes=30), {"canary": None})

    assert "No canary call was made for" in finding.text
