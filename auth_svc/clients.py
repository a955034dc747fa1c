"""The client of a call: the address that the edge has seen."""

import ipaddress
from typing import Any

HEADER = "x-edge-client"
"""Set by the edge, which removes it from what clients send."""
_HOUSEHOLD = 64
"""The prefix of IPv6 that one client usually has for itself."""


def client_of(context: Any) -> str:
    """Return the address of a call's client, of IPv6 the first half; "" if the call did not come through the edge."""
    metadata = dict(context.invocation_metadata() or ()) if context is not None else {}
    try:
        address = ipaddress.ip_address(str(metadata.get(HEADER, "")))
    except ValueError:
        return ""
    # Some proxies write IPv4 addresses in this form: all would be in the same half.
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, _HOUSEHOLD), strict=False))
