"""The OpenAPI document of the HTTP interface, made from the contract's schema of an event."""

import functools
import json
from pathlib import Path
from typing import Any

from django.conf import settings

SCHEMA = Path(__file__).parent.parent / "schema"

Json = dict[str, Any]


@functools.cache
def document() -> bytes:
    """Return the OpenAPI 3.1 document as JSON."""
    paths: Json = json.loads((SCHEMA / "openapi.json").read_text())
    schemas: Json = paths["components"]["schemas"]
    schemas |= _event_schemas()
    schemas["Batch"] |= {"maxItems": settings.INTAKE_MAX_EVENTS}
    return json.dumps(paths).encode()


def _event_schemas() -> Json:
    """Return the contract's event and its definitions as components of the document."""
    text = (SCHEMA / "cti-event.schema.json").read_text().replace("#/$defs/", "#/components/schemas/")
    event: Json = json.loads(text)
    definitions: Json = event.pop("$defs")
    for name in ("$schema", "$id"):
        event.pop(name)
    return {"Event": event, **definitions}
