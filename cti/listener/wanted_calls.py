"""Have the PBX make the calls that the gateway wants, over the listener's own link, beside all that it follows."""

import asyncio

import structlog

from cti.journal.call_requests import CallReport, CallWish, report_call, take_call_wishes
from cti.journal.stream import JournalUnavailable
from cti.listener.worker_thread import WorkerThread
from cti.sources.port import CallMaker, CallNotMade, LinkError, Session

#: Maximum time that a session may take to make or end a call, in seconds.
MAXIMUM_SECONDS = 20.0
LOST_TODO = (
    "If the settings of the source were changed just now, its link was opened again: make a canary call now. "
    "Else see on the page of the source why the link broke."
)

log = structlog.get_logger()


class WantedCalls:
    """Takes requests and serves each in a task of its own: a PBX that is slow to answer holds up no events."""

    def __init__(self, slug: str, thread: WorkerThread) -> None:
        self._slug, self._thread = slug, thread
        self._serving: set[asyncio.Task[None]] = set()
        #: Calls that were to be ended while there was no link; ``take`` tries them again.
        self.unended: dict[str, CallWish] = {}

    async def take(self, session: Session | None) -> None:
        """Begin what is asked, and try again to end what could not be ended. Raises ``JournalUnavailable``.

        A call that was given up before it was begun is not begun.
        """
        asked = await self._thread.run(take_call_wishes, self._slug)
        ended = {wish.request.key for wish in asked if wish.act == "end"}
        again, self.unended = list(self.unended.values()), {}
        for wish in [*asked, *again]:
            if wish.act == "make" and wish.request.key in ended:
                continue
            task = asyncio.create_task(self._serve(wish, session))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    def cancel(self) -> None:
        """Leave what is under way; whoever waits for it hears nothing more."""
        for task in self._serving:
            task.cancel()

    async def _serve(self, wish: CallWish, session: Session | None) -> None:
        try:
            async with asyncio.timeout(MAXIMUM_SECONDS):
                report = await _served(wish, session)
        except CallNotMade as error:
            report = CallReport(text=str(error), todo=error.todo)
        except (LinkError, TimeoutError):
            if wish.act == "end":
                self.unended[wish.request.key] = wish
            report = CallReport(text="The link to the PBX was lost while the call was made.", todo=LOST_TODO)
        if wish.act == "end":
            return
        try:
            await self._thread.run(report_call, self._slug, wish.request.key, report)
        except JournalUnavailable:
            log.warning("call_not_reported", source=self._slug)


async def _served(wish: CallWish, session: Session | None) -> CallReport:
    if not isinstance(session, CallMaker):
        raise CallNotMade("A source of this kind cannot make calls.", "Choose events alone in the source's settings.")
    if wish.act == "end":
        await session.end_call(wish.request.key)
        return CallReport()
    return CallReport(call_id=await session.make_call(wish.request))
