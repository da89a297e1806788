"""A message is torn where a channel of it has no Uniqueid after it; the quick answer is that of the plain rule."""

from hypothesis import given
from hypothesis import strategies as st

from cti.sources.asterisk_ami.reassembly import torn_part

_EVENTS = st.sampled_from([b"VarSet", b"DialBegin", b"QueueMemberStatus", b"Newstate\xff", b""])
_LINES = st.lists(
    st.sampled_from(
        [
            b"Channel: PJSIP/1-1",
            b"Uniqueid: 1.1",
            b"DestChannel: PJSIP/2-1",
            b"DestUniqueid: 1.2",
            b"Value: Channel: x",
            b"Linkedid: 1.1",
            b"Channel:",
            b"",
        ]
    ),
    max_size=8,
)


@given(_EVENTS, _LINES)
def test_the_part_that_is_torn_is_the_last_channel_without_a_uniqueid_after_it(
    event: bytes, lines: list[bytes]
) -> None:
    raw = b"\r\n".join([b"Event: " + event, *lines])
    expected = None
    if event in (b"VarSet", b"DialBegin") and _is_torn(lines, b""):
        expected = b""
    elif event == b"DialBegin" and _is_torn(lines, b"Dest"):
        expected = b"Dest"
    assert torn_part(raw) == expected


def _is_torn(lines: list[bytes], part: bytes) -> bool:
    """Say it line by line."""
    torn = False
    for line in lines:
        if line.startswith(part + b"Channel: "):
            torn = True
        elif line.startswith(part + b"Uniqueid: "):
            torn = False
    return torn
