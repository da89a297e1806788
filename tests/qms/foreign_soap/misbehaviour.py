"""What a service may do wrong, by operation of the contract, once or until it is stopped."""

import threading
from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """The operations of the contract; each service has names of its own for them."""

    GET_SERVICE_INFO = "GetServiceInfo"
    LIST_USERS = "ListUsers"
    FIND_LIVE_RECORDING = "FindLiveRecording"
    LIST_FLAG_DEFINITIONS = "ListFlagDefinitions"
    CREATE_FLAG_DEFINITION = "CreateFlagDefinition"
    WRITE_FLAGS = "WriteFlags"
    GET_FLAGS = "GetFlags"
    LIST_RECORDINGS = "ListRecordings"


@dataclass(frozen=True)
class Raw:
    """An answer that has nothing to do with the question; nothing is done for it."""

    body: bytes
    status: int = 200
    content_type: str = "text/xml; charset=utf-8"


@dataclass(frozen=True)
class Misbehaviour:
    """What goes wrong with an answer; by default nothing.

    - ``raw``: this answer instead of any other.
    - ``crashes``: an unhandled exception before anything was done; ``crashes_late``: after it was done.
    - ``delay_seconds``: everything is done, and answered late.
    - ``drip_seconds``: the answer comes in pieces of ``drip_bytes`` with this pause before each.
    - ``huge_bytes``: an element that nobody knows with that much text; ``attributes``: one with that many attributes.
    - ``unknown_elements``: an unknown element in every element that has children.
    - ``nil_item``: one nil among the items of a list; ``bad_user``: a user with values that nobody can read.
    - ``guid_length``: the GUID of an answer is a text of that length.
    - ``writes_nothing``: a write is not carried out, and answered with 0 (or false), without a fault.
    """

    raw: Raw | None = None
    crashes: bool = False
    crashes_late: bool = False
    delay_seconds: float = 0
    drip_seconds: float = 0
    drip_bytes: int = 64
    huge_bytes: int = 0
    attributes: int = 0
    unknown_elements: bool = False
    nil_item: bool = False
    bad_user: bool = False
    guid_length: int = 0
    writes_nothing: bool = False


GOOD = Misbehaviour()
MANY_ATTRIBUTES = Misbehaviour(attributes=300_000)
LONG_GUID = Misbehaviour(guid_length=300)


class Misbehaviours:
    """What is switched on; safe to use from several threads."""

    def __init__(self) -> None:
        """Begin well behaved."""
        self._lock = threading.Lock()
        self._lasting: dict[Operation | None, Misbehaviour] = {}
        self._once: list[tuple[Operation | None, Misbehaviour]] = []

    def set(self, what: Misbehaviour, operation: Operation | None = None, once: bool = False) -> None:
        """Switch one on, for one operation or all, for the next answer or for all to come."""
        with self._lock:
            if once:
                self._once.append((operation, what))
            else:
                self._lasting[operation] = what

    def clear(self) -> None:
        """Behave well from now on."""
        with self._lock:
            self._lasting.clear()
            self._once.clear()

    def take(self, operation: Operation | None) -> Misbehaviour:
        """Return what goes wrong with this answer: first what is for once, then what names the operation."""
        with self._lock:
            for place, (wanted, what) in enumerate(self._once):
                if wanted in (None, operation):
                    del self._once[place]
                    return what
            return self._lasting.get(operation) or self._lasting.get(None, GOOD)
