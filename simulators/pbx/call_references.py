"""The references of calls, as a switch gives them out."""

from collections import deque
from collections.abc import Sequence
from itertools import count

#: How long after the end of its call a reference is used again, in seconds.
REST_SECONDS = 0.2


class CallReferences:
    """Give references in order; with a stock of them, each again as soon as its call is over."""

    def __init__(self, first: int, stock: Sequence[str] = ()) -> None:
        self._numbers = (f"{number % 0x1000000:04X}" for number in count(first))
        self._stock, self._known = deque(stock), frozenset(stock)
        self._free: deque[tuple[float, str]] = deque()

    def take(self, now: float) -> str:
        """Return the reference of a new call: of those that are free the one whose call ended last."""
        rested = [reference for at, reference in self._free if at + REST_SECONDS <= now]
        if rested:
            del self._free[len(rested) - 1]
            return rested[-1]
        if self._stock:
            return self._stock.popleft()
        return next(one for one in self._numbers if one not in self._known)

    def free(self, reference: str, now: float) -> None:
        """Take back the reference of a call that is over."""
        if self._known:
            self._free.append((now, reference))
