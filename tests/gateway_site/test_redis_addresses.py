"""Every address that Redis may have leads journal, cache and broker to it; behind Sentinels also after a fail-over."""

import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.redis import RedisCache
from django.test import override_settings
from kombu import Connection

from cti.api import Arrival, JournalUnavailable, append_unique, journal_state, read_journal
from devtools.sentinels import SentinelSite, start_sentinel_site
from gateway_site.broker import transport
from redis_address import SentinelAddress, check_address, parse_sentinel
from redis_address.broker import broker

SECONDS = 30


def test_an_address_of_sentinels_names_them_and_their_master() -> None:
    found = parse_sentinel("sentinel://user:p%40ss@a:26379,b/gateway/3?sentinel_password=x")

    assert found == SentinelAddress(
        sentinels=(("a", 26379), ("b", 26379)),
        master="gateway",
        database=3,
        username="user",
        password="p@ss",
        options={"sentinel_password": "x"},
    )
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sentinel://a,b", "it names no master"),
        ("sentinel://a/m?colour=red", "it does not take colour"),
        ("redis+cluster://a", 'its kind is "redis\\+cluster"'),
        ("unix://", "it names no socket"),
        ("redis://a/b", "it cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_address(url)


def test_valkey_is_redis_by_another_name() -> None:
    assert check_address("valkeys://:secret@a:6380/1") == "rediss://:secret@a:6380/1"


def test_the_brokers_certificate_is_checked() -> None:
    found = broker("rediss://:secret@a:6380/1?ssl_ca_certs=/etc/ca.pem")

    assert found.url == "rediss://:secret@a:6380/1"
    assert found.use_ssl == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": "/etc/ca.pem",
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SentinelSite]:
    found = start_sentinel_site(tmp_path)
    try:
        with override_settings(JOURNAL_URL=found.url):
            yield found
    finally:
        found.stop()


def until_it_works(do: Any) -> float:
    """Return after how many seconds it worked."""
    began = time.monotonic()
    while True:
        try:
            do()
        except Exception:
            if time.monotonic() - began > SECONDS:
                raise
            time.sleep(0.1)
        else:
            return time.monotonic() - began


def appended(number: int) -> None:
    append_unique("pbx", [Arrival(f"e{number}", b"{}")])


@pytest.mark.slow
def test_journal_cache_and_broker_follow_the_master_through_a_fail_over(site: SentinelSite) -> None:
    transport.install()
    cache = RedisCache([site.url], {"OPTIONS": {"pool_class": "redis_address.pools.AddressPool", "socket_timeout": 2}})
    options = broker(site.url)

    def publish() -> None:
        with closing(Connection(options.url, transport_options=options.transport_options)) as link:
            queue = link.SimpleQueue("tried")
            queue.put({"hint": 1})
            assert queue.get(timeout=20).payload == {"hint": 1}

    appended(1)
    cache.set("a", 1)
    publish()
    before = journal_state("pbx")

    killed = site.kill_master()
    took = until_it_works(lambda: appended(2))
    until_it_works(lambda: cache.set("a", 2))
    until_it_works(publish)
    after = journal_state("pbx")

    assert site.master_port != killed
    assert took < SECONDS
    assert len(read_journal("pbx", "0-0", 10)) == 2
    assert cache.get("a") == 2
    assert after.former_replication_id == before.replication_id != after.replication_id


@pytest.mark.slow
def test_an_event_is_not_accepted_before_the_replica_has_it(site: SentinelSite) -> None:
    with override_settings(JOURNAL_WAIT_REPLICAS=1):
        appended(1)
        site.freeze(site.ports[1])
        with pytest.raises(JournalUnavailable, match="only 0 of 1 replicas"):
            appended(2)
        with pytest.raises(JournalUnavailable, match="only 0 of 1 replicas"):
            appended(2)
        site.thaw(site.ports[1])
        until_it_works(lambda: appended(2))

    assert len(read_journal("pbx", "0-0", 10)) == 2
