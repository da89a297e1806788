"""Fuzz one target for some seconds: a process of its own, for libFuzzer ends the process that it runs in."""

import sys
from importlib import import_module
from pathlib import Path

import atheris

#: What a single input may take here, where instruments make everything slow: beyond this it hangs.
HANGS_SECONDS = 20
MAXIMUM_MIB = 2048


def main(words: list[str]) -> None:
    """Fuzz ``MODULE:NAME`` for a number of seconds with a corpus; leaves with a status other than 0 on a finding."""
    name, seconds, corpus = words
    module, _, attribute = name.partition(":")
    with atheris.instrument_imports(include=["cti", "tests"]):
        found = getattr(import_module(module), attribute.partition("/")[0])
    target = found[attribute.partition("/")[2]] if isinstance(found, dict) else found
    folder = Path(corpus)
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed-{number}").write_bytes(seed)
    limits = [
        f"-max_total_time={seconds}",
        "-max_len=65536",
        f"-timeout={HANGS_SECONDS}",
        f"-rss_limit_mb={MAXIMUM_MIB}",
    ]
    atheris.Setup(
        ["fuzz", *limits, f"-artifact_prefix={folder.parent}/finding-", "-print_final_stats=1", corpus], target.read
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
