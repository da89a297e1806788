"""Read environment variables, each by its kind; every one that is wrong becomes a sentence. No Django.

A sentence names the variable, its value and what would do: ``RETENTION_DAYS is "many": give a whole number from 1 to
36500, for example 400.`` The value of a secret is never shown, nor the login in an address. ``NAME_FILE`` names a file
that holds the value of ``NAME``.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from gateway_site.config.masking import without_login

Read = TypeVar("Read")
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
#: A longer value is cut in a sentence.
MAXIMUM_SHOWN = 80


class EnvironmentVariables:
    """The environment as a mapping; ``problems`` collects a sentence for each variable that cannot be used."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[str] = []

    def is_set(self, name: str) -> bool:
        """Say whether the variable, or the file that holds its value, is named and not empty."""
        return bool(self._values.get(name) or self._values.get(f"{name}_FILE"))

    def text(self, name: str, default: str = "") -> str:
        """Return the value without surrounding space; from the file that ``NAME_FILE`` names if there is one."""
        file = self._values.get(f"{name}_FILE")
        if not file:
            return self._values.get(name, default).strip()
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.refuse(f"{name}_FILE", file, f"the file cannot be read ({_reason(error)}); name a readable text file")
            return default

    def refuse(self, name: str, value: str | None, wanted: str) -> None:
        """Note that a variable cannot be used. ``value`` None: it is a secret."""
        said = without_login(value or "") if "//" in (value or "") else value or ""
        shown = "" if value is None else f' is "{said if len(said) <= MAXIMUM_SHOWN else said[:MAXIMUM_SHOWN] + "..."}"'
        self.problems.append(f"{name}{shown}: {wanted}.")

    def checked(
        self, name: str, default: str, parse: Callable[[str], Read], wanted: str = "", *, is_secret: bool = False
    ) -> Read:
        """Return the parsed value; where ``parse`` raises ``ValueError``, note it and return the parsed default."""
        value = self.text(name, default)
        try:
            return parse(value)
        except ValueError as error:
            self.refuse(name, None if is_secret else value, wanted or str(error))
            return parse(default)

    def boolean(self, name: str, default: str = "0") -> bool:
        """Return True or False."""
        return self.checked(name, default, _boolean, "give 1 (yes) or 0 (no)")

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within its limits."""
        wanted = f"give a whole number from {least} to {most}, for example {default}"
        return self.checked(name, str(default), _within(int, least, most), wanted)

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Return a number within its limits."""
        wanted = f"give a number from {least:g} to {most:g}, for example {default:g}"
        return self.checked(name, str(default), _within(float, least, most), wanted)

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """Return one of the choices; capitals do not matter."""
        known = {one.lower(): one for one in choices}
        named = ", ".join(one or "(empty)" for one in choices)

        def parse(value: str) -> str:
            if value.lower() not in known:
                raise ValueError(f"give one of {named}")
            return known[value.lower()]

        return self.checked(name, default, parse)

    def words(self, name: str, default: str = "") -> list[str]:
        """Return the parts of a list separated by commas."""
        return [one.strip() for one in self.text(name, default).split(",") if one.strip()]

    def time_zone(self, name: str, default: str = "UTC") -> str:
        """Return the name of a time zone that this machine knows."""
        return self.checked(name, default, _zone, "give a time zone by its name, for example Europe/Berlin or UTC")

    def time_of_day(self, name: str, default: str) -> time | None:
        """Return a time of day, None where it is empty."""
        wanted = "it is no time of day; write it like 06:30, or leave it empty"
        return self.checked(name, default, lambda value: time.fromisoformat(value) if value else None, wanted)

    def folder(self, name: str, default: Path) -> Path:
        """Return a folder that exists, or was made, and can be written to."""
        path = Path(self.text(name) or default).resolve()
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe = path / f".{name.lower()}.probe"
            probe.touch()
            probe.unlink(missing_ok=True)
        except OSError as error:
            self.refuse(name, str(path), f"the folder cannot be written to ({_reason(error)}); name one that can")
        return path


def _boolean(value: str) -> bool:
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ValueError


def _within(kind: Callable[[str], Read], least: float, most: float) -> Callable[[str], Read]:
    def parse(value: str) -> Read:
        number = kind(value)
        if not least <= number <= most:  # type: ignore[operator]  # int and float alone are passed
            raise ValueError
        return number

    return parse


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError) as error:  # A folder of zones, for one, is no zone.
        raise ValueError(value) from error
    return value


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
