"""A recording that lacks its flags at the gateway of a test, and the comparison that finds such ones."""

from datetime import timedelta

from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, steps
from simulators.qms.records import Troubles
from tests.journeys.stack import GatewayStack


def recorded_unanswered(gateway: GatewayStack, call: str, extension: str) -> None:
    """Let QMS record a call from begin to end without an answer to the gateway meanwhile."""
    gateway.qms.troubles["rs1"] = Troubles(down=True)
    gateway.connects(call, extension)
    for _ in range(8):
        gateway.passes(4)
    gateway.qms.troubles["rs1"] = Troubles()
    gateway.qms.disconnected(extension, gateway.time)
    gateway.call("ConnectionCleared", call, extension)
    gateway.passes(40)


def compare(gateway: GatewayStack, after: timedelta = timedelta(hours=3)) -> list[ReconciliationFinding]:
    """Compare the last day with QMS, three hours later or after another time; return what still holds, by time."""
    later = gateway.time + after
    run = ask(gateway.service, gateway.begin - timedelta(hours=1), later, "Ada", later)
    for _ in steps(run, lambda: later, gateway.connect):
        pass
    assert run.done_at is not None, run.error
    return list(ReconciliationFinding.objects.filter(withdrawn_at=None).order_by("began_at"))
