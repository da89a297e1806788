"""The gateway's version, as ``pyproject.toml`` names it: the checkout is the installation."""

import tomllib
from pathlib import Path

VERSION: str = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"][
    "version"
]
