"""Where a name leads, and whether a notice may go there.

A URL in the settings must not become a way into the machine's own network. A name is resolved once,
every address it has is checked, and the connection goes to the very address that was checked: a
second look-up could answer otherwise (DNS rebinding).
"""

import ipaddress
import socket
from collections.abc import Callable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class AddressRefused(Exception):
    """The target has no address, or one to which notices may not go."""


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host, in the system's order; 127.1 and 0x7f000001 are addresses too."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_addresses(
    host: str, port: int, *, allow_private: bool, resolver: Resolver = resolve
) -> list[str]:
    """The addresses of `host`. Raises `AddressRefused` when there is none, or when one is not
    public although only public ones are allowed."""
    try:
        found = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"{host} can't be resolved ({error})") from error
    if not found:
        raise AddressRefused(f"{host} has no address")
    hidden = [address for address in found if not is_public(address)]
    if hidden and not allow_private:
        raise AddressRefused(
            f"{host} is not public (its address is {hidden[0]}); "
            "notify.allow_private = true allows it"
        )
    return found


def is_public(text: str) -> bool:
    """Whether it, and any address embedded in it, is a unicast address of the public internet."""
    address = ipaddress.ip_address(text.partition("%")[0])  # % begins an interface's name
    return all(_is_public(part) for part in (address, *_inside(address)))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in NAT64):
        return True  # the embedded one decides
    odd = address.is_multicast or address.is_reserved or address.is_unspecified
    is_site = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not odd and not is_site and not address.is_link_local


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += address.teredo or ()
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [part for part in found if part is not None]
