"""Bytes become frames however they are split; what is no frame is reported with its place, and ends the stream."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.sources.csta_xml.framing import LENGTH_LIMIT, CstaFrame, CstaFrameError, CstaFramer, framed
from tests.cti.csta.pbx import DATA

STREAM = (DATA / "01-acd-queue-call" / "stream_s2c.bin").read_bytes()


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_any_split_of_a_stream_gives_the_same_frames(cuts: list[int]) -> None:
    framer, edges = CstaFramer(), [0, *sorted(cuts), len(STREAM)]
    found = [frame for start, end in itertools.pairwise(edges) for frame in framer.feed(STREAM[start:end])]

    assert found == CstaFramer().feed(STREAM)
    assert [frame.number for frame in found] == list(range(1, 11))
    assert not framer.has_rest


@given(chunks=st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_give_frames_and_at_last_an_error_with_its_place(chunks: list[bytes]) -> None:
    framer, sent = CstaFramer(), b"".join(chunks)
    found = [frame for chunk in chunks for frame in framer.feed(chunk)]

    assert all(isinstance(frame, CstaFrame) for frame in found[:-1])
    if found and isinstance(found[-1], CstaFrameError):
        assert sent[found[-1].offset :].startswith(found[-1].raw[:8])
        assert framer.feed(STREAM) == []


@given(xml=st.binary(min_size=1, max_size=LENGTH_LIMIT - 8), invoke=st.integers(0, 9999))
def test_what_is_framed_is_read_back(xml: bytes, invoke: int) -> None:
    assert CstaFramer().feed(framed(invoke, xml)) == [CstaFrame(invoke, xml, 1, 0)]


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"\x00\xa0\x00\x00<xml", "the format is 0x00a0, not 0x0000"),
        (b"\x00\xa0\x00\x0012x", "the format is 0x00a0, not 0x0000"),
        (b"\x01", "the format is 0x01, not 0x0000"),
        (b"GET ", "the format is 0x4745, not 0x0000"),
        (b"\x00\x00\x00\x08", "the length is 8, less than a header and a message"),
        (b"\x00\x00\x00\x00", "the length is 0, less than a header and a message"),
        (b"\x00\x00\x00\x200x01<", "the invoke id is 0x30783031, not four digits"),
    ],
)
def test_a_false_header_is_reported_as_soon_as_it_is_seen_after_the_frames_before_it(head: bytes, error: str) -> None:
    good = framed(9999, b"<a/>")

    frame, refusal = CstaFramer().feed(good + head)

    assert frame == CstaFrame(9999, b"<a/>", 1, 0)
    assert isinstance(refusal, CstaFrameError)
    assert (refusal.error, refusal.place, refusal.raw) == (error, "frame 2, byte 12", head)


def test_a_frame_with_a_length_of_32_bits_is_named_as_one_however_it_is_split() -> None:
    head = (70_000).to_bytes(4) + b"9999"
    for cut in range(len(head) + 1):
        framer = CstaFramer()
        found = [*framer.feed(head[:cut]), *framer.feed(head[cut:] + b"<a/>"), *framer.feed(b"<b/>")]

        (refusal,) = found
        assert isinstance(refusal, CstaFrameError)
        assert refusal.error.startswith("a frame of 70,000 bytes with a 32-bit length")
        assert "at most 65,535 bytes" in refusal.error


def test_a_message_longer_than_a_frame_is_not_sent() -> None:
    with pytest.raises(ValueError, match="too long for a frame"):
        framed(1, b"x" * LENGTH_LIMIT)


def test_no_more_than_a_frame_is_kept_while_its_end_is_waited_for() -> None:
    framer = CstaFramer()
    assert framer.feed(b"\x00\x00\xff\xff0001") == []
    for _ in range(LENGTH_LIMIT - 9):
        assert framer.feed(b"x") == []

    assert len(framer._buffer) == LENGTH_LIMIT - 1
    assert len(framer.feed(b"x")) == 1
    assert not framer.has_rest
