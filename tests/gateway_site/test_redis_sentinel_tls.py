"""Sentinels with TLS: journal, cache and broker check who the master is, and follow a fail-over."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from django.core.cache.backends.redis import RedisCache
from django.test import override_settings

from cti.api import Arrival, JournalUnavailable, append_unique, read_journal
from devtools.servers import free_port, is_listening, stop, wait_until
from tests.gateway_site.test_redis_addresses import until_it_works
from tests.gateway_site.test_redis_tls import SERVER, certify, published

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(SERVER is None, reason="no Redis with TLS (Debian: apt-get install redis-server)"),
]


class EncryptedSite:
    """A master, a replica and a Sentinel that speak TLS alone, and announce themselves by the name ``localhost``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master, self.replica, self.sentinel = free_port(), free_port(), free_port()
        self.servers: dict[int, subprocess.Popen[bytes]] = {}
        certify(folder, "localhost")

    def start(self) -> None:
        """Start the three, and wait until the Sentinel knows the replica."""
        self._serve(self.master)
        self._serve(self.replica, f"replicaof localhost {self.master}")
        self._serve(
            self.sentinel,
            "sentinel resolve-hostnames yes",
            "sentinel announce-hostnames yes",
            f"sentinel monitor gateway localhost {self.master} 1",
            "sentinel down-after-milliseconds gateway 1000",
            "sentinel failover-timeout gateway 5000",
        )
        wait_until(self._knows_the_replica, "the replica at the Sentinel", 40)

    def url(self, authority: Path | None = None) -> str:
        """Return the address for ``REDIS_URL``, with the file of the authority to trust."""
        return f"sentinels://localhost:{self.sentinel}/gateway/0?ssl_ca_certs={authority or self.authority}"

    @property
    def authority(self) -> Path:
        """Return the certificate that vouches for all three."""
        return self.folder / "server.crt"

    def stop(self) -> None:
        """Stop what still runs, the Sentinel first."""
        for port in (self.sentinel, self.replica, self.master):
            if port in self.servers:
                stop(self.servers[port])

    def _serve(self, port: int, *lines: str) -> None:
        own = self.folder / str(port)
        own.mkdir()
        lines = ("port 0", f"tls-port {port}", "bind 127.0.0.1", f"dir {own}", "tls-replication yes", *lines)
        files = (f"tls-cert-file {self.authority}", f"tls-key-file {self.folder / 'server.key'}")
        trust = (f"tls-ca-cert-file {self.authority}", "tls-auth-clients no")
        config = own / "redis.conf"
        config.write_text("\n".join((*lines, *files, *trust)))
        words = ["--sentinel"] if port == self.sentinel else ["--save", "", "--replica-announce-ip", "localhost"]
        command = [str(SERVER), str(config), *words]
        self.servers[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(lambda: is_listening(port), "Redis")

    def _knows_the_replica(self) -> bool:
        files = {"ssl": True, "ssl_ca_certs": str(self.authority)}
        with closing(redis.Redis("localhost", self.sentinel, decode_responses=True, **files)) as sentinel:  # type: ignore[arg-type]
            found = sentinel.sentinel_slaves("gateway")
        return any(one["master-link-status"] == "ok" for one in found)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[EncryptedSite]:
    found = EncryptedSite(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.stop()


def test_journal_cache_and_broker_follow_an_encrypted_master_through_a_fail_over(site: EncryptedSite) -> None:
    options = {"pool_class": "redis_address.pools.AddressPool", "socket_timeout": 2}
    cache = RedisCache([site.url()], {"OPTIONS": options})
    with override_settings(JOURNAL_URL=site.url()):
        append_unique("tls", [Arrival("e1", b"{}")])
        cache.set("a", 1)
        assert published(site.url()) == {"hint": 1}

        site.servers[site.master].kill()
        site.servers.pop(site.master).wait()
        until_it_works(lambda: append_unique("tls", [Arrival("e2", b"{}")]))

        until_it_works(lambda: cache.set("a", 2))
        until_it_works(lambda: published(site.url()))
        assert len(read_journal("tls", "0-0", 10)) == 2


def test_sentinels_that_another_authority_vouches_for_are_refused(site: EncryptedSite, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    certify(strange, "localhost")

    with (
        override_settings(JOURNAL_URL=site.url(strange / "server.crt")),
        pytest.raises(JournalUnavailable),
    ):
        append_unique("tls", [Arrival("e1", b"{}")])
