"""Turn a leg into the facts from which the catalogue makes its flags. Pure."""

from typing import Any

from msgspec.structs import asdict, replace

from calls.core.state import LegState
from flags.catalogue.values import LegFacts

#: What the flags of a canary call state in place of queue and caller: its recording is seen to be a test.
CANARY_NAME = "Canary test call"


def leg_facts(leg: LegState) -> LegFacts:
    """Return the facts from which the catalogue makes a leg's flags; what is withheld is not known."""
    facts = _known_facts(leg)
    if not leg.withheld:
        return facts
    nothing: dict[str, Any] = {name: {} if name == "query_data" else "" for name in leg.withheld}
    return replace(facts, **nothing)


def differing(leg: LegState, other: LegState) -> tuple[str, ...]:
    """Return the fields in which the facts of two legs differ."""
    mine, theirs = asdict(_known_facts(leg)), asdict(_known_facts(other))
    return tuple(name for name, value in mine.items() if value != theirs[name])


def _known_facts(leg: LegState) -> LegFacts:
    facts = leg.facts
    return LegFacts(
        call_id=leg.call_id,
        device_id=leg.device_id,
        interaction_id=facts.interaction_id,
        agent_id=leg.agent_id,
        agent_name=leg.agent_name,
        queue_name=CANARY_NAME if leg.is_canary else facts.queue_name,
        caller_name=CANARY_NAME if leg.is_canary else facts.caller_name,
        caller_name_source="unknown" if leg.is_canary else facts.caller_name_source,
        calling_number=facts.calling_number,
        called_number=facts.called_number,
        direction=facts.direction,
        wrapup_template=leg.wrapup_template,
        wrapup_result=leg.wrapup_result,
        query_data=facts.query_data,
    )
