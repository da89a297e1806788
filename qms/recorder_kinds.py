"""The kinds of recorder of this installation: the gateway's own, those of the setting, those of entry points."""

import importlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from functools import cache

import structlog
from django.conf import settings

from qms.adapters import RecorderAdapter
from qms.port import QmsUnavailable

log = structlog.get_logger()

OWN = ("qms.soap.adapter:SoapAdapter", "qms.files.adapter:FileAdapter")
GROUP = "qms_gateway.recorders"
DEFAULT_KIND = "soap"


def adapter_class(kind: str) -> type[RecorderAdapter]:
    """Return the adapter of a kind; raises ``QmsUnavailable`` where this installation has none."""
    known = recorder_kinds()
    if kind not in known:
        message = f"There is no adapter for recorders of the kind {kind!r}; known are {', '.join(known)}."
        raise QmsUnavailable(message, code="Configuration")
    return known[kind]


@cache
def recorder_kinds() -> Mapping[str, type[RecorderAdapter]]:
    """Return the adapters by kind, the gateway's own first. One that cannot be loaded is logged and left out."""
    found: dict[str, type[RecorderAdapter]] = {}
    for place in _places():
        try:
            one = _loaded(place)
            found.setdefault(one.kind, one)
        except Exception as error:  # noqa: BLE001  (a foreign package must not keep the gateway from starting)
            log.error("recorder_adapter_not_loaded", adapter=place, error=f"{type(error).__name__}: {error}"[:200])
    return found


def _places() -> Iterator[str]:
    yield from OWN
    yield from settings.RECORDER_ADAPTERS
    yield from (point.value for point in importlib.metadata.entry_points(group=GROUP))


def _loaded(place: str) -> type[RecorderAdapter]:
    module, _, name = place.partition(":")
    found: type[RecorderAdapter] = getattr(importlib.import_module(module), name)
    return found
