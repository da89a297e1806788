"""What the Flags would carry for an example call: shown beside their settings."""

from flags.catalogue import FlagText, LegFacts, flag_texts
from flags.models import FlagSetting
from flags.specs import hash_key, spec_of

EXAMPLE = LegFacts(
    call_id="4711",
    device_id="2001",
    interaction_id="5f0c2a6e-7f0b-4f0e-9d5a-2f6d1c3b9a10",
    agent_id="9101",
    agent_name="Alice Archer",
    queue_name="Sales",
    caller_name="Zoë Miller",
    caller_name_source="external_phonebook",
    calling_number="+498955501234",
    called_number="7001",
    direction="inbound",
    wrapup_template="Sales",
    wrapup_result="order placed",
    query_data={"card": "4111 1111 1111 1111", "customer": "10042", "order": "A-17"},
)


def preview(setting: FlagSetting) -> FlagText | None:
    """Return what a Flag would carry for the example call, or None where it would be omitted."""
    spec = spec_of(setting)
    texts = flag_texts([spec], EXAMPLE, spec.part, hash_key()) if spec else []
    return texts[0] if texts else None
