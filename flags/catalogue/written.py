"""What is expected at QMS: the names that are written, and the values of a call, by the code that makes them.

The canary, the comparison with QMS and the shadow comparison all ask here, so that none expects what is never written.
"""

from collections.abc import Mapping

from flags.catalogue.flag_settings import hash_key, load_specs
from flags.catalogue.values import FlagPart, LegFacts, flag_texts, is_written
from flags.models import EarlierName, FlagOnServer, FlagSetting


def written_names() -> frozenset[str]:
    """Return the names of the Flags that are written: switched on, and not set never to be."""
    key = hash_key()
    return frozenset(spec.name for spec in load_specs() if is_written(spec, key))


def names_ever_written() -> frozenset[str]:
    """Return the names that the gateway writes, ever wrote or may have written: switched off, renamed or deleted too.

    Of a Flag that was deleted here, the Data Servers on which it was created or looked for are known.
    """
    return frozenset(
        name
        for model in (FlagSetting, EarlierName, FlagOnServer)
        for name in model._default_manager.order_by().values_list("name", flat=True)  # noqa: SLF001  (documented)
    )


def expected_values(facts: LegFacts, part: FlagPart) -> Mapping[str, str]:
    """Return what a call's flags are by today's settings: cut, masked and hashed as they are written."""
    return {one.name: one.value for one in flag_texts(load_specs(), facts, part, hash_key())}
