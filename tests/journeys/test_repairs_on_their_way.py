"""A repair counts once its flags have come to QMS, and is refused where nobody would write them."""

from datetime import timedelta

import pytest
import redis as redis_client
from msgspec.structs import replace

from calls.api import NotAssignable
from cti.models import CtiSource
from gateway_site.reconciliation import findings
from gateway_site.reconciliation.compare import Finding, FindingKind, Grade
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.repair import repair
from gateway_site.reconciliation.span import unlabelled_recordings
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with a leg at 2001 that QMS recorded while it did not answer."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    recorded_unanswered(stack, "C1", "2001")
    return stack


def wrong(gateway: GatewayStack) -> int:
    """Return how many recordings of the day have a finding that stands."""
    later = gateway.time + timedelta(hours=3)
    return unlabelled_recordings(gateway.begin - timedelta(hours=1), later, later).wrong


def test_a_repair_of_a_leg_whose_source_is_switched_off_is_refused_and_offered_again(gateway: GatewayStack) -> None:
    """Before: "Done", and nobody folded the decision, so that QMS never got the flags."""
    CtiSource.objects.update(enabled=False)
    [finding] = compare(gateway)
    with pytest.raises(NotAssignable, match="switched off: nobody would write the flags"):
        repair(finding, "ada", gateway.connect, gateway.time)

    CtiSource.objects.update(enabled=True)
    repair(finding, "ada", gateway.connect, gateway.time)
    gateway.works()

    assert gateway.outcomes() == [("2001", "flagged")]


def test_a_repair_that_has_not_come_to_qms_by_the_next_comparison_does_not_count_as_right(
    gateway: GatewayStack,
) -> None:
    """Before: the recording counted as right from the moment of the button on."""
    [finding] = compare(gateway)
    assert wrong(gateway) == 1
    gateway.time += timedelta(hours=4)
    repair(finding, "ada", gateway.connect, gateway.time)
    assert wrong(gateway) == 0

    CtiSource.objects.update(enabled=False)
    gateway.time += timedelta(days=1)
    compare(gateway)

    assert wrong(gateway) == 1


@pytest.mark.parametrize("is_found_again", [True, False])
def test_a_comparison_that_ends_after_a_later_one_leaves_what_that_found(
    gateway: GatewayStack, *, is_found_again: bool
) -> None:
    """Before: what the first had read hours ago stood again, after the second had withdrawn it."""
    [row] = compare(gateway)
    old = Finding(
        kind=FindingKind(row.kind),
        grade=Grade(row.grade),
        cause="gap",
        extension=row.extension,
        began_at=row.began_at,
        ended_at=row.ended_at,
        guid=row.recording_guid,
    )
    begin, end, seen_at = row.began_at - timedelta(minutes=5), row.began_at + timedelta(minutes=5), row.seen_at
    newer = [replace(old, cause="unreachable")] if is_found_again else []
    findings.keep(gateway.service, newer, begin, end, seen_at + timedelta(minutes=2))

    findings.keep(gateway.service, [old], begin, end, seen_at + timedelta(minutes=1))

    row = ReconciliationFinding.objects.get()
    assert (row.cause, row.withdrawn_at is None) == ("unreachable", is_found_again)


@pytest.mark.parametrize(("is_later_of_other_minutes", "stands"), [(False, False), (True, True)])
def test_a_comparison_that_ends_after_a_later_one_finds_nothing_in_the_minutes_that_it_read(
    gateway: GatewayStack, *, is_later_of_other_minutes: bool, stands: bool
) -> None:
    """Before: a recording that had no finding yet was found as it had been before the later one found it right."""
    at, read_at = gateway.time.replace(second=30), gateway.time + timedelta(hours=3)
    old = Finding(kind=FindingKind.UNFLAGGED, grade=Grade.MAJOR, cause="gap", extension="2001", began_at=at, guid="g1")
    begin, end = at - timedelta(minutes=5), at + timedelta(minutes=5)
    moved = timedelta(hours=1) if is_later_of_other_minutes else timedelta(0)
    findings.keep(gateway.service, [], begin + moved, end + moved, read_at + timedelta(minutes=1))

    findings.keep(gateway.service, [old], begin, end, read_at)

    assert ReconciliationFinding.objects.filter(withdrawn_at=None).exists() is stands
    findings.keep(gateway.service, [old], begin, end, read_at + timedelta(minutes=2))
    assert ReconciliationFinding.objects.filter(withdrawn_at=None).exists()
