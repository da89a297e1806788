"""Settings of the journal's Redis that can lose what was accepted, as Django's checks.

They use the network, so they run with ``manage.py check --database default``, and when a listener starts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import structlog
from django.core import checks
from django.core.checks import CheckMessage
from redis.exceptions import ResponseError

from cti.journal.stream import JournalUnavailable, client, translated

#: The oldest version of Redis that has what the journal needs.
OLDEST = (6, 2)
#: Minimum share of Redis's memory in use for a warning: a full Redis takes no events.
FULL_SHARE = 0.6

log = structlog.get_logger()


class JournalSettings(msgspec.Struct, frozen=True):
    """The server's settings; one that it does not report is empty."""

    version: str
    appendonly: str
    appendfsync: str
    policy: str
    memory_used: int
    memory_limit: int
    is_replica: bool
    is_cluster: bool = False


def journal_settings() -> JournalSettings:
    """Ask the journal's Redis how it is set. Raises ``JournalUnavailable``."""
    with translated():
        about: dict[str, Any] = client().info()
        settings = _settings()
    return JournalSettings(
        version=str(about["redis_version"]),
        appendonly=settings.get("appendonly", "yes" if about.get("aof_enabled") else "no"),
        appendfsync=settings.get("appendfsync", ""),
        policy=str(about.get("maxmemory_policy", "")),
        memory_used=int(about["used_memory"]),
        memory_limit=int(about.get("maxmemory", 0)),
        is_replica=about.get("role") == "slave",
        is_cluster=about.get("redis_mode") == "cluster",
    )


def _settings() -> dict[str, str]:
    """Return the answer of CONFIG; hosted servers often forbid it."""
    try:
        found: Any = client().config_get("append*")
    except ResponseError:
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def journal_warnings(found: JournalSettings) -> list[CheckMessage]:
    """Return what may lose or refuse events, each with its id and a remedy."""
    return [warning for applies, warning in _tests(found) if applies]


def _tests(found: JournalSettings) -> Iterator[tuple[bool, CheckMessage]]:
    is_kept, sync = found.appendonly == "yes", found.appendfsync
    yield (
        not is_kept,
        _warning(1, "It keeps nothing on disk: accepted events are lost when it restarts.", "Set appendonly yes."),
    )
    yield (
        is_kept and sync in ("everysec", "no"),
        _warning(
            2,
            f"It syncs to disk by appendfsync {sync}: a power loss can lose the events of the last seconds. A listener "
            "gives them again; those that were posted are gone.",
            "Set appendfsync always where sources post to /api/events.",
        ),
    )
    yield (
        found.policy != "noeviction",
        _warning(
            3,
            f"It may evict keys when it is full (maxmemory-policy {found.policy}).",
            "Set maxmemory-policy noeviction: it then refuses, and nothing is lost in silence.",
        ),
    )
    yield (
        tuple(int(part) for part in found.version.split(".")[:2]) < OLDEST,
        _warning(4, f"It is {found.version}; the scripts need 6.2.", "Use Redis 7.2 or newer, or Valkey."),
    )
    yield (
        bool(found.memory_limit) and found.memory_used > FULL_SHARE * found.memory_limit,
        _warning(
            5, f"It uses {found.memory_used} of {found.memory_limit} bytes.", "Give it more memory before it is full."
        ),
    )
    yield (
        found.is_cluster,
        checks.Error(
            "The journal's Redis is a Cluster, which the gateway does not support.",
            hint="Use one server, or a master and replicas behind Sentinels (sentinel://HOST:26379/MASTER).",
            id="cti.E008",
        ),
    )
    yield (
        found.is_replica,
        _warning(6, "It is a replica and takes no events.", "Let JOURNAL_URL or REDIS_URL name the master."),
    )


def _warning(number: int, message: str, remedy: str) -> CheckMessage:
    return checks.Warning(f"The journal's Redis: {message}", hint=remedy, id=f"cti.W{number:03}")


def log_warnings() -> None:
    """Write the warnings to the log also. Raises ``JournalUnavailable``."""
    for warning in journal_warnings(journal_settings()):
        log.warning("journal_setting", id=warning.id, what=warning.msg, remedy=warning.hint)


@checks.register(checks.Tags.database)
def check_journal(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Look at the journal's Redis, as part of the checks that may use the network."""
    if not databases:
        return []
    try:
        return journal_warnings(journal_settings())
    except JournalUnavailable as error:
        return [_warning(7, f"It does not answer: {error}", "Start it, and see JOURNAL_URL and REDIS_URL.")]
