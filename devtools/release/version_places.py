"""Every place of the checkout that names the version. ``pyproject.toml`` is the one that counts. Pure."""

import re
from collections.abc import Mapping

#: File, and the text around the version; the first is what the program reads.
PLACES: Mapping[str, re.Pattern[str]] = {
    "pyproject.toml": re.compile(r'(?m)^(version = ")([^"]+)(")'),
    "deploy/kubernetes/kustomization.yaml": re.compile(r"(?m)^(    newTag: )(\S+)()$"),
    "deploy/kubernetes/migrate/kustomization.yaml": re.compile(r"(?m)^(    newTag: )(\S+)()$"),
    "docker-compose.yml": re.compile(r"(?m)^(  image: qms-gateway:)(\S+)()$"),
}


class PlaceMissing(ValueError):
    """A file does not name the version once; the text says which."""


def version_in(file: str, text: str) -> str:
    """Return the version that a file names. Raises ``PlaceMissing``."""
    found = PLACES[file].findall(text)
    if len(found) != 1:
        raise PlaceMissing(f"{file} names the version {len(found)} times")
    return str(found[0][1])


def with_version(file: str, text: str, version: str) -> str:
    """Return a file's text with another version. Raises ``PlaceMissing``."""
    version_in(file, text)
    return PLACES[file].sub(lambda found: f"{found[1]}{version}{found[3]}", text)
