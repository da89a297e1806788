"""A repair that nobody carried out at once lapses: by then its recording may carry the flags of another."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client
from msgspec.structs import replace

from calls.pipeline import consumer as consuming
from calls.pipeline.consumer import Overtaken
from calls.pipeline.pending_results import mark_folded
from calls.search.lapse import CARRIED_OUT_WITHIN, lapse
from flags.api import Settled
from flags.models import FlagSetting
from gateway_site.reconciliation.lapsed import lapse_late
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.repair import repair
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with a leg at 2001 whose recording a person has given to it; nobody has carried that out."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    recorded_unanswered(stack, "C1", "2001")
    [finding] = compare(stack)
    stack.time += timedelta(hours=4)
    repair(finding, "ada", stack.connect, stack.time)
    return stack


def labelled_by_another(gateway: GatewayStack) -> None:
    [recording] = gateway.qms.recordings.values()
    recording.flags["QueueName"] = "Another's"


def labelled_with_a_flag_of_before(gateway: GatewayStack) -> None:
    """Let the finding stand, without an offer: one of our Flags that is off by now is on the recording."""
    FlagSetting.objects.filter(name="AgentId").update(enabled=False)
    [recording] = gateway.qms.recordings.values()
    recording.flags["AgentId"] = "A9"


def recorded_twice(gateway: GatewayStack) -> None:
    """Let a second recording come to QMS's list that may be the leg's as well."""
    [recording] = gateway.qms.recordings.values()
    twin = replace(recording, guid="11111111-2222-3333-4444-555555555555")
    gateway.qms.recordings[twin.guid] = twin


def _held(gateway: GatewayStack) -> list[dict[str, str]]:
    return [one.flags for one in gateway.qms.recordings.values()]


@pytest.mark.parametrize("is_compared", [True, False])
@pytest.mark.parametrize("change", [labelled_by_another, labelled_with_a_flag_of_before])
def test_a_repair_that_is_folded_a_day_later_writes_nothing(
    gateway: GatewayStack, change: Callable[[GatewayStack], None], *, is_compared: bool
) -> None:
    """Before: the leg's flags were written beside another's, without another look at QMS."""
    gateway.time += timedelta(days=1)
    change(gateway)
    before = [dict(flags) for flags in _held(gateway)]
    if is_compared:
        compare(gateway)

    gateway.passes(5)
    gateway.passes(5)

    assert (_held(gateway), gateway.legs()[0].recording_guid) == (before, None)


@pytest.mark.parametrize("change", [labelled_by_another, labelled_with_a_flag_of_before, recorded_twice])
def test_a_repair_that_a_comparison_judges_otherwise_before_it_is_carried_out_lapses(
    gateway: GatewayStack, change: Callable[[GatewayStack], None]
) -> None:
    change(gateway)
    before = [dict(flags) for flags in _held(gateway)]
    gateway.time += timedelta(minutes=2)
    compare(gateway, timedelta(0))

    gateway.works()

    assert _held(gateway) == before
    finding = of_the_recording()
    assert (finding.repaired_at, finding.is_repairable) == (None, False)
    assert "it lapsed" in _page(finding)


def test_a_repair_that_a_comparison_judges_the_same_is_carried_out(gateway: GatewayStack) -> None:
    gateway.time += timedelta(minutes=2)
    compare(gateway, timedelta(0))

    gateway.works()

    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_repair_that_lapsed_is_offered_again_and_its_page_says_so(gateway: GatewayStack) -> None:
    gateway.time += CARRIED_OUT_WITHIN + timedelta(seconds=1)
    gateway.works()
    assert gateway.flags("2001") == [{}]
    lapse_late(gateway.time)
    page = _page(of_the_recording())

    repair(of_the_recording(), "bob", gateway.connect, gateway.time)
    gateway.works()

    assert "ada repaired it" in page
    assert "nothing was written: within 10 minutes the repair was not carried out" in page
    assert "Give the recording to the leg" in page
    assert gateway.flags("2001")[0]["CTICallRef"] == "C1"
    assert "it lapsed" not in _page(of_the_recording())


def test_a_repair_in_its_time_does_not_lapse(gateway: GatewayStack) -> None:
    gateway.time += CARRIED_OUT_WITHIN - timedelta(seconds=10)
    lapse_late(gateway.time)

    gateway.works()

    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_fold_that_has_read_a_decision_which_lapses_meanwhile_changes_nothing(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lapse_first(searches: Sequence[int], writes: Sequence[Settled]) -> bool:
        lapse([gateway.legs()[0].pk])
        return mark_folded(searches, writes)

    with monkeypatch.context() as patched:
        patched.setattr(consuming, "mark_folded", lapse_first)
        with pytest.raises(Overtaken):
            gateway.fold()
    lapse([gateway.legs()[0].pk])  # The first was rolled back with the fold, as it ran in its transaction.
    gateway.works()

    assert (gateway.flags("2001"), gateway.legs()[0].recording_guid) == ([{}], None)


def of_the_recording() -> ReconciliationFinding:
    """Return the finding that was repaired."""
    return ReconciliationFinding.objects.filter(kind="recorded_without_flags").earliest("pk")


def _page(finding: ReconciliationFinding) -> str:
    client = Client()
    client.force_login(User.objects.get_or_create(username="boss", is_superuser=True, is_staff=True)[0])
    return client.get(f"/admin/reconciliation/reconciliationfinding/{finding.pk}/change/").content.decode()
