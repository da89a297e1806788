"""Django's test databases, put back to what they were before each mutant."""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

_PARTS = ("", "-wal", "-shm", "-journal")


class Databases:
    """The SQLite files of the tests, as they stood between two tests.

    A forked process may not use its parent's connections, and one that was killed may leave rows behind. Databases in
    memory are the child's own and need nothing. Only files in the folder for temporary files are written to: a
    project's real database is none of them.
    """

    def __init__(self) -> None:
        """Close this process' connections and keep the files' content."""
        self._contents: dict[Path, bytes | None] = {}
        if "django.db" in sys.modules:
            connections: Any = importlib.import_module("django.db").connections
            connections.close_all()
            for one in connections.all(initialized_only=True):
                self._keep(str(one.settings_dict["NAME"]))

    def _keep(self, name: str) -> None:
        path = Path(name)
        if path.is_relative_to(tempfile.gettempdir()) and path.is_file():
            for part in _PARTS:
                piece = Path(f"{path}{part}")
                self._contents[piece] = piece.read_bytes() if piece.exists() else None

    def restore(self) -> None:
        """Write the content back."""
        for piece, content in self._contents.items():
            if content is None:
                piece.unlink(missing_ok=True)
            else:
                spare = piece.with_name(f"{piece.name}.new")
                spare.write_bytes(content)
                os.replace(spare, piece)  # noqa: PTH105 - a new file: no process still writes to it
