"""Which kinds of CTI source there are, and the session of each.

A kind declares itself: a package below ``cti.sources``, or one that the entry point group ``qms_gateway.sources`` or
``CTI_SOURCE_PACKAGES`` names, has a constant ``SOURCE``. No list elsewhere names it.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from cti import sources
from cti.sources.kind import SourceKind
from cti.sources.port import Session, SourceConfig, Stamp
from cti.sources.trace import TraceReader

ENTRY_POINTS = "qms_gateway.sources"


class NoSession(Exception):
    """A source of this kind has no session: it needs no listener."""

    retryable = False


class NoTrace(Exception):
    """The kind has no reader of traces."""

    retryable = False


class UnknownKind(LookupError):
    """No package declares this kind; the text names those that there are. Only a person can correct it."""

    retryable = False


class BrokenKind(Exception):
    """A package that should declare a kind cannot be imported or declares none; only a person can correct it."""

    retryable = False


_extra_packages: tuple[str, ...] = ()


def use_packages(packages: Iterable[str]) -> None:
    """Look for kinds in these packages too; called when Django's settings are read."""
    global _extra_packages  # noqa: PLW0603  (set once at start, from the settings)
    _extra_packages = tuple(packages)
    source_kinds.cache_clear()


@cache
def source_kinds() -> dict[str, SourceKind]:
    """Return the kinds by slug, in the order of their labels. Raises ``BrokenKind``."""
    declared = sorted((_declared(name) for name in _packages()), key=lambda kind: kind.label)
    return {kind.slug: kind for kind in declared}


def source_kind(slug: str) -> SourceKind:
    """Return a kind. Raises ``UnknownKind``."""
    kinds = source_kinds()
    if slug not in kinds:
        raise UnknownKind(f"There is no kind of source {slug!r}; there are: {', '.join(kinds)}.")
    return kinds[slug]


def kind_choices() -> list[tuple[str, str]]:
    """Return the kinds as a model field's choices; a function, so that a new kind needs no migration."""
    return [(kind.slug, kind.label) for kind in source_kinds().values()]


def has_session(slug: str) -> bool:
    """Say whether sources of this kind are listened to; False for a kind that is not installed."""
    kind = source_kinds().get(slug)
    return kind is not None and kind.has_listener


def kinds_without_listener() -> list[str]:
    """Return the slugs of the kinds that post their events."""
    return [kind.slug for kind in source_kinds().values() if not kind.has_listener]


def open_session(config: SourceConfig, stamp: Stamp) -> Session:
    """Make a session of the source's kind; it connects when it is run.

    Raises ``NoSession``, ``UnknownKind``, or ``LinkError`` when the source's options are wrong.
    """
    kind = source_kind(config.kind)
    if kind.session is None:
        raise NoSession(f"A source of kind {config.kind} has no listener")
    session: Session = _loaded(kind.session)(config, stamp)
    return session


def open_trace(config: SourceConfig, stamp: Stamp) -> TraceReader:
    """Make a reader of traces of the source's kind.

    Raises ``NoTrace``, ``UnknownKind``, or a ``ValueError`` that names the option of the source that is wrong.
    """
    kind = source_kind(config.kind)
    if kind.trace is None:
        raise NoTrace(f"Traces of kind {config.kind} cannot be read.")
    reader: TraceReader = _loaded(kind.trace)(config, stamp)
    return reader


def _packages() -> Iterator[str]:
    yield from (f"{sources.__name__}.{one.name}" for one in pkgutil.iter_modules(sources.__path__) if one.ispkg)
    yield from (one.value for one in entry_points(group=ENTRY_POINTS))
    yield from _extra_packages


def _declared(package: str) -> SourceKind:
    try:
        declared = importlib.import_module(package).SOURCE
    except (ImportError, AttributeError) as error:
        raise BrokenKind(f"{package} declares no SOURCE: {error}") from error
    if not isinstance(declared, SourceKind):
        raise BrokenKind(f"{package}.SOURCE is no SourceKind")
    return declared


def _loaded(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
