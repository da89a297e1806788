"""A caller, and legs that know of them."""

import itertools
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.state import LegData, LegPhase, LegState, TraceStep
from calls.models import Leg
from calls.storage.codec import LEG_FIELDS, leg_row
from cti.models import CtiSource
from qms.models import DataServer, RecordingService

NUMBER, NAME = "+4915112345678", "Erika Mustermann"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def leg_of(source: CtiSource, number: str = NUMBER, **changes: Any) -> Leg:
    """Save a settled leg that knows the caller."""
    facts = LegData(calling_number=number, caller_name=NAME, interaction_id="i1", queue_name="Sales")
    leg = LegState(
        number=next(_numbers),
        call_id="c1",
        incarnation=1,
        device_id="2001",
        ordinal=1,
        connected_source_at=NOON,
        connected_gateway_at=NOON,
        phase=LegPhase.SETTLED,
        outcome=Outcome.NOT_RECORDED,
        facts=facts,
        agent_id="9001",
        trace=(TraceStep(NOON, "connected", f"{NAME} {number} called queue Sales."),),
    )
    columns = dict(zip(LEG_FIELDS, leg_row(source.pk, replace(leg, **changes), NOON), strict=True))
    columns["source_id"], columns["service_id"] = columns.pop("source"), columns.pop("service")
    return Leg.objects.create(**columns)


def recording_service() -> RecordingService:
    """Save a Recording Service that nobody answers for."""
    server = DataServer.objects.create(slug="data")
    return RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1:1/")
