"""What a link brings gathers for a moment, and no longer."""

import asyncio

from cti.sources.read_coalescing import GATHER_SECONDS, QUIET_GATHER_SECONDS, QUIET_SECONDS, ReadCoalescer, reading


def test_readings_are_apart_and_the_first_after_a_quiet_time_waits_for_nothing() -> None:
    now = [100.0]
    gathering = ReadCoalescer(lambda: now[0])
    assert gathering.left == 0

    assert gathering.read(b"bytes") == b"bytes"
    assert round(gathering.left, 6) == QUIET_GATHER_SECONDS

    now[0] += QUIET_GATHER_SECONDS / 4
    assert round(gathering.left, 6) == round(QUIET_GATHER_SECONDS * 3 / 4, 6)
    now[0] += 60
    assert gathering.left == 0


def test_under_load_readings_are_closer_together_than_after_a_quiet_time() -> None:
    now = [100.0]
    gathering = ReadCoalescer(lambda: now[0])
    gathering.read(b"first")

    lefts = []
    for _ in range(3):
        now[0] += gathering.left
        gathering.read(b"more")
        lefts.append(round(gathering.left, 6))
    now[0] += 2 * QUIET_SECONDS
    gathering.read(b"after a quiet time")

    assert lefts == [GATHER_SECONDS] * 3
    assert round(gathering.left, 6) == QUIET_GATHER_SECONDS


async def _read_between_packets(packets: list[bytes]) -> tuple[bytes, int]:
    """Have packets come one by one between two readings; return what is read then, and what had been taken before."""
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        sender = await accepted
        sender.write(b"first")
        with reading(writer):
            assert await reader.readexactly(5) == b"first"
        for packet in packets:
            sender.write(packet)
            await sender.drain()
            await asyncio.sleep(0)  # A turn of the loop, in which it takes what came.
        taken = len(vars(reader)["_buffer"])  # What asyncio took from the system unasked.
        with reading(writer):
            async with asyncio.timeout(5):
                read = await reader.readexactly(sum(map(len, packets)))
        for one in (sender, writer):
            one.close()
            await one.wait_closed()
    return read, taken


def test_what_comes_between_two_readings_is_left_to_the_system_until_the_next() -> None:
    packets = [b"one ", b"two ", b"three"]

    assert asyncio.run(_read_between_packets(packets)) == (b"one two three", 0)
