"""The table of rules: one for each event type."""

from functools import singledispatch

from calls.core.unit_of_work import UnitOfWork


@singledispatch
def apply(event: object, draft: UnitOfWork) -> None:
    """Apply one event to a draft. Raises ``TypeError`` for a type without a rule."""
    raise TypeError(f"no rule for {type(event).__name__} in the source {draft.source.slug}")
