"""What a kind of recorder has to provide: an adapter class behind ``qms.port``, in one file of its own.

The gateway finds adapters by name: its own two, those that the setting ``RECORDER_ADAPTERS`` lists as
``package.module:Class``, and those of the entry point group ``qms_gateway.recorders``. docs/adapters.md leads through
writing one; ``devtools.recorder_contract`` holds the tests that each must pass.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, Protocol, Self

import msgspec

from qms.port import RecordingServicePort
from vault.fields import Secret


class AdapterOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option of a kind of recorder, as its form shows it.

    :param key: its key in the Recording Service's options.
    :param lines: how many lines its field has.
    """

    key: str
    label: str
    help_text: str = ""
    required: bool = False
    default: str = ""
    lines: int = 1


class ConnectionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A Recording Service as an adapter gets it. Shows no password; equal configurations share one adapter.

    :param options: pairs of key and value; read them by ``option``.
    """

    slug: str
    url: str = ""
    wsdl: str = ""
    dialect: str = ""
    ca_file: str = ""
    login: str = ""
    username: str = ""
    password: Secret = Secret("")
    timeout_seconds: float = 5.0
    options: tuple[tuple[str, str], ...] = ()

    def option(self, key: str, default: str = "") -> str:
        """Return the value of an option; the default where it is not set."""
        return dict(self.options).get(key, "") or default


class CheckFailed(Exception):
    """A step of Test connection failed. ``advice``: what to do, where the cause says more than the step."""

    retryable = False

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class ConnectionCheck(msgspec.Struct, frozen=True):
    """A step of Test connection that only this kind of recorder has.

    :param look: returns what it found; raises ``QmsError`` or ``CheckFailed``.
    :param advice: what to do when it fails.
    """

    name: str
    look: Callable[[], str]
    advice: str


class RecorderAdapter(RecordingServicePort, Protocol):
    """A kind of recorder. Instances are shared by threads and inherited by forked children.

    :cvar kind: the word in ``RecordingService.kind``; never change it.
    :cvar address: whether the form asks for an address, a login and a WSDL.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    options: ClassVar[Sequence[AdapterOption]]
    address: ClassVar[Literal["required", "unused"]]
    #: The names of ``checks``, before any connection is made.
    check_names: ClassVar[Sequence[str]]

    @classmethod
    @abstractmethod
    def from_config(cls, config: ConnectionConfig) -> Self:
        """Make an adapter without connecting; raises ``QmsUnavailable`` with code ``Configuration``."""

    @classmethod
    @abstractmethod
    def problems(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with options that somebody entered, by key; empty when all is well."""

    @abstractmethod
    def checks(self) -> Sequence[ConnectionCheck]:
        """Return the steps of Test connection that come before login, users and flags."""

    @property
    @abstractmethod
    def clock_offset_seconds(self) -> float | None:
        """Return how far the recorder's clock is ahead of ours as the calling thread last saw it; None: unknown."""

    @abstractmethod
    def close(self) -> None:
        """Close what the calling thread has open; the next call opens it again."""
