"""The faults: each does one kind of harm, and returns how to undo it where it lasts."""

import contextlib
import os
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import redis
from django.db import connections

from cti.models import LinkStatus
from devtools.faults.environment import BROKER_DB
from devtools.faults.fault import Fault, Harm, Undo
from devtools.faults.layout_kinds import GO_BACK, UPGRADE, WITH_REPLICAS, WITH_TWO_HOSTS
from devtools.faults.restored_database import restore_later
from devtools.faults.stack import LISTENERS, QMS, STANDBY, FaultStack
from devtools.faults.stores import DATABASE, REDIS

CANCELS = 20
_SESSIONS = (
    "FROM pg_stat_activity WHERE usename = 'gateway' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def pid_of(plant: FaultStack, name: str) -> int:
    """Return the process that a program has now. Raises ``ProcessLookupError`` where it has none."""
    if not plant.supervisor.is_alive(name):
        raise ProcessLookupError(name)
    return plant.supervisor.pid(name)


def children(pid: int) -> list[int]:
    """Return the processes that a process started itself."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def _working(pid: int) -> list[int]:
    """Return the processes that do a program's work: those that it started, itself where it started none."""
    return children(pid) or [pid]


def _kill(name: str, number: int = signal.SIGKILL) -> Harm:
    def harm(plant: FaultStack) -> None:
        os.kill(pid_of(plant, name), number)

    return harm


def _kill_child(name: str) -> Harm:
    def harm(plant: FaultStack) -> None:
        for one in _working(pid_of(plant, name)):
            os.kill(one, signal.SIGKILL)

    return harm


def _freeze(name: str, *, child: bool = False) -> Harm:
    def harm(plant: FaultStack) -> Undo:
        pid = pid_of(plant, name)
        frozen = _working(pid) if child else [pid]
        _signal(frozen, signal.SIGSTOP)
        return lambda: _signal(frozen, signal.SIGCONT)

    return harm


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _trouble(**troubles: Any) -> Harm:
    well = {"delay_ms": 0, "fault_rate": 0.0, "down": False}

    def harm(plant: FaultStack) -> Undo:
        set_troubles(plant, troubles)
        return lambda: set_troubles(plant, {name: well[name] for name in troubles})

    return harm


def set_troubles(plant: FaultStack, troubles: dict[str, Any]) -> None:
    """Tell the simulated QMS how to behave; one that is just dead has no troubles when it comes back."""
    body = msgspec.json.encode(troubles)
    with contextlib.suppress(OSError):
        urllib.request.urlopen(f"{plant.place.qms_address}/faults", body, timeout=5).close()


def _flush_broker(plant: FaultStack) -> None:
    with contextlib.closing(redis.Redis.from_url(plant.place.redis_url(BROKER_DB), socket_timeout=5)) as broker:
        broker.flushdb()


def _database(plant: FaultStack) -> "psycopg.Connection[tuple[object, ...]]":
    address = f"postgresql://gateway@127.0.0.1:{plant.place.database_port}/postgres"
    return psycopg.connect(address, connect_timeout=5, autocommit=True, options="-c lock_timeout=5000")


def _terminate_backends(plant: FaultStack) -> None:
    with _database(plant) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {_SESSIONS}")


def _cancel_statements(plant: FaultStack) -> None:
    """End what the sessions are doing, again and again for a second: to them it is like a deadlock or a time-out."""
    with _database(plant) as connection:
        for _ in range(CANCELS):
            connection.execute(f"SELECT pg_cancel_backend(pid) {_SESSIONS} AND state = 'active'")
            time.sleep(1 / CANCELS)


def _lock_tables(plant: FaultStack) -> Undo:
    """Hold the hot tables in a transaction of another's: who waits runs into the lock time-out."""
    holder = _database(plant)
    holder.execute("BEGIN")
    holder.execute("LOCK TABLE calls_checkpoint, calls_leg, calls_recordingsearch, flags_flagwrite")
    return holder.close


def _lock_database(plant: FaultStack) -> Undo:
    holder = sqlite3.connect(plant.place.folder / "var" / "gateway.sqlite3", timeout=10, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    return holder.close


def _cut(plant: FaultStack) -> None:
    plant.line.cut()


def _away(plant: FaultStack) -> Undo:
    plant.line.is_away = True
    plant.line.cut()
    return lambda: setattr(plant.line, "is_away", False)


def _kill_leader(plant: FaultStack) -> None:
    """Kill the listener that last said that it leads. Raises ``ProcessLookupError`` where it is dead already."""
    try:
        owner = LinkStatus.objects.values_list("leader", flat=True).get()
    finally:
        connections.close_all()
    os.kill(int(owner.rpartition(":")[2]), signal.SIGKILL)


def _reset(plant: FaultStack) -> None:
    plant.line.reset()


def _garble(plant: FaultStack) -> None:
    plant.line.is_garbling = True


def _tell_redis(*words: str, undo: tuple[str, ...]) -> Harm:
    def tell(plant: FaultStack, words: tuple[str, ...]) -> None:
        with contextlib.closing(redis.Redis.from_url(plant.place.redis_url(0), socket_timeout=5)) as server:
            server.execute_command(*words)  # type: ignore[no-untyped-call]

    def harm(plant: FaultStack) -> Undo:
        tell(plant, words)
        return lambda: tell(plant, undo)

    return harm


def _forget(plant: FaultStack) -> None:
    """Let Redis come back without its file."""
    pid = pid_of(plant, REDIS)
    os.kill(pid, signal.SIGKILL)
    for file in plant.place.store.glob("appendonly.aof*"):
        file.unlink()


def _fill_disk(plant: FaultStack) -> Undo:
    plant.disk.fill()
    return plant.disk.make_room


def _step_clock(seconds: float) -> Harm:
    def harm(plant: FaultStack) -> Undo:
        before = plant.clock.offset_seconds
        plant.clock.step(before + seconds)
        return lambda: plant.clock.step(before)

    return harm


def _hold(plant: FaultStack) -> Undo:
    plant.line.is_held = True
    return lambda: setattr(plant.line, "is_held", False)


def _delay(plant: FaultStack) -> Undo:
    plant.line.delay = 0.4
    return lambda: setattr(plant.line, "delay", 0.0)


EVERYWHERE = (
    Fault("kill -9 listener", _kill_child(LISTENERS)),
    Fault("kill -9 keeper of listeners", _kill(LISTENERS)),
    Fault("kill -9 events worker", _kill("events")),
    Fault("kill -9 events child", _kill_child("events")),
    Fault("kill -9 lookups worker", _kill("lookups")),
    Fault("kill -9 writes worker", _kill("writes"), hurts_searches=False),
    Fault("kill -9 default worker", _kill("default")),
    Fault("kill -9 beat", _kill("beat")),
    Fault("kill -9 web", _kill("web"), hurts_searches=False),
    Fault("kill -9 Redis", _kill(REDIS)),
    Fault("freeze Redis", _freeze(REDIS), lasts=True),
    Fault("freeze listener", _freeze(LISTENERS, child=True), lasts=True),
    Fault("freeze events child", _freeze("events", child=True), lasts=True),
    Fault("freeze lookups worker", _freeze("lookups"), lasts=True),
    Fault("freeze writes worker", _freeze("writes"), lasts=True, hurts_searches=False),
    Fault("empty broker", _flush_broker),
    Fault("QMS down", _trouble(down=True), lasts=True),
    Fault("QMS slow", _trouble(delay_ms=1500), lasts=True),
    Fault("QMS faulty", _trouble(fault_rate=0.4), lasts=True),
    Fault("kill -9 QMS", _kill(QMS)),
    Fault("stop events worker", _kill("events", signal.SIGTERM)),
    Fault("stop lookups worker", _kill("lookups", signal.SIGTERM)),
    Fault("stop writes worker", _kill("writes", signal.SIGTERM), hurts_searches=False),
    Fault("stop keeper of listeners", _kill(LISTENERS, signal.SIGTERM)),
    Fault(
        "Redis memory full",
        _tell_redis("CONFIG", "SET", "maxmemory", "1", undo=("CONFIG", "SET", "maxmemory", "0")),
        lasts=True,
    ),
    Fault(
        "Redis is a replica", _tell_redis("REPLICAOF", "127.0.0.1", "1", undo=("REPLICAOF", "NO", "ONE")), lasts=True
    ),
    Fault("Redis forgets everything", _forget),
    Fault("Redis away for 20 s", _freeze(REDIS), lasts=True, seconds=20),
    Fault("PBX away for 20 s", _away, lasts=True, hurts_searches=False, seconds=20, breaks_link=True),
    Fault("cut link", _cut, hurts_searches=False, breaks_link=True),
    Fault("reset link", _reset, hurts_searches=False, breaks_link=True),
    Fault("garble link", _garble, hurts_searches=False),
    Fault("hold link", _hold, lasts=True),
    Fault("slow link", _delay, lasts=True),
    # Half a minute's journal, and what came during the restore, is folded again before new calls are.
    Fault(
        "database restored from 30 s ago",
        restore_later,
        lasts=True,
        seconds=30,
        harms_at_its_end=True,
        after_seconds=30.0,
    ),
)
#: What the larger layouts have besides their own: nothing that is done to a program or a store.
OF_THE_LINK = tuple(one for one in EVERYWHERE if "link" in one.name or one.name in ("QMS down", "QMS slow"))
ON_POSTGRESQL = (
    Fault("PostgreSQL crash", _kill(DATABASE, signal.SIGQUIT)),
    Fault("PostgreSQL restart", _kill(DATABASE, signal.SIGINT)),
    Fault("end database sessions", _terminate_backends),
    Fault("cancel database statements", _cancel_statements),
    Fault("database tables locked", _lock_tables, lasts=True),
)
ON_SQLITE = (Fault("database locked", _lock_database, lasts=True),)
WITH_A_FULL_DISK = (Fault("disk full", _fill_disk, lasts=True),)
WITH_A_MOVED_CLOCK = (
    Fault("clock 3 min ahead", _step_clock(180), lasts=True),
    Fault("clock 3 min behind", _step_clock(-180), lasts=True),
)
WITH_TWO_LISTENERS = (
    Fault("kill -9 leading listener", _kill_leader, breaks_link=True),
    Fault("kill -9 second listener", _kill_child(STANDBY)),
    Fault("freeze second listener", _freeze(STANDBY, child=True), lasts=True),
    Fault("kill -9 second keeper", _kill(STANDBY)),
)


def faults(plant: FaultStack) -> dict[str, Fault]:
    """Return the kinds that can be done in a run, by name."""
    asked = plant.asked
    if asked.upgrade_from:
        return {one.name: one for one in (UPGRADE, GO_BACK)}
    if asked.hosts > 1 or asked.has_replicas:
        return _chosen([*(WITH_TWO_HOSTS if asked.hosts > 1 else WITH_REPLICAS), *OF_THE_LINK], asked.only)
    kinds = [*EVERYWHERE, *(ON_SQLITE if asked.on_sqlite else ON_POSTGRESQL)]
    kinds += WITH_A_FULL_DISK if plant.disk.can_be_filled else ()
    kinds += WITH_A_MOVED_CLOCK if plant.clock.can_be_moved else ()
    kinds += WITH_TWO_LISTENERS if asked.listeners > 1 else ()
    return _chosen(kinds, asked.only)


def _chosen(kinds: Iterable[Fault], only: str) -> dict[str, Fault]:
    words = [word.replace("-", " ").lower() for word in only.split(",")]
    return {one.name: one for one in kinds if any(word in one.name.replace("-", " ").lower() for word in words)}
