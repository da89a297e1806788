"""The rule of which hosts may be called: a list of names and networks, and addresses that no list opens by a name.

Link-local addresses stay closed, for there clouds hand out credentials to anyone. ``qms.endpoints`` applies the rule
with the list of the site.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

IpAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Link-local addresses, and the one of a cloud that is not: only a network of the list that lies in them opens them.
GUARDED: tuple[Network, ...] = tuple(map(ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")))
#: IPv6 networks whose last 32 bits are an IPv4 address: NAT64 (RFC 6052, RFC 8215) and IPv4-compatible addresses.
EMBEDS_IPV4: tuple[Network, ...] = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))


class Allowed(msgspec.Struct, frozen=True):
    """The list of a site. ``names`` are in small letters; one that begins with a point stands for all below it."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def may_call(self, host: str, to: IpAddress) -> bool:
        """Say whether a host may be called at the address that its name leads to."""
        found = _plain(to)
        if is_guarded(found):
            return any(found in own and _opens_guarded(own) for own in self.networks)
        is_free = not self.names and not self.networks
        return is_free or self.has_name(host) or any(found in own for own in self.networks)

    def has_name(self, host: str) -> bool:
        """Say whether the list has the name, or one above it with a point before."""
        name = host.lower().rstrip(".")
        above = [name[place:] for place, character in enumerate(name) if character == "."]
        return not self.names.isdisjoint([name, *above])

    def may_be_entered(self, host: str) -> bool:
        """Say whether a host may be saved: a name that only a network could allow is judged as it is called."""
        literal = _literal(host)
        if literal is not None:
            return self.may_call(host, literal)
        return not self.names or self.has_name(host) or bool(self.networks)


def parse(entries: Sequence[str]) -> Allowed:
    """Read the list; ``*.example.org`` stands for all below. Raises ``ValueError`` that names a bad entry."""
    names: set[str] = set()
    networks: list[Network] = []
    for entry in filter(None, (one.strip().lower() for one in entries)):
        if "/" in entry or _literal(entry) is not None:
            networks.append(_network(entry))
        else:
            names.add(_name(entry))
    return Allowed(frozenset(names), tuple(networks))


def is_guarded(found: IpAddress) -> bool:
    """Say whether an address, or the IPv4 address in it, is one at which clouds hand out credentials."""
    plain = _plain(found)
    return any(plain in guarded for guarded in GUARDED)


def _network(entry: str) -> Network:
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(f"{entry!r} is no network") from None


def _name(entry: str) -> str:
    name = entry.removeprefix("*").rstrip(".")
    if not name.strip(".") or any(character in "*:@ " for character in name):
        raise ValueError(f"{entry!r} is neither a host name nor a network")
    return name


def _literal(host: str) -> IpAddress | None:
    """Return the address that a host is written as, 0xA9FEA9FE and 2852039166 included; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _plain(found: IpAddress) -> IpAddress:
    """Return the IPv4 address that an IPv6 address leads to: mapped, 6to4, Teredo, NAT64 or IPv4-compatible."""
    if not isinstance(found, IPv6Address):
        return found
    embedded = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
    if embedded is None and any(found in prefix for prefix in EMBEDS_IPV4):
        embedded = IPv4Address(int(found) & 0xFFFF_FFFF)
    return embedded or found


def _opens_guarded(own: Network) -> bool:
    return any(own.version == guarded.version and own.subnet_of(guarded) for guarded in GUARDED)  # type: ignore[arg-type]
