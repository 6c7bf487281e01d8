"""Egress policy: resolves, checks, and pins addresses.

Addresses are written by users, and the agent stands in a place from which more can be reached than from theirs.
Refused, under whatever name: link-local addresses and the metadata services of clouds (they hand out the node's credentials),
multicast and the unspecified address. Plain http is for loopback and private addresses, so for services inside the cluster;
everything public needs https. Because the connection goes to the address that was judged, a name that changes its mind in
between gains nothing. Before a name is resolved, the lists of allowed hosts are asked.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from gitops_agent.httpclient.allowed_hosts import AllowedHosts
from gitops_agent.httpclient.message import DeliveryError

Resolve = Callable[[str, int], tuple[str, ...]]
"""From a host and a port to addresses."""

_FORBIDDEN = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure
        "192.0.0.192/32",  # Oracle
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "fe80::/10",
        "fd00:ec2::254/128",  # AWS
        "fd20:ce::254/128",  # Google
        "ff00::/8",
    )
)
WEB: Mapping[str, int] = {"http": 80, "https": 443}
MAIL: Mapping[str, int] = {"smtp": 587, "smtps": 465}
"""Schemes and their ports; `smtp` demands STARTTLS."""

_NAT64 = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressTarget:
    """A place a request may go to.

    Attributes:
        secure: whether TLS is spoken from the first byte.
        host: the name in the certificate and the Host header.
        port: the port.
        addresses: what the host resolved to; all of them allowed.
        path: with the query.
    """

    secure: bool
    host: str
    port: int
    addresses: tuple[str, ...]
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.secure else 80) else f"{name}:{self.port}"


def resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host, by the system's resolver.

    Raises:
        OSError: there are none.
    """
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in answers))


def target(
    url: str, *, hosts: Iterable[AllowedHosts] = (), resolver: Resolve = resolve, ports: Mapping[str, int] = WEB
) -> EgressTarget:
    """Resolves a URL, if requests may go there.

    Args:
        url: where to.
        hosts: lists that all have to allow its host.
        resolver: from a host to its addresses.
        ports: the schemes that may be spoken, and their ports.

    Raises:
        HostRefused: a list does not allow the host.
        DeliveryError: it is no address, the name does not resolve (transient), or it is refused.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise DeliveryError("the receiver's address is not a URL", transient=False) from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in ports or not host or not _printable(url):
        raise DeliveryError(f"the receiver's address is not an {' or '.join(ports)} URL", transient=False)
    if parts.username is not None or parts.password is not None:
        raise DeliveryError("the receiver's address holds credentials: put them into the Secret", transient=False)
    for allowed in hosts:
        allowed.check(host)
    port = port or ports[parts.scheme]
    try:
        addresses = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"the host {host} cannot be resolved: {getattr(error, 'strerror', None) or error}") from None
    for address in addresses:
        _allow(address, host, secure=parts.scheme != "http")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return EgressTarget(secure=parts.scheme.endswith("s"), host=host, port=port, addresses=addresses, path=path)


def _printable(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _allow(text: str, host: str, *, secure: bool) -> None:
    """Accepts an address, or raises."""
    address = _inner(ip_address(text.partition("%")[0]))
    if any(address in network for network in _FORBIDDEN if network.version == address.version):
        raise DeliveryError(f"the host {host} leads to {address}, where the agent never sends anything", transient=False)
    if not secure and not (address.is_loopback or address.is_private):
        raise DeliveryError(f"the host {host} is public: its address must be https", transient=False)


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one, where there is one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
