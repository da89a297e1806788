"""Somebody with the right to upload or paste sends what is small and costs much."""

import time

import pytest

from gateway_site.config.declaration import ConfigError, read

SECONDS = 20
BOMBS = {
    "arrays in each other": "a=" + "[" * 100_000,
    "tables in each other": "a=" + "{b=" * 100_000,
    "a key of 100,000 parts": ".".join(["a"] * 100_000) + "=1",
    "a key of many parts behind another": "x = { " + ".".join(["a"] * 100_000) + " = 1 }",
    "many keys of many parts": "\n".join(f"{'.'.join([f'a{n}'] * 900)} = 1" for n in range(8)),
    "a number of 250,000 digits": "a=" + "9" * 250_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_sites_file_that_costs_much_is_refused_soon(name: str) -> None:
    """Before: 200 kB with dots held a thread of the web server for minutes, and brackets ended as a server error."""
    began = time.process_time()

    with pytest.raises(ConfigError):
        read(BOMBS[name])

    assert time.process_time() - began < SECONDS
