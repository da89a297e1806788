"""Write the site's configuration as a declaration; secrets are never in it, only the names of their variables."""

from typing import Any

import tomli_w
from django.db import models

from cti.models import CtiSource
from flags.models import FlagSetting
from gateway_site.config.declaration import CtiSourceRow, FlagRow, RecordingServiceRow
from qms.models import DataServer, RecordingService


def export() -> str:
    """Return a declaration that, applied to an empty gateway, makes the same site (but for secrets kept in it)."""
    tables = {
        "data_servers": [{"slug": one.slug} for one in DataServer.objects.all()],
        "recording_services": [_service(one) for one in RecordingService.objects.select_related("data_server")],
        "cti_sources": [_source(one) for one in CtiSource.objects.prefetch_related("allocations__service")],
        "flags": [_values(one, FlagRow.__struct_fields__) for one in FlagSetting.objects.all()],
    }
    return tomli_w.dumps({name: rows for name, rows in tables.items() if rows})


def _service(service: RecordingService) -> dict[str, Any]:
    names = [name for name in RecordingServiceRow.__struct_fields__ if name != "data_server"]
    return _values(service, names) | {"data_server": service.data_server.slug}


def _source(source: CtiSource) -> dict[str, Any]:
    names = [name for name in CtiSourceRow.__struct_fields__ if name != "recording_services"]
    services = [one.service.slug for one in source.allocations.all()]
    return _values(source, names) | {"recording_services": services}


def _values(row: models.Model, names: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Return the row's values but for those that say nothing."""
    values = {name: getattr(row, name) for name in names}
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}
