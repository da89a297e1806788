"""The catalogue of Flags: which value of a leg each carries, and how it is made fit to write. Pure."""

import msgspec


class LegFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a leg when it closes. None or empty: not known, and then the flag is omitted."""

    call_id: str
    device_id: str
    interaction_id: str = ""
    agent_id: str = ""
    agent_name: str = ""
    queue_name: str = ""
    caller_name: str = ""
    caller_name_source: str = ""
    calling_number: str = ""
    called_number: str = ""
    direction: str = ""
    wrapup_template: str = ""
    wrapup_result: str = ""
    query_data: dict[str, str] = {}


class FlagText(msgspec.Struct, frozen=True):
    """One flag ready to be written; ``cut`` and ``masked`` say what was done to its value."""

    name: str
    value: str
    cut: bool = False
    masked: bool = False
