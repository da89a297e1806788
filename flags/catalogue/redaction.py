"""What a person may see of the values that are written: callers' data is not everybody's."""

import msgspec

from flags.catalogue.flag_settings import hash_key, load_specs
from flags.catalogue.values import LegFacts, flag_texts
from flags.models import FlagSetting, FlagWrite

HIDDEN = "••••••"
#: Of the fields of a call, these say nothing of the caller.
HARMLESS = frozenset({"call_id", "device_id", "interaction_id", "agent_id", "agent_name", "queue_name", "direction"})


class ShownValue(msgspec.Struct, frozen=True):
    """A flag and its value as it may be shown."""

    name: str
    value: str
    cut: bool
    masked: bool


def shown_values(write: FlagWrite, *, may_see_callers: bool) -> list[ShownValue]:
    """Return a write's flags; a value that may identify the caller is hidden from those who may not see callers.

    A flag whose setting is gone or was changed since counts as one that may.
    """
    fields = {} if may_see_callers else dict(FlagSetting.objects.values_list("name", "field"))
    return [
        ShownValue(
            one.name, one.value if may_see_callers or fields.get(one.name) in HARMLESS else HIDDEN, one.cut, one.masked
        )
        for one in write.values.all()
    ]


def facts_values(facts: LegFacts, *, may_see_callers: bool) -> list[ShownValue]:
    """Return the flags that today's settings make of a leg, with its wrap-up; values are hidden as in a write."""
    specs = load_specs()
    fields = {one.name: one.field for one in specs}
    texts = [one for part in ("base", "wrapup") for one in flag_texts(specs, facts, part, hash_key())]
    return [
        ShownValue(
            one.name, one.value if may_see_callers or fields.get(one.name) in HARMLESS else HIDDEN, one.cut, one.masked
        )
        for one in texts
    ]
