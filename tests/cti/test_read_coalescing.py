"""What a link brings gathers for a moment, and no longer."""

from cti.sources.read_coalescing import GATHER_SECONDS, ReadCoalescer


def test_readings_are_apart_and_the_first_after_a_quiet_time_waits_for_nothing() -> None:
    now = [100.0]
    gathering = ReadCoalescer(lambda: now[0])
    assert gathering.left == 0

    assert gathering.read(b"bytes") == b"bytes"
    assert round(gathering.left, 6) == GATHER_SECONDS

    now[0] += GATHER_SECONDS / 4
    assert round(gathering.left, 6) == round(GATHER_SECONDS * 3 / 4, 6)
    now[0] += 60
    assert gathering.left == 0
