"""Bytes are cut into messages whatever their portions; what is too long costs bounded memory and one message."""

import tracemalloc
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cti.sources.asterisk_ami.framing import LINE_LIMIT, MESSAGE_LIMIT, AmiFrame, AmiFrameError, AmiFramer
from tests.cti.ami.traces import play, trace

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
GOOD = b"Event: Good\r\nKey: value\r\n\r\n"


def framed(pieces: list[bytes]) -> list[AmiFrame | AmiFrameError]:
    """Return what a framer finds in pieces fed one after another."""
    framer = AmiFramer()
    return [one for piece in pieces for one in framer.feed(piece)]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def test_a_banner_and_messages_are_distinguished() -> None:
    found = framed([BANNER + GOOD + b"\r\n" + GOOD])

    assert [one.raw for one in found] == [BANNER[:-2], GOOD[:-4], GOOD[:-4]]
    assert [one.offset for one in found] == [0, len(BANNER), len(BANNER) + len(GOOD) + 2]


def test_a_line_of_a_megabyte_is_one_error_and_the_next_message_is_read() -> None:
    long = b"Event: Bad\r\nKey: " + b"x" * 1_000_000 + b"\r\n\r\n"
    found = framed([BANNER, GOOD + long + GOOD])

    assert [type(one) for one in found] == [AmiFrame, AmiFrame, AmiFrameError, AmiFrame]
    error = found[2]
    assert isinstance(error, AmiFrameError)
    assert error.error == f"a line is longer than {LINE_LIMIT} bytes"
    assert error.offset == len(BANNER) + len(GOOD)


def test_a_message_of_many_lines_may_be_too_long() -> None:
    long = b"Key: value\r\n" * (MESSAGE_LIMIT // 12 + 10) + b"\r\n"
    found = framed([long + GOOD])

    assert [getattr(one, "error", "") for one in found] == [f"the message is longer than {MESSAGE_LIMIT} bytes", ""]


def test_a_line_that_never_ends_takes_bounded_memory() -> None:
    framer = AmiFramer()
    piece = b"x" * 65536
    tracemalloc.start()
    errors = sum(len(framer.feed(piece)) for _ in range(500))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert errors == 1
    assert peak < 4 * MESSAGE_LIMIT


PARTS = st.lists(
    st.sampled_from([GOOD, b"\r\n", b"\r", b"\n", b"Event: x\r\n", b"y" * 40_000, b"k: v\r\n" * 30_000, b"\r\n\r\n"]),
    max_size=12,
)


@given(PARTS, st.lists(st.integers(min_value=0, max_value=2_000_000), max_size=12))
@settings(max_examples=150, deadline=None)
def test_the_portions_in_which_bytes_come_change_nothing(parts: list[bytes], cuts: list[int]) -> None:
    data = BANNER + b"".join(parts)

    assert framed(split(data, cuts)) == framed([data])


@given(st.lists(st.integers(min_value=0, max_value=150_000), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_a_trace_cut_anywhere_gives_the_same_events(cuts: list[int]) -> None:
    data = trace("h-attended-transfer")

    assert play(data, split(data, cuts)).events == play(data).events


@given(st.binary(max_size=2000), st.integers(min_value=0, max_value=190_000))
@settings(max_examples=100, deadline=None)
def test_any_bytes_in_a_stream_raise_nothing(noise: bytes, place: int) -> None:
    """What cannot be read is refused with its place; ``play`` lets no exception but the typed one pass."""
    data = trace("g-blind-transfer")
    place %= len(data)

    assert all(one.place for one in play(data[:place] + noise + data[place:]).refused)


LINES = st.tuples(
    st.sampled_from(
        [
            "Event",
            "Channel",
            "Uniqueid",
            "Linkedid",
            "BridgeUniqueid",
            "DestChannel",
            "DestUniqueid",
            "Timestamp",
            "Queue",
            "Interface",
            "Newname",
            "SwapUniqueid",
            "ActionID",
            "OrigTransfererChannel",
            "SecondTransfererChannel",
            "Result",
            "LocalOneChannel",
            "LocalTwoChannel",
        ]
    ),
    st.sampled_from(
        [
            "Newchannel",
            "BridgeEnter",
            "BridgeLeave",
            "Hangup",
            "Rename",
            "AttendedTransfer",
            "DialBegin",
            "AgentConnect",
            "LocalBridge",
            "PJSIP/2001-00000001",
            "PJSIP/trunk-00000002",
            "1.1",
            "1.2",
            "b1",
            "Local/1@x-00000003;1",
            "Local/1@x-00000003;2",
            "1.3",
            "Success",
            "99999999999.1",
            "sales",
            "",
        ]
    ),
)


@given(st.lists(st.lists(LINES, min_size=1, max_size=8), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_messages_raise_nothing(messages: list[list[tuple[str, str]]]) -> None:
    data = b"".join("".join(f"{key}: {value}\r\n" for key, value in one).encode() + b"\r\n" for one in messages)

    play(BANNER + data)
