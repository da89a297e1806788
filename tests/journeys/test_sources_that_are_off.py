"""A leg learns what became of its recording and its flags though its source was switched off meanwhile."""

from datetime import timedelta

import pytest
import redis as redis_client

from calls.models import Checkpoint, Gap, Leg
from calls.objectives.months import month_report
from calls.pipeline.guarded_consumer import GuardedConsumer
from calls.pipeline.sources_to_fold import sources_to_fold
from cti.models import CtiSource
from flags.models import FlagSetting, FlagWrite
from gateway_site.reconciliation.repair import repair
from qms.port import FlagDefinition
from simulators.qms.records import Troubles
from tests.journeys.compared import compare
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    return stack


def switch(gateway: GatewayStack, *, on: bool) -> None:
    CtiSource.objects.update(enabled=on)


def works(gateway: GatewayStack, seconds: float) -> None:
    """Let time pass while the source is off, and do what the loops do: search, deliver, fold what is to be folded."""
    consumer = GuardedConsumer(gateway.source.pk, lambda: gateway.time)
    until = gateway.time + timedelta(seconds=seconds)
    while gateway.time < until:
        gateway.time += timedelta(seconds=min(5, seconds))
        gateway.ask()
        gateway.deliver()
        while gateway.source.slug in sources_to_fold(gateway.time) and fold(consumer):
            pass


def fold(consumer: GuardedConsumer) -> bool:
    return consumer.fold(1000, with_answers=True, with_settled=True) is not None


def test_flags_that_were_sent_again_make_the_leg_flagged(gateway: GatewayStack) -> None:
    """Before: QMS held them all, and the leg said for good that it had none."""
    del gateway.qms._definitions["ds1"]["AgentName"]
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    for _ in range(10):
        gateway.passes(30)
    gateway.qms.create_flag_definition("rs1", FlagDefinition("AgentName"))
    [finding] = compare(gateway)
    switch(gateway, on=False)
    gateway.time += timedelta(hours=4)
    repair(finding, "ada", gateway.connect, gateway.time)
    works(gateway, 200)

    assert compare(gateway) == []
    assert gateway.outcomes() == [("2001", "flagged")]
    assert month_report(gateway.begin.date().replace(day=1), gateway.time).standings[0].count.bad == 0


def test_flags_that_were_on_their_way_make_the_leg_flagged(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.qms.troubles["rs1"] = Troubles(down=True)
    gateway.clears("C1", "2001")
    gateway.passes(1)
    switch(gateway, on=False)
    gateway.qms.troubles["rs1"] = Troubles()
    works(gateway, 200)

    assert set(FlagWrite.objects.values_list("state", flat=True)) == {"written"}
    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_search_that_was_under_way_gives_the_leg_its_recording(gateway: GatewayStack) -> None:
    gateway.qms.troubles["rs1"] = Troubles(down=True)
    gateway.connects("C1", "2001")
    gateway.fold()
    gateway.qms.troubles["rs1"] = Troubles()
    switch(gateway, on=False)
    works(gateway, 20)

    assert gateway.legs()[0].recording_guid in gateway.qms.recordings


def test_a_leg_does_not_wait_for_its_wrap_up_without_end(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(field="wrapup").update(enabled=True)
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    gateway.passes(2)
    assert gateway.outcomes() == [("2001", "waiting")]
    switch(gateway, on=False)
    works(gateway, 200)

    assert gateway.outcomes() == [("2001", "flagged")]


def test_the_journal_stands_and_so_does_what_comes_later(gateway: GatewayStack) -> None:
    """An answer could be the recording of a call whose event stands in the journal."""
    gateway.connects("C1", "2001")
    gateway.fold()
    gateway.passes_unheard(0.5)
    gateway.clears("C1", "2001")
    gateway.passes_unheard(0.5)
    gateway.connects("C2", "2001")
    switch(gateway, on=False)
    works(gateway, 20)
    while_off = [(leg.call_id, leg.recording_guid, leg.disconnected_at) for leg in gateway.legs()]
    before = Checkpoint.objects.get().last_id
    works(gateway, 20)
    assert Checkpoint.objects.get().last_id == before
    switch(gateway, on=True)
    gateway.passes(200)

    assert while_off == [("C1", None, None)]
    assert [leg.call_id for leg in gateway.legs()] == ["C1", "C2"]
    marks = [flags.get("CTICallRef", "") for flags in gateway.flags("2001")]
    assert marks[0] in ("", "C1")
    assert marks[1] in ("", "C2")


def test_that_the_link_ended_is_taken_and_what_comes_later_follows(gateway: GatewayStack) -> None:
    """The listener of a source that is switched off reports it last; it need not be folded at once."""
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.qms.troubles["rs1"] = Troubles(down=True)
    gateway.clears("C1", "2001")
    gateway.passes(1)
    switch(gateway, on=False)
    gateway.hears(gateway.event("gateway.link.Lost", reason="switched off"))
    gateway.qms.troubles["rs1"] = Troubles()
    works(gateway, 200)

    assert gateway.outcomes() == [("2001", "flagged")]
    assert Gap.objects.get().ended_at is None


def test_a_source_that_is_off_is_folded_as_long_as_something_waits(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(4)
    gateway.qms.troubles["rs1"] = Troubles(down=True)
    gateway.clears("C1", "2001")
    gateway.passes(1)
    on = sources_to_fold(gateway.time)
    switch(gateway, on=False)
    off = sources_to_fold(gateway.time)
    gateway.qms.troubles["rs1"] = Troubles()
    gateway.time += timedelta(seconds=60)
    gateway.deliver()
    settled = sources_to_fold(gateway.time)
    works(gateway, 20)

    assert (on, off, settled) == ({"pbx": gateway.source.pk}, {}, {"pbx": gateway.source.pk})
    assert sources_to_fold(gateway.time) == {}
    assert Leg.objects.get().outcome == "flagged"


def test_nothing_is_waited_for_in_the_journal_of_a_source_that_is_off(gateway: GatewayStack) -> None:
    """It would end each wait at once, and the events worker would turn without end."""
    consumer = GuardedConsumer(gateway.source.pk, lambda: gateway.time)
    gateway.connects("C1", "2001")
    fold(consumer)
    assert consumer.position() is not None
    switch(gateway, on=False)
    gateway.call("Held", "C1", "2001")
    consumer = GuardedConsumer(gateway.source.pk, lambda: gateway.time)
    fold(consumer)

    assert consumer.position() is None
