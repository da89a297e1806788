"""The PBX's clock beside the gateway's: events bear the one or the other, and what is compared must bear one. Pure."""

from datetime import datetime, timedelta

from cti.sources.asterisk_ami.values import EventTime

_NONE = timedelta(0)


class PbxClock:
    """Tell what the PBX's clock shows, by how far it was ahead of the gateway's when it was last read.

    Until an event bears a time (``timestampevents = yes``), both count as the same.
    """

    def __init__(self) -> None:
        self._ahead = _NONE
        #: How far the clock is ahead by the answer to a ping; events need not bear it.
        self._pinged = _NONE

    @property
    def ahead(self) -> timedelta:
        """Return how far the PBX's clock is ahead of the gateway's; negative where it is behind."""
        return self._ahead

    def read(self, at: datetime | None, received: datetime, held_since: datetime | None = None) -> EventTime:
        """Return the time of an event. ``at``: the PBX's own, None where the event bears none."""
        if at is not None:
            self._ahead = at - received
        return EventTime(at or received, received, held_since)

    def pinged(self, at: datetime, received: datetime) -> None:
        """Note the PBX's time in the answer to a ping."""
        self._pinged = at - received

    def now(self, received: datetime) -> EventTime:
        """Return the time of what no event says: a decision that is due, an item of a snapshot."""
        return EventTime(received + self._ahead, received)

    def before_events(self, received: datetime) -> EventTime:
        """Return a time that is not after the next event's, whether that will bear the PBX's time or not."""
        return EventTime(received + (self._ahead or min(self._pinged, _NONE)), received)
