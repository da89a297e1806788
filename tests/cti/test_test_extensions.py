"""A test extension at which no canary call could be made is refused as it is entered."""

import pytest

from cti.models import CtiSource, canary_problems


def problems(*extensions: str) -> list[str]:
    source = CtiSource(
        slug="pbx",
        kind="http",
        queues={"Q1": "Sales"},
        options={"ignored_devices": ["T1"]},
        canary_extensions=list(extensions),
    )
    return [words for _, words in canary_problems(source)]


@pytest.mark.parametrize("extension", ["", " 2999", "2999\n", "a\0", "9" * 256])
def test_what_is_no_extension_is_refused(extension: str) -> None:
    assert "1 to 255 characters" in problems("2998", extension)[0]


def test_an_extension_that_is_listed_twice_is_refused() -> None:
    assert problems("2999", "2998", "2999") == ["Test extension 2999 is listed twice."]


@pytest.mark.parametrize("device", ["Q1", "T1"])
def test_a_queue_and_an_ignored_device_are_refused(device: str) -> None:
    assert "never has a leg" in problems(device)[0]


def test_extensions_are_accepted() -> None:
    assert problems("2999", "0123", "9" * 255) == []
