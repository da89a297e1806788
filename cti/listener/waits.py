"""Waits of the event loop."""

import asyncio
import contextlib


async def set_or_late(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer than ``seconds``."""
    # Not wait_for: before Python 3.12 it forgets that it was cancelled when the event comes at the same moment.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
