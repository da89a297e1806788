"""Each write of flags is an entry of the evidence, once, and each day is sealed once it is over."""

import threading
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.core.management import call_command
from django.db import connection

from evidence.api import forget_entries
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead, EvidenceKey, EvidencePending, EvidenceSeal
from evidence.verification import problems
from flags.api import retry
from flags.models import FlagSetting, FlagWrite
from gateway_site.alarms.conditions import find
from gateway_site.sealing import collect
from qms.port import FlagDefinition
from tests.journeys.sealed_calls import NEXT_DAY, call, chain, exported, public_key, seal, sealed, three_flagged
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway that has flagged three calls of one caller."""
    return three_flagged(monkeypatch)


def test_a_retry_is_an_entry_of_its_own(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(name="Agent Number")
    call(gateway, "C9")
    seal(gateway.time + timedelta(minutes=5))
    gateway.qms.create_flag_definition("rs1", FlagDefinition("Agent Number"))
    retry(list(FlagWrite.objects.filter(state="refused").values_list("pk", flat=True)), "ada", gateway.time)
    gateway.works()
    sealed(gateway)

    answers = [msgspec.json.decode(one.body)["answer"] for one in exported("C9").entries]
    assert answers == ["refused", "written"]
    assert not EvidencePending.objects.exists()
    assert problems(exported("C9"), public_key()) == []


def test_a_write_is_sealed_once_however_often_the_worker_runs(gateway: GatewayStack) -> None:
    for minutes in (0, 1, 5, 5, 9):
        seal(gateway.time + timedelta(minutes=minutes))
    assert EvidenceEntry.objects.count() == 3


def test_a_write_that_was_committed_late_is_found_the_next_day(gateway: GatewayStack) -> None:
    late = FlagWrite.objects.order_by("pk").first()
    assert late is not None
    EvidenceHead.objects.create(pk=1, last_write_id=late.pk)
    sealed(gateway)
    assert EvidenceEntry.objects.count() == 2

    seal(NEXT_DAY + timedelta(minutes=1))
    assert EvidenceEntry.objects.count() == 3


def test_a_head_that_is_not_as_the_chain_and_the_writes_are_leaves_no_write_out(gateway: GatewayStack) -> None:
    sealed(gateway)
    EvidenceHead.objects.update(last_write_id=10**9, last_block=99)
    call(gateway, "C7")
    for entries in (3, 4):
        seal(gateway.time + timedelta(minutes=5))
        assert EvidenceEntry.objects.count() == entries
        call_command("evidence_seals", accept="a repair by hand went wrong")


@pytest.mark.nightly
def test_two_workers_at_once_make_one_chain(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "BLOCK", 1)
    failures: list[Exception] = []

    def work() -> None:
        try:
            sealed(gateway)
        except Exception as error:  # noqa: BLE001  (the test's own thread says it below)
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)

    assert (failures, EvidenceEntry.objects.count(), chain()) == ([], 3, [])


def test_pending_writes_are_looked_at_in_turn(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "BLOCK", 2)
    FlagWrite.objects.update(state="queued", settled_at=None)
    seal(gateway.time + timedelta(minutes=5))
    assert (EvidencePending.objects.count(), EvidenceEntry.objects.count()) == (3, 0)

    FlagWrite.objects.update(state="written", settled_at=gateway.time)
    sealed(gateway)
    assert (EvidencePending.objects.count(), EvidenceEntry.objects.count()) == (0, 3)


def test_a_day_is_sealed_once_it_is_over_and_never_goes_back(gateway: GatewayStack) -> None:
    sealed(gateway)
    call(gateway, "C7")
    seal(gateway.time + timedelta(minutes=5))  # The clock says the day that is sealed.
    seal(NEXT_DAY + timedelta(days=1))

    assert list(EvidenceSeal.objects.order_by("day").values_list("entries", flat=True)) == [3, 1]
    assert chain() == []


def test_a_key_that_cannot_be_opened_seals_nothing_and_raises_an_alarm(gateway: GatewayStack, settings: Any) -> None:
    sealed(gateway)
    call(gateway, "C8")
    settings.VAULT_KEYS = ["another key that is long enough for it"]
    seal(gateway.time + timedelta(minutes=5))
    seal(NEXT_DAY + timedelta(days=1))

    assert EvidenceSeal.objects.count() == 1
    [alarm] = find(NEXT_DAY + timedelta(days=3), {"evidence": 0})
    assert "is not sealed" in alarm.text
    call_command("evidence_key", rotate=True)
    seal(NEXT_DAY + timedelta(days=1))
    assert EvidenceSeal.objects.count() == 1, "nothing links the new key with the seals: somebody has to say why"
    call_command("evidence_seals", accept="VAULT_KEYS was lost")
    seal(NEXT_DAY + timedelta(days=1))
    assert EvidenceSeal.objects.count() == 2
    assert EvidenceKey.objects.filter(change="").count() == 2


def test_old_entries_go_whole_blocks_at_a_time_and_the_chain_holds(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "BLOCK", 2)
    monkeypatch.setattr("evidence.retention.AT_ONCE", 1)
    sealed(gateway)
    assert EvidenceBlock.objects.count() == 2
    assert forget_entries(NEXT_DAY - timedelta(days=1)) == 0
    assert forget_entries(NEXT_DAY) == 3
    assert chain() == []
