"""The simulated QMS's side door: the network tap in, the ledger out. JSON; nothing of it exists in a real QMS."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from qms.port import FlagDefinition
from simulators.qms.records import SimulatedRecording, SimulatedService, SimulatedUser, Troubles
from simulators.qms.site import SimulatedQms


class TapRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An extension was connected or disconnected. ``continues``: the extension whose recording goes on here."""

    extension: str
    state: Literal["connected", "disconnected"]
    at: datetime | None = None
    service: str = ""
    continues: str = ""


class TapResult(msgspec.Struct, frozen=True):
    """What the tap changed; no GUID where QMS does not record."""

    extension: str
    guid: str | None


class Users(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Users to put in the place of those that stand, or beside them."""

    users: list[SimulatedUser]
    replace: bool = True


class Spoiled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a recording behind everybody's back: other flags, or none; ``gone``: it is deleted."""

    guid: str
    flags: dict[str, str] = {}
    gone: bool = False


class NewTroubles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Troubles to set; what is left out stays. Without a service: for every one."""

    service: str = ""
    delay_ms: int | None = None
    fault_rate: float | None = None
    window_seconds: float | None = None
    down: bool | None = None
    flags_need_restart: bool | None = None


class ServiceState(msgspec.Struct, frozen=True, rename="camel"):
    """A Recording Service as it stands."""

    service: SimulatedService
    troubles: Troubles
    definitions: list[FlagDefinition]


class SiteState(msgspec.Struct, frozen=True):
    """Everything: what a test compares with what the gateway believes. ``calls``: "service:operation" to count."""

    services: list[ServiceState]
    users: list[SimulatedUser]
    recordings: list[SimulatedRecording]
    calls: dict[str, int]


class ControlError(Exception):
    """The request cannot be understood; the text says why."""


def tap(qms: SimulatedQms, body: bytes, now: datetime) -> list[TapResult]:
    """Open and close recordings as the network would show it."""
    taps = _decoded(body, TapRequest | list[TapRequest])
    return [_tapped(qms, one, now) for one in (taps if isinstance(taps, list) else [taps])]


def set_users(qms: SimulatedQms, body: bytes, _: datetime) -> list[SimulatedUser]:
    """Replace or add users."""
    asked = _decoded(body, Users | list[SimulatedUser])
    users = asked if isinstance(asked, Users) else Users(asked)
    qms.set_users(users.users, replace=users.replace)
    return qms.users


def set_troubles(qms: SimulatedQms, body: bytes, _: datetime) -> dict[str, Troubles]:
    """Change how services behave."""
    asked: NewTroubles = _decoded(body, NewTroubles)
    names = ("delay_ms", "fault_rate", "window_seconds", "down", "flags_need_restart")
    changes = {name: value for name in names if (value := getattr(asked, name)) is not None}
    for slug in [_known(qms, asked.service)] if asked.service else list(qms.services):
        qms.troubles[slug] = msgspec.structs.replace(qms.troubles[slug], **changes)
    return qms.troubles


def spoil(qms: SimulatedQms, body: bytes, _: datetime) -> list[str]:
    """Change recordings as a restored backup, a script or a rule of retention would."""
    spoiled: list[Spoiled] = _decoded(body, list[Spoiled])
    for one in spoiled:
        if one.guid not in qms.recordings:
            raise ControlError(f"There is no recording {one.guid!r}.")
        if one.gone:
            del qms.recordings[one.guid]
        else:
            qms.recordings[one.guid].flags = dict(one.flags)
    return [one.guid for one in spoiled]


def state(qms: SimulatedQms, _: bytes, __: datetime) -> SiteState:
    """Return everything."""
    services = [
        ServiceState(one, qms.troubles[one.slug], qms.flag_definitions(one.slug)) for one in qms.services.values()
    ]
    return SiteState(services, qms.users, list(qms.recordings.values()), dict(qms.calls))


ROUTES: dict[tuple[str, str], Callable[[SimulatedQms, bytes, datetime], Any]] = {
    ("POST", "/tap"): tap,
    ("POST", "/users"): set_users,
    ("POST", "/faults"): set_troubles,
    ("POST", "/recordings"): spoil,
    ("GET", "/state"): state,
}


def _tapped(qms: SimulatedQms, one: TapRequest, now: datetime) -> TapResult:
    at = one.at or now
    if one.service:
        _known(qms, one.service)
    if one.state == "disconnected":
        recording = qms.disconnected(one.extension, at, one.service)
    elif one.continues:
        recording = qms.moved(one.continues, one.extension, at, one.service)
    else:
        recording = qms.connected(one.extension, at, one.service)
    return TapResult(one.extension, recording.guid if recording else None)


def _known(qms: SimulatedQms, service: str) -> str:
    if service not in qms.services:
        raise ControlError(f"There is no service {service!r}.")
    return service


def _decoded(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ControlError(str(error)) from error
