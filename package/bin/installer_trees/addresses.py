"""What kind of address a network event points to."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_CGNAT = ipaddress.ip_network("100.64.0.0/10")
_PRIVATE = tuple(
    ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


@lru_cache(maxsize=4096)
def address_type(address: str) -> str:
    """Tell what an IP address can reach.

    Returns:
        `public`, `private`, `loopback`, `link_local`, `cgnat`, `multicast` or `other` (unspecified,
        reserved, or no address at all); empty for an empty string. IPv4 in IPv6 counts as IPv4.

    Source: RFC 1918, RFC 3927, RFC 4193, RFC 6598.
    """
    if not address:
        return ""
    try:
        ip = ipaddress.ip_address(address.strip("[]").split("%", 1)[0])
    except ValueError:
        return "other"
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if ip.is_loopback:
        return "loopback"
    if ip.is_link_local:
        return "link_local"
    if ip.is_multicast:
        return "multicast"
    if ip.is_unspecified or str(ip) == "255.255.255.255":
        return "other"
    if ip.version == 4 and ip in _CGNAT:
        return "cgnat"
    if any(ip.version == net.version and ip in net for net in _PRIVATE):
        return "private"
    return "public"
