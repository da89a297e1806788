"""``./gateway faults``: break the running gateway on purpose, and prove that nothing is lost, doubled or wrong."""

import sys

import django

from devtools.faults.environment import take_place
from devtools.faults.options import options


def main(words: list[str]) -> int:
    """Run it and return the exit status."""
    asked = options(words)
    place = take_place(on_sqlite=asked.on_sqlite)
    django.setup()
    from devtools.faults.run import FaultRun  # noqa: PLC0415  (needs the environment that was just made)

    return FaultRun(place, asked).go()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
