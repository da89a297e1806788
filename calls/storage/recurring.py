"""What stands in a stored leg several times, and differs from leg to leg, written once: its times, names and numbers.

Deflating finds what a leg has in common with others as long as nothing interrupts it, and its times and names interrupt
each sentence of the trace. Named by a mark of two bytes instead, they stand in front, and the rest is the same in most
legs. ``MARK`` is no byte of msgpack's and of no UTF-8 text; a blob that has it all the same, in another time or number,
is left as it is.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from calls.core.origins import Origin
from calls.core.state import LegState

MARK = b"\xc1"
#: Bytes of a value that is worth a mark, and that one byte can count.
LEAST, MOST = 3, 255
_packed = msgspec.msgpack.Encoder().encode


def recurring_values(leg: LegState) -> list[bytes]:
    """Return a leg's values that recur in its blob, each in a place of its own; empty where it has none.

    The order is that of the dictionary's legs: another one would be read as well, and take more bytes.
    """
    origins = leg.facts.origins
    first = min((one.at for one in origins.values()), default=None)
    return [
        *map(
            _time,
            (
                leg.connected_source_at,
                leg.connected_gateway_at,
                leg.disconnected_source_at,
                leg.disconnected_gateway_at,
                leg.found_gateway_at,
                leg.base_due,
                leg.flagged_gateway_at,
                first,
                leg.agent_origin.at if leg.agent_origin else None,
            ),
        ),
        *map(_event, (leg.call_origin, leg.agent_origin, origins.get("calling_number"), origins.get("queue_name"))),
        *map(str.encode, (leg.guid, leg.agent_name, leg.agent_id, leg.device_id, leg.facts.interaction_id)),
    ]


def _time(at: datetime | None) -> bytes:
    return _packed(at) if at else b""


def _event(origin: Origin | None) -> bytes:
    return _packed(origin.id) if origin else b""


def marked(blob: bytes, values: Sequence[bytes]) -> bytes | None:
    """Return a blob with marks instead of the values, which stand in front; None where that could not be read again."""
    front, body = [bytes([len(values)])], blob
    for number, value in enumerate(values):
        replaced = body.replace(value, MARK + bytes([number])) if LEAST <= len(value) <= MOST else body
        front.append(bytes([len(value)]) + value if len(replaced) < len(body) else b"\0")
        body = replaced
    data = b"".join(front) + body
    return data if _is_sound(data, blob) else None


def _is_sound(data: bytes, blob: bytes) -> bool:
    try:
        return unmarked(data) == blob
    except IndexError:  # A byte of a number that is no mark.
        return False


def unmarked(data: bytes) -> bytes:
    """Return the blob of which ``marked`` made this. Raises ``IndexError`` for what it did not make."""
    at, values = 1, []
    for _ in range(data[0]):
        end = at + 1 + data[at]
        values.append(data[at + 1 : end])
        at = end
    first, *rest = data[at:].split(MARK)
    return first + b"".join([values[part[0]] + part[1:] for part in rest])
