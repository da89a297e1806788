"""Import one file of the project with another text than it has."""

from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from devtools.mutation.swap import compiled


def replace_source(path: Path, data: bytes) -> None:
    """Let every import of the file in this process compile the other text; nothing is cached on the disk."""
    wanted, original = str(path), SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        return compiled(data, wanted) if self.path == wanted else original(self, fullname)

    setattr(SourceFileLoader, "get_code", get_code)  # noqa: B010 - a method may not be assigned, says mypy
