"""What reading costs: time and memory, without a fuzzer's instruments in the way."""

import time
import tracemalloc
from collections.abc import Callable, Iterator

#: What one frame may be long, and what it may cost.
FRAME = 65_536
MAXIMUM_SECONDS = 0.050
MAXIMUM_BYTES = 32 * 2**20
TRIES = 5


def too_dear(read: Callable[[bytes], None], data: bytes) -> str | None:
    """Say what is too expensive about reading one input, or None. Time is CPU time, the best of a few."""
    seconds = min(_seconds(read, data) for _ in range(TRIES)) if _seconds(read, data) > MAXIMUM_SECONDS else 0.0
    if seconds > MAXIMUM_SECONDS:
        return f"takes {seconds * 1000:.0f} ms, more than {MAXIMUM_SECONDS * 1000:.0f}"
    peak = _peak(read, data)
    return f"takes {peak / 2**20:.0f} MiB, more than {MAXIMUM_BYTES // 2**20}" if peak > MAXIMUM_BYTES else None


def swollen(data: bytes) -> Iterator[bytes]:
    """Yield an input as it is, and made as long as a frame may be: repeated whole, and by a part in its middle."""
    yield data[:FRAME]
    if data:
        yield (data * (FRAME // len(data) + 1))[:FRAME]
        middle = len(data) // 2
        part = data[middle : middle + 64]
        times = max((FRAME - len(data)) // max(len(part), 1), 0)
        yield (data[:middle] + part * times + data[middle:])[:FRAME]


def _seconds(read: Callable[[bytes], None], data: bytes) -> float:
    began = time.thread_time()
    read(data)
    return time.thread_time() - began


def _peak(read: Callable[[bytes], None], data: bytes) -> int:
    tracemalloc.start()
    try:
        read(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
