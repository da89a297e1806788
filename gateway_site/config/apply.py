"""Bring the database to what a declaration says: all of it or nothing."""

import os
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import models, transaction
from msgspec import UNSET

import clock
from agents.models import Allocation
from cti.models import CtiSource
from cti.sources.registry import has_session
from flags.api import after_rename, note_rename
from flags.catalogue.values import FIELD_NAMES, FIELDS, is_field
from flags.models import FlagSetting
from gateway_site.config.declaration import (
    ConfigError,
    CtiSourceRow,
    DataServerRow,
    Declaration,
    DeclaredQueue,
    FlagRow,
    RecordingServiceRow,
    place,
)
from history.commands import COMMAND_LINE, record_command, stored_state
from qms.models import DataServer, RecordingService


class Applied(msgspec.Struct, frozen=True):
    """What was changed, a line each, and what the person should know besides."""

    changes: list[str]
    notes: list[str]


def apply(declaration: Declaration, *, check: bool = False) -> Applied:
    """Apply a declaration in one transaction and say what changed; ``check`` takes it all back.

    Raises ``ConfigError`` with every problem; then nothing was changed.
    """
    with transaction.atomic():
        work = _Work()
        for index, server in enumerate(declaration.data_servers):
            work.data_server(index, server)
        for index, service in enumerate(declaration.recording_services):
            work.recording_service(index, service)
        for index, source in enumerate(declaration.cti_sources):
            work.cti_source(index, source)
        for index, flag in enumerate(declaration.flags):
            work.flag(index, flag)
        if work.problems:
            raise ConfigError(work.problems)
        if check:
            transaction.set_rollback(True)
    return Applied(work.changes, work.notes)


class _Work:
    """One application under way: what it changed, what is wrong, what is worth a note."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.notes: list[str] = []
        self.problems: list[str] = []

    def data_server(self, index: int, row: DataServerRow) -> None:
        found = DataServer.objects.filter(slug=row.slug).first()
        self._save("data_servers", index, found or DataServer(slug=row.slug), {})

    def flag(self, index: int, row: FlagRow) -> None:
        field = _flag_field(row)
        if field is None:
            where = place("flags", index, row.field or row.name, "field")
            self.problems.append(f"{where}: use one of {', '.join(FIELD_NAMES)} or query:KEY")
            return
        found = FlagSetting.objects.filter(field=field).first()
        values = _given(row, "field")
        if found is None:
            values.setdefault("name", next((spec.name for spec in FIELDS if spec.field == field), field))
        old = FlagSetting.objects.get(pk=found.pk) if found else None
        flag = found or FlagSetting(field=field)
        if self._save("flags", index, flag, values) and old and note_rename(flag, old, by=COMMAND_LINE, at=clock.now()):
            self.notes.append(after_rename(old.name, flag.name))

    def recording_service(self, index: int, row: RecordingServiceRow) -> None:
        found = RecordingService.objects.filter(slug=row.slug).first()
        values = _given(row, "slug", "data_server")
        if row.data_server is not UNSET:
            server = DataServer.objects.filter(slug=row.data_server).first()
            if server is None:
                where = place("recording_services", index, row.slug, "data_server")
                self.problems.append(f'{where}: there is no Data Server "{row.data_server}"; add [[data_servers]]')
                return
            values["data_server"] = server
        elif found is None:
            self.problems.append(f"{place('recording_services', index, row.slug)}: data_server is missing")
            return
        self._note_missing_variable(row.password_env, f'Recording Service "{row.slug}"')
        self._save("recording_services", index, found or RecordingService(slug=row.slug), values)

    def cti_source(self, index: int, row: CtiSourceRow) -> None:
        found = CtiSource.objects.filter(slug=row.slug).first()
        values = _given(row, "slug", "recording_services")
        if row.queues is not UNSET:
            values["queues"] = _queues(row.queues)
        source = found or CtiSource(slug=row.slug)
        self._note_missing_variable(row.secret_env, f'CTI source "{row.slug}"')
        if not self._save("cti_sources", index, source, values):
            return
        if has_session(source.kind) and not (source.host and source.port):
            self.problems.append(f"{place('cti_sources', index, row.slug)}: host and port are needed for {source.kind}")
        self._allocate(index, row, source, is_new=found is None)

    def _allocate(self, index: int, row: CtiSourceRow, source: CtiSource, *, is_new: bool) -> None:
        """Set which services record the source's extensions; a new source without a word gets all of them."""
        before = list(source.allocations.values_list("service__slug", flat=True))
        known = dict(RecordingService.objects.values_list("slug", "id"))
        wanted = (before or list(known)) if row.recording_services is UNSET else row.recording_services
        where = place("cti_sources", index, row.slug, "recording_services")
        unknown = [slug for slug in wanted if slug not in known]
        self.problems += [f'{where}: there is no Recording Service "{slug}"' for slug in unknown]
        if unknown or wanted == before:
            return
        source.allocations.all().delete()
        Allocation.objects.bulk_create(
            Allocation(source=source, service_id=known[slug], position=at) for at, slug in enumerate(wanted)
        )
        if not is_new:
            description = f"recording_services: {before} -> {wanted}"
            self.changes.append(f'cti_sources "{row.slug}": {description}')
            record_command(source, stored_state(source), description=f"{description}.")

    def _save(self, table: str, index: int, row: models.Model, values: dict[str, Any]) -> bool:
        """Set the values that differ, check the row and save it; False when it is wrong."""
        name = getattr(row, "field" if table == "flags" else "slug")
        is_new = row.pk is None
        before = {key: getattr(row, key, None) for key in values}  # A new service has no data_server to read.
        differing = [key for key, value in values.items() if before[key] != value]
        for key in differing:
            setattr(row, key, values[key])
        if not is_new and not differing:
            return True
        if problems := _problems(row):
            self.problems += [f"{place(table, index, name, key)}: {words}" for key, words in problems.items()]
            return False
        stored = stored_state(row)
        row.save()
        record_command(row, stored)
        lines = ["new"] if is_new else [f"{key}: {_show(before[key])} -> {_show(values[key])}" for key in differing]
        self.changes += [f'{table} "{name}": {line}' for line in lines]
        return True

    def _note_missing_variable(self, variable: object, whose: str) -> None:
        if isinstance(variable, str) and variable and not {variable, f"{variable}_FILE"} & set(os.environ):
            self.notes.append(f"{whose}: the environment variable {variable} is not set here")


def _problems(row: models.Model) -> dict[str, str]:
    """Return what the model finds wrong with a row, by key."""
    try:
        row.full_clean()
    except ValidationError as error:
        return {key: " ".join(messages) for key, messages in error.message_dict.items()}
    return {}


def _flag_field(row: FlagRow) -> str | None:
    """Return the call's field that a flag carries, None where there is no such field.

    A flag of the manual may go by its name alone; events write ``agentId`` where the catalogue writes ``agent_id``.
    """
    if row.field is UNSET:
        known = FlagSetting.objects.filter(name=row.name).values_list("field", flat=True).first()
        return known or next((spec.field for spec in FIELDS if spec.name == row.name), None)
    if is_field(row.field):
        return row.field
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", row.field).lower()
    return plain if is_field(plain) else None


def _given(row: msgspec.Struct, *without: str) -> dict[str, Any]:
    """Return the keys that the file names."""
    return {
        name: value
        for name in row.__struct_fields__
        if name not in without and (value := getattr(row, name)) is not UNSET
    }


def _queues(queues: Iterable[str | DeclaredQueue] | dict[str, str] | msgspec.UnsetType) -> dict[str, str]:
    """Return queue devices and their names; a queue listed without a name has the name "" (the PBX's own counts)."""
    if isinstance(queues, dict):
        return queues
    assert not isinstance(queues, msgspec.UnsetType)
    named = (DeclaredQueue(one) if isinstance(one, str) else one for one in queues)
    return {queue.device: queue.name for queue in named}


def _show(value: object) -> str:
    return repr(str(value) if isinstance(value, models.Model) else value)
