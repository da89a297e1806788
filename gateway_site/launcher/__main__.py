"""Read the first word of ``./gateway WORD ...`` and do it."""

import sys
from collections.abc import Callable

from gateway_site.launcher import manage, testing

COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "manage": (manage.run, "a management command (./gateway manage help)"),
    "test": (testing.run, "all tests, on SQLite and PostgreSQL; further words go to pytest"),
}


def usage() -> str:
    """Name every word and what it does."""
    lines = (f"  ./gateway {word:<8} {purpose}" for word, (_, purpose) in COMMANDS.items())
    return "\n".join(["usage:", *lines])


def main(words: list[str]) -> int:
    """Do what the first word says and return the exit status."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"gateway: there is no {words[0]!r}\n{usage()}", file=sys.stderr)
        return 2
    act, _ = COMMANDS[words[0]]
    return act(words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
