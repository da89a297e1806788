"""The table of handlers: one for each event type."""

from functools import singledispatch

from calls.core.unit_of_work import UnitOfWork


@singledispatch
def apply(event: object, work: UnitOfWork) -> None:
    """Apply one event to a unit of work. Raises ``TypeError`` for a type without a handler."""
    raise TypeError(f"no rule for {type(event).__name__} in the source {work.source.slug}")
