"""Production needs nothing that is for development: a name in the settings is an import that no contract sees."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_site import settings

DEVELOPMENT = {"simulators", "devtools", "tests"}


def dotted_names(value: Any) -> Iterator[str]:
    """Yield every text in a setting, as deep as it goes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from (*dotted_names(key), *dotted_names(one))
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from dotted_names(one)


def test_no_setting_of_production_names_a_development_package() -> None:
    found = {
        (name, text)
        for name, value in vars(settings).items()
        if name.isupper()
        for text in dotted_names(value)
        if text.partition(".")[0] in DEVELOPMENT
    }

    assert found == set()


def test_the_settings_of_which_this_is_said_name_the_applications() -> None:
    assert {"calls", "cti", "qms"} <= set(dotted_names(settings.INSTALLED_APPS))
