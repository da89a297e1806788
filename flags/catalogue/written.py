"""What is expected at QMS: the names that are written, and the values of a call, by the code that makes them.

The canary, the comparison with QMS, the shadow comparison, the creation of the Flags, their verification and the
installation test all ask here, so that none expects what is never written.
"""

from collections.abc import Mapping, Sequence

from flags.catalogue.flag_settings import hash_key, load_specs
from flags.catalogue.values import FlagPart, FlagSpec, LegFacts, flag_texts, is_written
from flags.models import WrittenName


def written_specs() -> tuple[FlagSpec, ...]:
    """Return the Flags that are written, in their order: switched on, and not set never to be."""
    return _written(load_specs())


def written_names() -> frozenset[str]:
    """Return the names of the Flags that are written."""
    return frozenset(spec.name for spec in written_specs())


def _written(specs: Sequence[FlagSpec]) -> tuple[FlagSpec, ...]:
    key = hash_key()
    return tuple(spec for spec in specs if is_written(spec, key))


def note_names(specs: Sequence[FlagSpec]) -> None:
    """Keep the names that are written by these settings, before anything is written by them."""
    names = frozenset(spec.name for spec in _written(specs))
    known = WrittenName.objects.filter(name__in=names).order_by().values_list("name", flat=True)
    if missing := sorted(names.difference(known)):
        WrittenName.objects.bulk_create([WrittenName(name=name) for name in missing], ignore_conflicts=True)


def names_ever_written() -> frozenset[str]:
    """Return the names that the gateway writes, ever wrote or was set to write while it folded calls.

    It makes no difference whether the Flag is off, set never to be written, renamed or deleted by now; one that was
    never to be written is not among them.
    """
    return written_names().union(WrittenName.objects.order_by().values_list("name", flat=True))


def expected_values(facts: LegFacts, part: FlagPart) -> Mapping[str, str]:
    """Return what a call's flags are by today's settings: cut, masked and hashed as they are written."""
    return {one.name: one.value for one in flag_texts(load_specs(), facts, part, hash_key())}
