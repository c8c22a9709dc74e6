"""Which address a caller counts as."""

from ipaddress import AddressValueError, IPv6Address, IPv6Network

UNKNOWN_ADDRESS = "unknown"
"""Callers without an address, as over a Unix socket, share this one."""

_IPV6_PREFIX_BITS = 64
"""A household or a server is given so many bits: whoever has one address of the block has them all."""


def counted_address(host: str | None) -> str:
    """The address under which limits count a caller: IPv4 as it is, IPv6 by its /64.

    An IPv4 address that is written as IPv6 (``::ffff:192.0.2.1``) is the same as without that.
    """
    if not host:
        return UNKNOWN_ADDRESS
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, _IPV6_PREFIX_BITS), strict=False))
