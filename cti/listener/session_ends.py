"""Why a session with a source ended."""

import asyncio
from collections.abc import Iterator

from cti.listener.spool import SpoolFull
from cti.sources.port import LinkError


def why_ended(running: "asyncio.Task[None]") -> LinkError:
    """Return why a session ended. A defect in it is raised: the process is restarted, and records the gap."""
    if not running.done():
        return LinkError("the session did not end when it was stopped")
    if running.cancelled():
        return LinkError("interrupted")
    error = running.exception()
    if error is None:
        return LinkError("the source closed the link")
    leaves = list(_leaves(error))
    if not all(isinstance(leaf, (LinkError, OSError, SpoolFull)) for leaf in leaves):
        raise error
    # An error that a person must correct is the cause, a link that broke at the same time the effect.
    first = min(leaves, key=lambda leaf: getattr(leaf, "retryable", True))
    return first if isinstance(first, LinkError) else LinkError(f"{type(first).__name__}: {first}")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors within a group; an error that is no group yields itself."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for one in error.exceptions:
        yield from _leaves(one)
