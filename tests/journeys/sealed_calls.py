"""Calls of one caller that are flagged, and the evidence of them, sealed as the worker does it.

The calls are C0, C1 and C2, all of 2026-03-02; 2001, where the agent A1 is logged on, answers each.
"""

from datetime import UTC, datetime, timedelta

import pytest

from calls.models import Leg
from evidence.api import AuditCount, chain_problems, export_of, present_key
from evidence.records import EvidenceExport
from flags.api import sent_values
from gateway_site.sealing import collect
from tests.journeys.stack import GatewayStack

NEXT_DAY = datetime(2026, 3, 3, 1, tzinfo=UTC)
CALLER = "0301234567"


def three_flagged(monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Return a gateway that has flagged three calls of the caller."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001", "Ada")
    stack.passes(5)
    for at in range(3):
        call(stack, f"C{at}")
    return stack


def call(gateway: GatewayStack, call_id: str) -> None:
    """Let 2001 answer a call of the caller, and its flags be written."""
    gateway.connects(call_id, "2001", callingNumber=CALLER)
    gateway.passes(4)
    gateway.qms.disconnected("2001", gateway.time)
    gateway.call("ConnectionCleared", call_id, "2001")
    gateway.passes(20)


def seal(at: datetime) -> None:
    """Let the worker seal once."""
    collect.seal(lambda: at, at + timedelta(seconds=20))


def sealed(gateway: GatewayStack) -> None:
    """Append what ended, then seal the day."""
    seal(gateway.time + timedelta(minutes=5))
    seal(NEXT_DAY)


def guid_of(call_id: str) -> str:
    return str(Leg.objects.get(call_id=call_id).recording_guid)


def exported(call_id: str = "C1") -> EvidenceExport:
    return export_of(guid_of(call_id), sent_values)


def public_key() -> str:
    return present_key(NEXT_DAY).public


def chain() -> list[str]:
    return list(chain_problems(AuditCount()))
