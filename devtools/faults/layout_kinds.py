"""The faults of the larger layouts: fail-overs, hosts that are lost or parted, and an upgrade while calls go on."""

from django.core.management import call_command

from devtools.faults.earlier_version import EARLIER, beside
from devtools.faults.fault import Fault, Harm, Undo
from devtools.faults.stack import OTHERS, FaultStack
from devtools.faults.stores import ReplicatedStores, fail_over_redis
from devtools.faults.two_hosts import HOSTS, lose
from devtools.servers import free_port

#: How long a server that failed, or a host, stays away, in seconds.
AWAY_SECONDS = 20.0
#: How long both versions work side by side, in seconds.
SIDE_BY_SIDE_SECONDS = 30.0


def _stores(plant: FaultStack) -> ReplicatedStores:
    if not isinstance(plant.stores, ReplicatedStores):
        raise TypeError("these stores have no replicas")
    return plant.stores


def _promote(plant: FaultStack) -> Undo:
    database = _stores(plant).database
    database.fail_over(plant.supervisor)
    return lambda: database.rejoin(plant.supervisor)


def _promote_behind(plant: FaultStack) -> Undo:
    database = _stores(plant).database
    database.fail_over_behind(plant.supervisor)
    return lambda: database.rejoin(plant.supervisor)


def _fail_over_redis(plant: FaultStack) -> Undo:
    return fail_over_redis(_stores(plant).redis)


def _lose(host: str) -> Harm:
    def harm(plant: FaultStack) -> Undo:
        if plant.network is None:
            raise TypeError("there is one host only")
        return lose(plant.network, host, plant.supervisor, OTHERS)

    return harm


def _part(host: str) -> Harm:
    def harm(plant: FaultStack) -> Undo:
        network = plant.network
        if network is None:
            raise TypeError("there is one host only")
        network.part(host)
        return lambda: network.join(host)

    return harm


def _upgrade(plant: FaultStack) -> Undo:
    """Migrate and start today's version beside the earlier one; then stop the earlier one."""
    call_command("migrate", verbosity=0, interactive=False)
    for one in beside(plant.programs(), plant.place.folder, free_port()):
        plant.supervisor.start(one)
    return lambda: plant.supervisor.stop({name for name in plant.supervisor.names if name.endswith(EARLIER)})


def _go_back(plant: FaultStack) -> Undo:
    """Start the earlier version beside today's, on the database as it is; then stop today's."""
    if plant.earlier is None:
        raise TypeError("there is no earlier version")
    today = {one.name for one in beside(plant.programs(), plant.place.folder, 0)}
    for one in plant.earlier.programs(plant.environment()):
        plant.supervisor.start(one)
    return lambda: plant.supervisor.stop(today & plant.supervisor.names)


WITH_REPLICAS = (
    Fault("PostgreSQL promotion", _promote, lasts=True, seconds=AWAY_SECONDS, ends_at_once=True),
    Fault(
        "PostgreSQL promotion of a replica 3 s behind",
        _promote_behind,
        lasts=True,
        seconds=AWAY_SECONDS,
        ends_at_once=True,
    ),
    Fault("Sentinel fail-over", _fail_over_redis, lasts=True, seconds=AWAY_SECONDS, ends_at_once=True),
)
WITH_TWO_HOSTS = tuple(
    fault
    for host in HOSTS
    for fault in (
        Fault(f"host {host} lost", _lose(host), lasts=True, seconds=AWAY_SECONDS),
        Fault(f"host {host} parted", _part(host), lasts=True, seconds=AWAY_SECONDS),
    )
)
UPGRADE = Fault("upgrade, side by side", _upgrade, lasts=True, seconds=SIDE_BY_SIDE_SECONDS)
GO_BACK = Fault("back to the earlier version, side by side", _go_back, lasts=True, seconds=SIDE_BY_SIDE_SECONDS)
