"""The table of handlers: one for each event type."""

from collections.abc import Callable
from functools import cache, singledispatch

from calls.core.unit_of_work import UnitOfWork


@singledispatch
def apply(event: object, work: UnitOfWork) -> None:
    """Apply one event to a unit of work. Raises ``TypeError`` for a type without a handler."""
    raise TypeError(f"no rule for {type(event).__name__} in the source {work.source.slug}")


@cache
def rule_of(kind: type) -> Callable[[object, UnitOfWork], None]:
    """Return the handler for a type. ``apply`` looks it up through a weak mapping each time, which takes longer."""
    return apply.dispatch(kind)
