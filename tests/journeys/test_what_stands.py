"""A finding stands by one rule, wherever it is counted, listed or shown: neither withdrawn nor repaired.

What was repaired stands again once a comparison sees that nothing of it has come to QMS.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis as redis_client
from django.test import Client
from django.urls import reverse, reverse_lazy

from calls.models import Leg
from gateway_site.reconciliation.beside_legs import findings_of_leg
from gateway_site.reconciliation.filters import STANDING, STATE
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.panel import run_panel, standing_causes
from gateway_site.reconciliation.repair import repair
from gateway_site.reconciliation.span import unlabelled_recordings
from gateway_site.reconciliation.standing import open_by_grade, open_critical
from gateway_site.roles import OPERATOR
from tests.attacks.actors import browser_of
from tests.gateway_site.reconciliation.kept_findings import PAGE
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
LIST = reverse_lazy("admin:reconciliation_reconciliationfinding_changelist")


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with a leg at 2001 that QMS recorded while it did not answer, found hours ago."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    recorded_unanswered(stack, "C1", "2001")
    compare(stack)
    stack.time += timedelta(hours=4)
    return stack


def is_repaired(gateway: GatewayStack) -> None:
    repair(ReconciliationFinding.objects.get(), "ada", gateway.connect, gateway.time)


def is_on_its_way(gateway: GatewayStack) -> None:
    is_repaired(gateway)
    gateway.fold()
    gateway.time += timedelta(days=1)
    compare(gateway)


def is_written(gateway: GatewayStack) -> None:
    is_repaired(gateway)
    gateway.works()
    gateway.time += timedelta(days=1)
    compare(gateway)


def counted(gateway: GatewayStack, client: Client) -> dict[str, int]:
    """Return how many findings stand by each place that says it; there is one that may."""
    ReconciliationFinding.objects.update(grade="critical")  # The alarm counts no others.
    later = gateway.time + timedelta(hours=3)
    month = unlabelled_recordings(gateway.begin - timedelta(hours=1), later, later)
    cause = next(iter(standing_causes(ReconciliationFinding.objects.all(), {})), None)
    [leg] = Leg.objects.all()
    return {
        "month": month.unflagged,
        "wrong in the month": month.wrong,
        "link of the month": client.get(month.path).context["cl"].queryset.count(),
        "list": client.get(LIST, {STATE: STANDING}).context["cl"].queryset.count(),
        "causes": cause.count if cause else 0,
        "link of the cause": client.get(cause.address).context["cl"].queryset.count() if cause else 0,
        "comparison": sum(one.count for one in run_panel(ReconciliationRun.objects.latest("pk")).causes),
        "metric": {grade: n for _, grade, n in open_by_grade()}["critical"],
        "alarm": open_critical(gateway.service.pk),
        "leg": len(findings_of_leg(leg)),
        "its page": sum(one.stands for one in ReconciliationFinding.objects.all()),
    }


@pytest.mark.parametrize(
    ("happens", "stands"),
    [(None, True), (is_repaired, False), (is_on_its_way, True), (is_written, False)],
)
def test_every_place_counts_the_same(
    gateway: GatewayStack, happens: Callable[[GatewayStack], None] | None, *, stands: bool
) -> None:
    """Before: a repair that had not come to QMS counted in the month, whose link led to an empty list, and nowhere."""
    if happens is not None:
        happens(gateway)

    places = counted(gateway, browser_of(OPERATOR))

    assert places == dict.fromkeys(places, int(stands))


def test_the_list_is_narrowed_down_by_what_became_of_the_findings(gateway: GatewayStack) -> None:
    client = browser_of(OPERATOR)

    def listed() -> list[str]:
        states = ("stands", "repaired", "withdrawn")
        return [one for one in states if client.get(LIST, {STATE: one}).context["cl"].queryset.exists()]

    states = [listed()]
    is_repaired(gateway)
    states.append(listed())
    gateway.works()
    gateway.time += timedelta(days=1)
    compare(gateway)

    assert [*states, listed()] == [["stands"], ["repaired"], ["withdrawn"]]


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (is_repaired, "page shows what becomes of its flags. The next comparison of this time withdraws"),
        (is_on_its_way, "what its flags wait for. The first comparison of this time that sees them in QMS withdraws"),
    ],
)
def test_the_page_says_what_comes_after_a_repair(
    gateway: GatewayStack, happens: Callable[[GatewayStack], None], said: str
) -> None:
    """Before: "Nothing", and that the next comparison withdraws it, of a repair that had not come to QMS."""
    happens(gateway)
    [finding] = ReconciliationFinding.objects.all()
    client = browser_of(OPERATOR)

    page = client.get(reverse(PAGE, args=[finding.pk])).content.decode()

    assert said in page
    assert ("Its flags had not come to QMS when it was last compared" in page) == (happens is is_on_its_way)
    assert ("not in QMS yet" in client.get(LIST).content.decode()) == (happens is is_on_its_way)
