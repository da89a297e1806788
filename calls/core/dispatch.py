"""The table of rules: one for each event type."""

from functools import singledispatch

from calls.core.unit_of_work import Draft


@singledispatch
def apply(event: object, draft: Draft) -> None:
    """Apply one event to a draft. Raises ``TypeError`` for a type without a rule."""
    raise TypeError(f"no rule for {type(event).__name__} in the source {draft.source.slug}")
