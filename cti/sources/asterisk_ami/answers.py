"""The answers to AMI actions: a response, and the list or the outcome that follows it."""

import asyncio

from cti.sources.asterisk_ami.messages import AmiMessage

#: The event that says what became of an Originate.
OUTCOME = "OriginateResponse"


class AmiAnswer:
    """The answer to one action: its response, and the list or the outcome that follows one that announces it."""

    def __init__(self, action: str, action_id: str = "", bridge: str = "") -> None:
        #: ``bridge``: the one that the action asks about.
        self.action, self.action_id, self.bridge = action, action_id, bridge
        self.response: AmiMessage | None = None
        self.outcome: AmiMessage | None = None
        self.is_listed = False
        self.done = asyncio.Event()
        #: Set when the outcome has come, or when none will.
        self.has_outcome = asyncio.Event()

    @property
    def is_unknown(self) -> bool:
        """Say whether the PBX does not know the action."""
        return self.response is not None and "unknown command" in self.response.get("Message").lower()

    @property
    def is_success(self) -> bool:
        """Say whether the PBX did what it was asked, or began to."""
        return self.response is not None and self.response.get("Response") == "Success"

    @property
    def is_refusal(self) -> bool:
        """Say whether the PBX does not do what it was asked."""
        return self.response is not None and self.response.get("Response") == "Error"

    @property
    def reason(self) -> str:
        """Return what the PBX said, cut to what a page shows."""
        return self.response.get("Message")[:120] if self.response is not None else ""

    def respond(self, message: AmiMessage) -> None:
        """Take the response."""
        self.response = message
        if message.get("EventList").lower() != "start":
            self.done.set()
        if not self.is_success:
            self.has_outcome.set()

    def end_list(self) -> None:
        """Note that the list is complete."""
        self.is_listed = True
        self.done.set()

    def lose(self) -> None:
        """Let whoever waits go on: the link has ended."""
        self.done.set()
        self.has_outcome.set()

    def end(self, outcome: AmiMessage) -> None:
        """Take the outcome, which may come without a response that can be read."""
        self.outcome = outcome
        self.has_outcome.set()
