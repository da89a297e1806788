"""The renaming of a Flag: what it means for recordings that were flagged, and the names that a Flag had.

QMS cannot rename a Flag on a recording. A new name is a new Flag there: what was flagged before is found by the old
name alone, and the new one has to be created before it can be written.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from flags.models import EarlierName, FlagOnServer, FlagSetting
from qms.models import DataServer

_THERE = (FlagOnServer.State.CREATED, FlagOnServer.State.EXISTS, FlagOnServer.State.DIFFERS)


class Renaming(msgspec.Struct, frozen=True):
    """A change of a Flag's name before it is made. ``warnings``: what is particular to this one."""

    old: str
    new: str
    missing_on: Sequence[str]
    warnings: Sequence[str]


def renaming(flag: FlagSetting, new: str) -> Renaming:
    """Return what it would mean to give a Flag, as it is stored, a new name."""
    return Renaming(flag.name, new, _missing_on(new), _warnings(flag, new))


def _missing_on(name: str) -> list[str]:
    """Return the Data Servers that lacked a Flag when they were last looked at."""
    there = FlagOnServer.objects.filter(name=name, state__in=_THERE).values_list("data_server_id", flat=True)
    return list(DataServer.objects.exclude(pk__in=there).order_by("slug").values_list("slug", flat=True))


def note_rename(flag: FlagSetting, old: FlagSetting, *, by: str, at: datetime) -> bool:
    """Keep the name that a Flag had, in the transaction that changes it. Returns whether it had another one."""
    if old.name == flag.name:
        return False
    EarlierName.objects.create(flag=flag, name=old.name, field=old.field, renamed_to=flag.name, until=at, by=by[:150])
    return True


def after_rename(old: str, new: str) -> str:
    """Return in a sentence or two what is to be done now."""
    changed = f"{old} is now {new}. Recordings flagged before keep {old}: search in QMS for both names."
    missing = _missing_on(new)
    if not missing:
        return f"{changed} {new} exists on each Data Server, as it was last seen."
    where = f"Data Server{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
    return (
        f"{changed} Create the Flags in QMS now: until {new} exists on {where}, QMS refuses the flags of every call "
        "there that has a value for it."
    )


def _warnings(flag: FlagSetting, new: str) -> Sequence[str]:
    others = EarlierName.objects.filter(name=new).exclude(flag=flag).order_by("until").select_related("flag")
    warnings = [
        f"{new} was a name of {_as_it_is_now(one)}, which carried {one.field}: recordings flagged "
        f"before {one.until:%Y-%m-%d} carry that under this name. Searches will mix the two."
        for one in others
    ]
    if EarlierName.objects.filter(name=new, flag=flag).exists():
        warnings.append(f"{new} was a name of this Flag before: recordings from then carry it already.")
    return warnings


def _as_it_is_now(one: EarlierName) -> str:
    return f"the Flag that is called {one.flag} now" if one.flag else f"a Flag that was {one.renamed_to} and is deleted"
