"""Everything that bounds what comes from outside, as one table: the setting, what it bounds, and what happens beyond.

Whatever is refused or held up by one of these is counted (``cti.journal.refusals``), and shown on the source's page.
"""

import msgspec
from django.conf import settings

#: What happens to what is beyond a bound that a source can fill.
_OPENS_NOTHING = "HTTP: status 429; link: what is new goes to quarantine. Events that end something are always taken"
_LATER = "status 429; nothing of the request is taken"
_TOO_LARGE = "status 413; nothing of the request is taken"
_SMALLER = "The program must send smaller requests: the same request will be refused again."
_SLOWER = "the link is read more slowly; nothing is dropped"
_ON_LINK = "a second on one link, ten seconds' worth at once"
_FIND_OUT = "Find out why {what} there; if that is right, raise {setting} in .env and restart."


class Bound(msgspec.Struct, frozen=True):
    """A bound.

    ``setting``: the variable that sets it, which names it everywhere; ``default``: where that is not set. ``what``:
    what it counts, in words that follow a number. ``beyond``: what happens then. ``remedy``: what a person does.
    ``is_rate``: it is reached in passing, and worth an alarm only where that lasts. ``advice``: what a program that is
    refused can still do.
    """

    setting: str
    default: int
    what: str
    beyond: str
    remedy: str
    is_rate: bool = False
    advice: str = ""

    @property
    def maximum(self) -> int:
        """Return the bound as it is set."""
        return int(getattr(settings, self.setting))

    def reached(self) -> str:
        """Say that it is reached, to the program that is refused."""
        return f"This is beyond the bound of {self.maximum:,} {self.what} ({self.setting}). {self.advice}".strip()


def _of_source(setting: str, default: int, what: str) -> Bound:
    remedy = _FIND_OUT.format(what="so much is open", setting=setting)
    advice = "Only events that end something are taken."
    return Bound(setting, default, f"{what} of a source", _OPENS_NOTHING, remedy, advice=advice)


CALLS = _of_source("SOURCE_MAX_CALLS", 50_000, "open calls")
LEGS = _of_source("SOURCE_MAX_LEGS", 50_000, "open legs")
AGENTS = _of_source("SOURCE_MAX_AGENTS", 20_000, "agents")
DEVICES = _of_source("SOURCE_MAX_DEVICES", 50_000, "devices")
JOURNAL = Bound(
    "SOURCE_MAX_JOURNAL",
    10_000_000,
    "events in the journal of a source",
    "first the oldest folded events are forgotten, before JOURNAL_KEEP_HOURS; where all still wait to be folded, HTTP: "
    "status 429, link: it is read again when there is room",
    "Events are not folded as fast as they come: look at the events worker and the database. A program sends again "
    "what was refused; what a PBX does while it is not read is in the manual of its kind.",
)
TOKEN_EVENTS = Bound(
    "INTAKE_EVENTS_PER_SECOND",
    2_000,
    "events a second by one token",
    _LATER,
    "The program sends the request again after Retry-After seconds, and nothing is lost; if it cannot, or has to send "
    "as much for long, raise INTAKE_EVENTS_PER_SECOND in .env and restart.",
    is_rate=True,
)
TOKEN_BYTES = Bound(
    "INTAKE_BYTES_PER_SECOND",
    4_194_304,
    "bytes a second by one token",
    _LATER,
    "The program sends the request again after Retry-After seconds, and nothing is lost; look whether its events carry "
    "more than they need, or raise INTAKE_BYTES_PER_SECOND in .env and restart.",
    is_rate=True,
)
REQUEST_EVENTS = Bound(
    "INTAKE_MAX_EVENTS",
    500,
    "events in one request",
    _TOO_LARGE,
    _SMALLER,
)
REQUEST_BYTES = Bound(
    "INTAKE_MAX_BYTES",
    1_048_576,
    "bytes in one request",
    _TOO_LARGE,
    _SMALLER,
)
LINK_EVENTS = Bound(
    "LINK_EVENTS_PER_SECOND",
    10_000,
    f"events {_ON_LINK}",
    _SLOWER,
    _FIND_OUT.format(what="the PBX sends that many events", setting="LINK_EVENTS_PER_SECOND"),
    is_rate=True,
)
LINK_BYTES = Bound(
    "LINK_BYTES_PER_SECOND",
    33_554_432,
    f"bytes {_ON_LINK}",
    _SLOWER,
    _FIND_OUT.format(what="the PBX sends so much", setting="LINK_BYTES_PER_SECOND"),
    is_rate=True,
)
SPOOL = Bound(
    "SPOOL_MAX_BYTES",
    268_435_456,
    "bytes in a listener's file while Redis is away",
    "the link is closed, and what is missed until it is up again is a gap",
    "Bring Redis back: the listener connects again by itself.",
)
#: In the order of the manual.
BOUNDS = (
    CALLS,
    LEGS,
    AGENTS,
    DEVICES,
    JOURNAL,
    TOKEN_EVENTS,
    TOKEN_BYTES,
    REQUEST_EVENTS,
    REQUEST_BYTES,
    LINK_EVENTS,
    LINK_BYTES,
    SPOOL,
)
BY_SETTING = {bound.setting: bound for bound in BOUNDS}
