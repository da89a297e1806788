"""The clock of the protocol tests: it passes as time does, and not while the process stands still."""

import asyncio
import time


def stand_still() -> None:
    """Let the process wait, not the task."""
    time.sleep(0.3)


def test_a_pause_of_the_process_is_no_time_and_waiting_is() -> None:
    async def paused() -> tuple[float, float]:
        clock = asyncio.get_running_loop().time
        begin = clock()
        stand_still()
        after_pause = clock()
        await asyncio.sleep(0.1)
        return after_pause - begin, clock() - after_pause

    pause, wait = asyncio.run(paused())

    assert pause < 0.05
    assert wait >= 0.1
