"""A recording that carries a Flag which the gateway ever wrote is given to no leg, whatever became of that Flag."""

from collections.abc import Callable
from importlib import import_module

import pytest
import redis as redis_client
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from calls.api import NotAssignable
from flags.api import names_ever_written
from flags.catalogue.renames import note_rename, renaming
from flags.models import EarlierName, FlagOnServer, FlagSetting, FlagValue, WrittenName
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.repair import repair
from qms.port import FlagDefinition
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

Change = Callable[[GatewayStack], None]


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    return stack


def switched_off(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(enabled=False)


def never_written(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(privacy="drop")


def deleted(gateway: GatewayStack) -> None:
    """Delete it on its page; it had been created in QMS by hand."""
    _delete("AgentId")
    assert not FlagOnServer.objects.exists()


def renamed(gateway: GatewayStack) -> None:
    old, new = (FlagSetting.objects.get(name="AgentId") for _ in range(2))
    new.name = "AgentNo"
    new.save()
    note_rename(new, old, by="ada", at=gateway.time)


def renamed_and_deleted(gateway: GatewayStack) -> None:
    renamed(gateway)
    _delete("AgentNo")


def unchanged(gateway: GatewayStack) -> None:
    """Leave the Flag as it is."""


def _delete(name: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    client.post(f"/admin/flags/flagsetting/{FlagSetting.objects.get(name=name).pk}/delete/", {"post": "yes"})
    assert not FlagSetting.objects.filter(name=name).exists()


def _whole_call(gateway: GatewayStack) -> None:
    gateway.connects("C0", "2001")
    gateway.passes(4)
    gateway.clears("C0", "2001")
    gateway.passes(200)


def _last_recording(gateway: GatewayStack) -> dict[str, str]:
    return max(gateway.qms.recordings.values(), key=lambda one: one.started_at).flags


@pytest.mark.parametrize("change", [switched_off, never_written, deleted, renamed, renamed_and_deleted])
def test_a_flag_that_was_written_keeps_its_recording_from_another_leg_whatever_became_of_it(
    gateway: GatewayStack, change: Change
) -> None:
    """Before: once deleted here, a Flag that the gateway had not created in QMS was forgotten."""
    _whole_call(gateway)
    recorded_unanswered(gateway, "C1", "2001")
    change(gateway)
    _last_recording(gateway)["AgentId"] = "A9"

    found = compare(gateway)

    assert not any(one.is_repairable for one in found)
    ReconciliationFinding.objects.update(is_repairable=True)
    with pytest.raises(NotAssignable):
        repair(found[0], "ada", gateway.connect, gateway.time)


@pytest.mark.parametrize("change", [switched_off, never_written, deleted, renamed, renamed_and_deleted])
def test_a_flag_that_was_never_to_be_written_hinders_no_repair(gateway: GatewayStack, change: Change) -> None:
    """Before: each name that stood in the settings did, switched on or not."""
    FlagSetting.objects.filter(name="AgentId").update(enabled=False)
    change(gateway)
    recorded_unanswered(gateway, "C1", "2001")
    _last_recording(gateway)["AgentId"] = "of the dialler"

    [finding] = compare(gateway)

    assert (finding.kind, finding.is_repairable) == ("recorded_without_flags", True)


@pytest.mark.parametrize("change", [switched_off, never_written, deleted, renamed_and_deleted, unchanged])
def test_flags_of_a_legs_own_recording_are_sent_again_beside_a_flag_of_another(
    gateway: GatewayStack, change: Change
) -> None:
    """Before: a Flag that the site leaves to another system kept the leg from its flags for good."""
    _whole_call(gateway)
    del gateway.qms._definitions["ds1"]["AgentName"]
    change(gateway)
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    for _ in range(10):
        gateway.passes(30)
    assert gateway.outcomes()[-1] == ("2001", "refused")
    _last_recording(gateway)["AgentId" if change is not unchanged else "Score"] = "A9"
    gateway.qms.create_flag_definition("rs1", FlagDefinition("AgentName"))
    gateway.qms.create_flag_definition("rs1", FlagDefinition("AgentNo"))

    [finding] = compare(gateway)

    assert (finding.kind, finding.is_repairable) == ("recorded_without_flags", True)
    repair(finding, "ada", gateway.connect, gateway.time)
    gateway.passes(5)
    assert _last_recording(gateway)["CTICallRef"] == "C1"


def test_what_was_written_before_the_names_were_kept_counts(gateway: GatewayStack) -> None:
    _whole_call(gateway)
    EarlierName.objects.create(name="Agent", field="agent_id", renamed_to="AgentId", until=gateway.time, by="ada")
    gone = {"name": "Score", "state": FlagOnServer.State.EXISTS, "at": gateway.time}
    FlagOnServer.objects.create(data_server=gateway.service.data_server, **gone)
    values = set(FlagValue.objects.values_list("name", flat=True))
    WrittenName.objects.all().delete()

    import_module("flags.migrations.0020_written_names").keep_names(apps, None)

    assert set(WrittenName.objects.values_list("name", flat=True)) == values | {"Agent", "Score"}
    assert names_ever_written() >= values | {"Agent", "Score"}


def test_a_name_of_a_deleted_flag_is_told_to_who_gives_it_to_another(gateway: GatewayStack) -> None:
    renamed_and_deleted(gateway)

    [warning] = renaming(FlagSetting.objects.get(name="QueueName"), "AgentId").warnings

    assert "AgentId was a name of a Flag that was AgentNo and is deleted, which carried agent_id" in warning
