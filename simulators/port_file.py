"""A simulator's port in a file: chosen by the system at the first start, the same again after a restart."""

import os
from pathlib import Path


def chosen_port(file: Path | None, otherwise: int) -> int:
    """Return the port to bind: the file's, 0 (any free one) where it is not there yet; without a file ``otherwise``."""
    if file is None:
        return otherwise
    return int(file.read_text()) if file.exists() else 0


def remember_port(file: Path | None, port: int) -> None:
    """Write down which port was bound; whoever waits for the file sees all of it or nothing."""
    if file is not None:
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.write_text(str(port))
        fresh.replace(file)
