"""A process that must not outlive the one that started it, however that ends (Linux)."""

import ctypes
import signal
import sys

#: <linux/prctl.h>
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
#: The kernel keeps this many bytes of a process's name.
NAME_BYTES = 15


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent has ended."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def take_name(name: str) -> None:
    """Give this process a name of its own, as ``ps`` and ``top`` show it."""
    _prctl(PR_SET_NAME, ctypes.create_string_buffer(name.encode()[:NAME_BYTES]))


def _prctl(option: int, value: object) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
