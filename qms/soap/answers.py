"""From an answer's fields, in our contract's names, to the port's values.

What a service leaves out or gets wrong raises ``ValueError`` or ``TypeError``: an unreadable answer, never a guess.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from qms.port import (
    Flag,
    FlagDefinition,
    FlaggedRecording,
    Licence,
    ListedUser,
    Recording,
    ServiceInfo,
)
from qms.soap.dialect import Dialect

Fields = dict[str, Any]
ListItem = TypeVar("ListItem")


class AnswerPage(msgspec.Struct, Generic[ListItem], frozen=True):
    """A page of a long answer; no token on the last one."""

    items: list[ListItem]
    next_token: str


def page(answer: Fields, build: Callable[[Fields], list[ListItem]]) -> AnswerPage[ListItem]:
    """Read a page and the token of the next one."""
    return AnswerPage(build(answer), _text(answer, "nextPageToken"))


def service_info(answer: Fields) -> ServiceInfo:
    """Read who answers."""
    return ServiceInfo(
        _text(answer, "recordingService"),
        _text(answer, "dataServer"),
        _text(answer, "version"),
        tuple(str(one) for one in _many(answer["identifier"])),
    )


def users(answer: Fields) -> list[ListedUser]:
    """Read a page of users."""
    return [_user(one) for one in _many(answer["user"])]


def found(answer: Fields, dialect: Dialect) -> Recording | None:
    """Read the recording in progress, if any."""
    several = _many(answer["recording"])
    if len(several) > 1:
        raise ValueError("more than one recording in progress")
    return _recording(several[0], dialect) if several else None


def definitions(answer: Fields) -> list[FlagDefinition]:
    """Read the flags that exist."""
    return [_definition(one) for one in _many(answer["definition"])]


def created(answer: Fields, asked: FlagDefinition) -> FlagDefinition:
    """Read the flag that was created; a service that answers nothing created what was asked."""
    return _definition(answer["definition"]) if answer["definition"] is not None else asked


def written(answer: Fields) -> int:
    """Read how many flags were written."""
    return int(answer["written"])


def flags(answer: Fields) -> list[Flag]:
    """Read what a recording carries."""
    return [Flag(_text(one, "name"), _text(one, "value")) for one in _many(answer["flag"])]


def recordings(answer: Fields, dialect: Dialect) -> list[FlaggedRecording]:
    """Read a page of recordings with their flags."""
    return [
        FlaggedRecording(_recording(one["recording"], dialect), tuple(flags(one))) for one in _many(answer["recording"])
    ]


def _user(one: Fields) -> ListedUser:
    active = one["active"]
    if not isinstance(active, bool):
        raise ValueError("a user neither active nor inactive")
    return ListedUser(
        user_id=_required(one, "userId"),
        user_name=_text(one, "userName"),
        first_name=_text(one, "firstName"),
        last_name=_text(one, "lastName"),
        extension=_text(one, "extension"),
        agent_id=_text(one, "agentId"),
        department_name=_text(one, "departmentName"),
        recording_service=_text(one, "recordingService"),
        active=active,
        licence=Licence(_text(one, "licence")),
    )


def _recording(one: Fields, dialect: Dialect) -> Recording:
    ended = one["endedAt"]
    return Recording(
        _required(one, "recordingGuid"),
        _text(one, "extension"),
        _moment(one["startedAt"], dialect),
        _moment(ended, dialect) if ended is not None else None,
    )


def _definition(one: Fields) -> FlagDefinition:
    length = one["maxLength"]
    return FlagDefinition(
        _required(one, "name"), int(length) if length is not None else None, _text(one, "description")
    )


def _moment(value: Any, dialect: Dialect) -> datetime:
    return dialect.moment(value if isinstance(value, datetime) else datetime.fromisoformat(str(value)))


def _text(one: Fields, field: str) -> str:
    value = one[field]
    return "" if value is None else str(value)


def _required(one: Fields, field: str) -> str:
    text = _text(one, field)
    if not text:
        raise ValueError(f"no {field}")
    return text


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
