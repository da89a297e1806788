"""The changelog: what is unreleased becomes the section of a version, grouped by what kind of change it is. Pure."""

import re
from datetime import date

UNRELEASED = "## Unreleased"
#: In this order, as keepachangelog.com has them.
KINDS = ("Security", "Added", "Changed", "Deprecated", "Removed", "Fixed")
_SECTION = re.compile(r"(?m)^## (?P<version>\d+\.\d+\.\d+) - (?P<day>\d{4}-\d{2}-\d{2})$")
_GROUP = re.compile(r"(?m)^### (?P<kind>\w+)(?:: (?P<topic>.+))?$")


class ChangelogError(ValueError):
    """The changelog cannot be released as it is; the text says why."""


def newest_section(text: str) -> tuple[str, date]:
    """Return version and day of the newest released section. Raises ``ChangelogError``."""
    if (found := _SECTION.search(text)) is None:
        raise ChangelogError("no version has a section")
    return found["version"], date.fromisoformat(found["day"])


def release(text: str, version: str, day: date) -> str:
    """Return the changelog with a section of this version, and nothing unreleased. Raises ``ChangelogError``."""
    head, found, rest = text.partition(UNRELEASED)
    if not found:
        raise ChangelogError(f"there is no {UNRELEASED!r}")
    if any(one["version"] == version for one in _SECTION.finditer(text)):
        raise ChangelogError(f"{version} has a section already")
    last = _SECTION.search(rest)
    unreleased, former = (rest[: last.start()], rest[last.start() :]) if last else (rest, "")
    section = f"## {version} - {day:%Y-%m-%d}\n\n{_grouped(unreleased)}"
    return f"{head}{UNRELEASED}\n\n{section.rstrip()}\n" + (f"\n{former}" if former else "")


def _grouped(unreleased: str) -> str:
    """Gather entries under one heading for each kind; the topics of a kind, and what has none, follow each other."""
    groups: dict[str, list[str]] = {kind: [] for kind in KINDS}
    heads = list(_GROUP.finditer(unreleased))
    if not heads or unreleased[: heads[0].start()].strip():
        raise ChangelogError("nothing is unreleased, or an entry has no heading such as '### Fixed: what it is about'")
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = unreleased[head.end() : following.start() if following else None].strip()
        if head["kind"] not in groups:
            raise ChangelogError(f"'### {head['kind']}' is none of {', '.join(KINDS)}")
        if body:
            topic = head["topic"]
            title = f"#### {topic[0].upper()}{topic[1:]}\n\n" if topic else "#### Also\n\n"
            groups[head["kind"]].append(f"{title}{body}\n")
    return "\n".join(f"### {kind}\n\n" + "\n".join(entries) for kind, entries in groups.items() if entries)
