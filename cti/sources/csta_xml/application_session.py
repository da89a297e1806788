"""How a session with a CSTA server begins and is kept alive: explicit (ECMA-354) or implicit."""

import asyncio

import structlog

from cti.sources.csta_xml.link import CstaLink, RequestDenied, RequestTimedOut
from cti.sources.csta_xml.options import CstaOptions
from cti.sources.csta_xml.parsing import XmlElement, children, text_of
from cti.sources.csta_xml.requests import (
    Requests,
    edition_in,
    namespace_of,
    reset_session_timer,
    start_session,
)
from cti.sources.port import LinkError, LoginRefused, SourceConfig

log = structlog.get_logger()

#: Reasons of a refusal that only a person can correct.
_FOR_A_PERSON = ("password", "login", "user", "auth", "security", "credential", "applicationinfo", "protocolversion")
#: Reasons of a refusal that pass by themselves. Any other may count as a failed login.
_PASSING = ("resource", "toomany", "busy", "overload", "unavailable", "initializ", "temporar", "timeout")
_REMEDY = "Correct the user name, the secret or the session options of this source, or the user on the CTI server"


class ApplicationSession:
    """What was agreed with the server. ``session`` empty: there is none to keep alive."""

    def __init__(self, edition: str, session: str = "", seconds: int = 0, *, is_begun: bool = False) -> None:
        self.edition, self.session, self.is_begun = edition, session, is_begun
        self._seconds = seconds

    async def keep(self, link: CstaLink) -> None:
        """Renew the session at half its life, sooner where that was not answered, until the link ends.

        Raises ``LinkError`` when the server refuses.
        """
        wait = self._seconds / 2
        while True:
            await asyncio.sleep(wait)
            wait = self._seconds / 8
            try:
                answer = await link.ask(reset_session_timer(self.session, self._seconds))
                self._seconds = _duration(answer, self._seconds)
                wait = self._seconds / 2
            except RequestDenied as error:
                raise LinkError(f"the server does not prolong the session: {error}") from error
            except RequestTimedOut:
                log.warning("csta_session_not_prolonged", session=self.session)


async def begin_application_session(link: CstaLink, config: SourceConfig, options: CstaOptions) -> ApplicationSession:
    """Begin a session as the options say. Raises ``LinkError`` when the server begins no explicit one."""
    association = ApplicationSession(options.edition, is_begun=True)
    if options.session != "implicit":
        association = await _explicit(link, config, options) or association
    await _status(link, Requests(namespace_of(association.edition), options))
    return association


async def _explicit(link: CstaLink, config: SourceConfig, options: CstaOptions) -> ApplicationSession | None:
    """Begin a session of ECMA-354; None when the server has none and the options leave that open.

    A server that refuses the user or the password has sessions.
    """
    try:
        answer = await link.ask(start_session(options, config.username, config.secret))
    except RequestTimedOut as error:
        if options.session == "auto":
            return None
        raise LinkError(f"the server begins no session: {error}") from error
    except RequestDenied as error:
        if options.session == "auto" and not _says(error, _FOR_A_PERSON):
            return None
        raise _not_begun(error) from error
    fields = children(answer)
    edition = edition_in(text_of(fields.get("actualProtocolVersion"))) or options.edition
    seconds = _duration(answer, options.session_seconds)
    return ApplicationSession(edition, text_of(fields.get("sessionID")), seconds, is_begun=True)


def _says(error: RequestDenied, words: tuple[str, ...]) -> bool:
    return any(word in str(error).lower() for word in words)


def _not_begun(error: RequestDenied) -> LinkError:
    text = f"the server begins no session: {str(error)[:160]}"
    if _says(error, _PASSING) and not _says(error, _FOR_A_PERSON):
        return LinkError(text)
    return LoginRefused(text, _REMEDY)


async def register(link: CstaLink, requests: Requests, source: str) -> None:
    """Subscribe to the server's status; a server that does not grant it is followed all the same."""
    try:
        await link.ask(requests.system_register())
    except (RequestDenied, RequestTimedOut) as error:
        log.info("csta_status_not_registered", source=source, reason=str(error))


def _duration(answer: XmlElement, asked: int) -> int:
    text = text_of(children(answer).get("actualSessionDuration"))
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10**6 else asked


async def _status(link: CstaLink, requests: Requests) -> None:
    """Ask for the server's status; a server that does not answer is followed all the same."""
    try:
        await link.ask(requests.system_status())
    except (RequestDenied, RequestTimedOut):
        log.debug("csta_status_unanswered")
