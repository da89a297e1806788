"""The licences of the locked packages, as their own metadata declare them."""

import re
from importlib import metadata

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_CLASSIFIER = "License :: OSI Approved :: "
#: Licences that a package's text gives at length begin with it.
MAXIMUM_LENGTH = 60


def pins(lock: str) -> dict[str, str]:
    """Return the version of each package of a lock file."""
    return dict(_PIN.findall(lock))


def table(lock: str) -> str:
    """Return the packages with version and licence, as a Markdown table."""
    rows = (f"| {name} | {version} | {licence(name)} |" for name, version in pins(lock).items())
    return "\n".join(["| package | version | licence |", "|---|---|---|", *rows])


def licence(name: str) -> str:
    """Return the licence of an installed package: its expression, its classifiers or its text's first line."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed here"
    classifiers = [one.removeprefix(_CLASSIFIER) for one in about.get_all("Classifier") or () if _CLASSIFIER in one]
    text = next(iter(_field(about, "License").strip().splitlines()), "")
    return _field(about, "License-Expression") or ", ".join(classifiers) or text[:MAXIMUM_LENGTH] or "not declared"


def _field(about: metadata.PackageMetadata, name: str) -> str:
    return str(about[name] or "") if name in about else ""
