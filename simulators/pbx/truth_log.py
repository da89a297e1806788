"""What truly happened, as JSON lines: one for every leg, one for every call that nobody answered."""

from datetime import datetime, timedelta
from typing import IO

import msgspec

from simulators.pbx.reports import TrueLeg, UnansweredCall


class LegLine(msgspec.Struct, frozen=True, tag_field="kind", tag="leg"):
    """One extension's part in one call. ``caller_name`` is as it may be written: null when personal."""

    number: int
    extension: str
    agent_id: str
    agent_name: str
    #: False: the extension has no user in QMS.
    is_in_qms: bool
    queue_name: str | None
    caller_name: str | None
    calling_number: str
    called_number: str
    direction: str
    #: The reference when the leg ended; all that it had, in order, stand in ``call_refs``.
    call_ref: str
    call_refs: list[str]
    interaction_id: str
    connected_at: datetime
    disconnected_at: datetime | None
    wrapup_template: str | None
    wrapup_result: str | None
    query_data: dict[str, str]
    #: How it ended: caller_left, agent_left, transferred, consult_over, left_conference; unfinished.
    ended: str
    #: Whether the extension was monitored from before the leg began to its end.
    heard: bool


class CallLine(msgspec.Struct, frozen=True, tag_field="kind", tag="call"):
    """A call without a leg. ``ended``: abandoned_in_queue, abandoned_ringing, busy."""

    call_ref: str
    interaction_id: str
    queue_name: str | None
    calling_number: str
    began_at: datetime
    ended_at: datetime
    ended: str


class TruthLog:
    """Writes the lines, each when nothing more can become known of it; and counts them."""

    def __init__(self, file: IO[bytes] | None, speed: float) -> None:
        self._file, self._speed = file, speed
        self.start: datetime | None = None
        self.legs = self.unanswered = 0
        self._encoder = msgspec.json.Encoder()

    def when(self, at: float) -> datetime:
        """Return the time of a virtual second. The world has begun."""
        if self.start is None:
            raise ValueError("the world has not begun")
        return self.start + timedelta(seconds=at / self._speed)

    def leg(self, leg: TrueLeg) -> None:
        """Keep a leg."""
        self.legs += 1
        template, result = leg.wrapup or (None, None)
        end = leg.disconnected_at
        self._write(
            LegLine(
                number=leg.number,
                extension=leg.agent.extension,
                agent_id=leg.agent.agent_id,
                agent_name=leg.agent.name,
                is_in_qms=leg.agent.is_in_qms,
                queue_name=leg.queue_name,
                caller_name=leg.contact.writable_name if leg.contact else None,
                calling_number=leg.calling,
                called_number=leg.called,
                direction=leg.direction,
                call_ref=leg.call_refs[-1],
                call_refs=leg.call_refs,
                interaction_id=leg.interaction,
                connected_at=self.when(leg.connected_at),
                disconnected_at=None if end is None else self.when(end),
                wrapup_template=template,
                wrapup_result=result,
                query_data=leg.query,
                ended=leg.ended or "unfinished",
                heard=leg.heard,
            )
        )

    def call(self, call: UnansweredCall) -> None:
        """Keep a call that nobody answered."""
        self.unanswered += 1
        self._write(
            CallLine(
                call_ref=call.call_ref,
                interaction_id=call.interaction,
                queue_name=call.queue_name,
                calling_number=call.calling,
                began_at=self.when(call.began_at),
                ended_at=self.when(call.ended_at),
                ended=call.ended,
            )
        )

    def flush(self) -> None:
        """Let what was written be read by others."""
        if self._file is not None:
            self._file.flush()

    def _write(self, line: LegLine | CallLine) -> None:
        if self._file is not None:
            self._file.write(self._encoder.encode(line) + b"\n")
