"""The connections of a capture come out whole and in order, whatever the network did to their packets."""

import contextlib
import random

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_site.trace_trial.capture import CaptureError, RecordedConnection, read_connections
from tests.gateway_site.trace_trial.captures import BEGIN, LINK_TYPES, Wire, capture

TEXT = bytes(range(256)) * 40


def whole(connection: RecordedConnection) -> list[bytes]:
    return [connection.of(direction, 10**6) for direction in (0, 1)]


def wire(**options: object) -> Wire:
    made = Wire(**options)  # type: ignore[arg-type]
    made.open()
    for place in range(0, len(TEXT), 1024):
        made.say(TEXT[place : place + 1024], BEGIN + place / 1024)
        made.say(b"ping", BEGIN + place / 1024, is_pbx=False)
    return made


@pytest.mark.parametrize("link", sorted(LINK_TYPES, key=str))
@pytest.mark.parametrize("writer", [dpkt.pcap.Writer, dpkt.pcapng.Writer])
def test_a_capture_of_either_format_and_of_each_link_type_is_read(link: type, writer: type) -> None:
    (connection,) = read_connections(capture(wire(link=link).packets, link, writer))

    assert sorted(whole(connection)) == sorted([TEXT, b"ping" * 10])
    assert connection.name == "10.0.0.1:5038 - 10.0.0.2:40000"
    first, last = connection.chunks[0], connection.chunks[-1]
    assert first.at is not None
    assert last.at is not None
    assert (first.at.timestamp(), last.at.timestamp()) == (BEGIN, BEGIN + 9)


@given(st.integers(0, 10_000))
def test_packets_that_are_doubled_and_out_of_order_give_the_same_bytes(seed: int) -> None:
    packets = wire().packets
    chance = random.Random(seed)
    doubled = [one for one in packets[2:] for _ in range(chance.choice((1, 1, 2)))]
    mixed = sorted(enumerate(doubled), key=lambda one: one[0] + chance.uniform(0, 4))
    (connection,) = read_connections(capture([*packets[:2], *(packet for _, packet in mixed)]))

    assert sorted(whole(connection)) == sorted([TEXT, b"ping" * 10])
    assert not any(chunk.is_after_loss for chunk in connection.chunks)


def test_packets_of_which_only_the_beginning_was_captured_are_counted() -> None:
    packets = [(at, frame[:96]) for at, frame in wire().packets]
    (connection,) = read_connections(capture(packets))

    assert connection.cut_packets == 20
    assert read_connections(capture(wire().packets))[0].cut_packets == 0


def test_a_missing_packet_is_noted_where_it_is_missing() -> None:
    packets = wire().packets
    del packets[5]
    (connection,) = read_connections(capture(packets))

    assert sum(chunk.is_after_loss for chunk in connection.chunks) == 1
    assert len(connection.of(0, 10**6)) in range(len(TEXT) - 701, len(TEXT))


def test_a_capture_that_begins_in_the_middle_and_is_cut_off_is_read_as_far_as_it_goes() -> None:
    raw = capture(wire().packets[10:])
    (connection,) = read_connections(raw[:-20])

    assert connection.of(0, 10**6) in TEXT


def test_a_port_that_is_used_again_is_another_connection() -> None:
    first, second = wire(), wire(first_sequence=5)

    assert len(read_connections(capture([*first.packets, *second.packets]))) == 2


def test_a_file_that_is_no_capture_is_one_direction_without_times() -> None:
    (connection,) = read_connections(b"Event: x\r\n\r\n")

    assert (connection.of(0, 100), connection.chunks[0].at) == (b"Event: x\r\n\r\n", None)


@given(st.binary(max_size=400), st.sampled_from([b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x0a\x0d\x0d\x0a", b""]))
def test_any_bytes_are_read_or_refused_in_a_sentence(raw: bytes, magic: bytes) -> None:
    with contextlib.suppress(CaptureError):
        assert all(connection.chunks for connection in read_connections(magic + raw))


@given(st.data())
def test_a_damaged_capture_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(capture(wire().packets[:20]))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CaptureError):
        assert all(connection.chunks for connection in read_connections(bytes(raw)))
