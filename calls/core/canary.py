"""Which calls, and which recordings, are the canary's: by the ids that the gateway gave its own events. Pure.

A test extension is not proof: somebody may call it, or pick up its phone, and that is a call like any other.
"""

from hashlib import sha256

from qms.guids import guid_key

PREFIX = "canary-"
_NO_RECORDING = "none"


def canary_call_id(unique: str, guid: str = "") -> str:
    """Return the id of a canary call made of events. ``guid``: the recording that was begun for it; "" for none."""
    return f"{PREFIX}{unique}-{_digest(guid) if guid else _NO_RECORDING}"


def is_canary_call(call_id: str) -> bool:
    """Say whether the gateway made the call."""
    return call_id.startswith(PREFIX)


def may_be_recorded_as(call_id: str, guid: str) -> bool:
    """Say whether a recording may be a canary call's: the one named by its id, any where the id names none."""
    if not is_canary_call(call_id):
        return True  # A real call: its id is the PBX's.
    named = call_id.removeprefix(PREFIX).partition("-")[2]
    return not named or named == _digest(guid)


def _digest(guid: str) -> str:
    return sha256(guid_key(guid).encode()).hexdigest()[:16]
