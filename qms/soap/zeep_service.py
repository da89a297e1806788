"""The port over SOAP, every envelope made by zeep."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from qms.port import (
    Flag,
    FlagDefinition,
    FlaggedRecording,
    ListedUser,
    QmsUnavailable,
    Recording,
    RecordingNotFound,
    ServiceInfo,
    UnreadableRecording,
    UnreadableUser,
)
from qms.soap import answer_mapping
from qms.soap.client import SoapClient
from qms.soap.contract import ConnectionSettings
from qms.soap.reading import AnswerNode
from qms.soap.xml_text import xml_text

ResultItem = TypeVar("ResultItem")
#: Items asked for in one page.
PAGE = 500
#: More pages than any site has users or recordings: a service whose pages never end is given up.
MAX_PAGES = 10_000


class ZeepRecordingService:
    """A ``RecordingServicePort`` over SOAP. May be shared by threads and inherited by forked children."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.line = SoapClient(settings)

    def service_info(self) -> ServiceInfo:
        """Say who answers."""
        return self.line.call("GetServiceInfo", {}, answer_mapping.service_info)

    def users(self) -> Iterator[ListedUser | UnreadableUser]:
        """Yield the users allocated to this service, page by page."""
        return self._paged("ListUsers", {}, answer_mapping.users)

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording in progress at the extension, or None."""
        fields = {"extension": xml_text(extension)}
        if not_started_before is not None:
            fields["notStartedBefore"] = xml_time(not_started_before)
        asked = answer_mapping.AskedFor(extension, not_started_before)
        try:
            return self.line.call("FindLiveRecording", fields, lambda answer: answer_mapping.found(answer, asked))
        except RecordingNotFound:  # Some services throw where others answer nothing.
            return None

    def flag_definitions(self) -> list[FlagDefinition]:
        """Return the flags that exist on the Data Server."""
        return self.line.call("ListFlagDefinitions", {}, answer_mapping.definitions)

    def create_flag_definition(self, definition: FlagDefinition) -> FlagDefinition:
        """Create a flag on the Data Server."""
        asked: dict[str, Any] = {"name": xml_text(definition.name)}
        if definition.max_length is not None:
            asked["maxLength"] = definition.max_length
        if definition.description:
            asked["description"] = xml_text(definition.description)
        return self.line.call(
            "CreateFlagDefinition",
            {"definition": asked},
            lambda answer: answer_mapping.created(answer, definition),
            sent=[definition.name],
            is_write=True,
        )

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags to a recording, all or nothing, and return how many were written."""
        texts = [{"name": xml_text(flag.name), "value": xml_text(flag.value)} for flag in flags]
        fields = {"recordingGuid": xml_text(guid), "flag": texts}
        names = [flag.name for flag in flags]
        return self.line.call(
            "WriteFlags", fields, lambda answer: answer_mapping.written(answer, len(flags)), sent=names, is_write=True
        )

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        return self.line.call("GetFlags", {"recordingGuid": xml_text(guid)}, answer_mapping.flags)

    def recordings(self, begin: datetime, end: datetime) -> Iterator[FlaggedRecording | UnreadableRecording]:
        """Yield the recordings that started in [begin, end), oldest first."""
        between = {"from": xml_time(begin), "to": xml_time(end)}
        return self._paged("ListRecordings", between, answer_mapping.recordings)

    def _paged(
        self, operation: str, fields: dict[str, Any], build: Callable[[AnswerNode], list[ResultItem]]
    ) -> Iterator[ResultItem]:
        token = ""
        for _ in range(MAX_PAGES):
            asked = fields | {"pageSize": PAGE} | ({"pageToken": token} if token else {})
            page = self.line.call(operation, asked, lambda answer: answer_mapping.page(answer, build))
            yield from page.items
            if not page.next_token:
                return
            if page.next_token == token:
                break
            token = page.next_token
        raise QmsUnavailable(f"The service's pages of {operation} do not end.")


def xml_time(time: datetime) -> str:
    """Return a time as xs:dateTime in UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
