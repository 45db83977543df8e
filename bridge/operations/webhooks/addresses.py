"""Where webhooks may go: to the public internet, and into those networks that the firm allows. Pure.

Whatever else is reachable from the bridge's machine, such as the homeserver's own admin interface, is not for whoever
can make a webhook.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

URL_MOST = 2000
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an address of IPv4."""
_COMPATIBLE = IPv6Network("::/96")
"""RFC 4291, section 2.5.5.1, and the unspecified and the loopback address."""
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that the public internet has (IANA: IPv6 address space). Beside it are the private ways to IPv4, such as
RFC 8215's, whose end nobody sees from here."""
_DOCUMENTATION = IPv6Network("3fff::/20")
"""RFC 9637, of which Python does not know yet."""
_AZURE = ip_address("168.63.129.16")
"""A public address at which each machine in Azure reaches its own host, which has secrets."""
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?")
"""A host that ends in a number is an address of IPv4 and no name, in whatever form (WHATWG URL: ends in a number)."""


def may_connect(address: str, allowed: Sequence[str], *, only_allowed: bool = False) -> bool:
    """Whether a webhook may go to an address; `only_allowed`, only into the networks that the firm allows."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    meant = _meant(found)
    for network in allowed:
        within = ip_network(network, strict=False)
        if within.version == meant.version and meant in within:
            return True
    return not only_allowed and _is_public(meant)


def why_not(url: str, allowed: Sequence[str]) -> str:
    """Why an address cannot be a webhook's, as a sentence; empty where it can.

    What its host's name stands for is judged at each connection.
    """
    if len(url) > URL_MOST or not url.isascii() or any(one <= " " or one in "\x7f\\" for one in url):
        return f"The address has at most {URL_MOST} characters, without blanks and written in ASCII."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is no address, such as https://example.com/hook."
    if host and _NUMBER.fullmatch(host) and not _is_address(host):
        return "An address of IPv4 has four numbers, such as https://192.0.2.1/hook."
    if parts.scheme not in {"https", "http"} or not host:
        return "The address begins with https:// and has a host, such as https://example.com/hook."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "The address has neither a user name, nor a password, nor a part behind #."
    if parts.scheme == "http" and not allowed:
        return "The address begins with https://, so that nobody reads on the way what is told."
    if _is_address(host) and not may_connect(host, allowed, only_allowed=parts.scheme == "http"):
        return "Webhooks do not go to this machine or into this network (webhooks.allowed_networks)."
    return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _meant(found: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address of IPv4 that an address of IPv6 carries, else itself."""
    if isinstance(found, IPv4Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.sixtofour is not None:
        return found.sixtofour
    if found.teredo is not None:
        return found.teredo[1]
    carried = found in _NAT64 or (found in _COMPATIBLE and int(found) > 1)
    return IPv4Address(int(found) & 0xFFFFFFFF) if carried else found


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address) and (found not in _UNICAST or found in _DOCUMENTATION):
        return False
    return found.is_global and not found.is_multicast and found != _AZURE
